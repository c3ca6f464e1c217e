"""Services: both sides of ``~/call/@/{service}`` and ``~/reply/@/{instance}``.

Artifacts are asked for in the same way on ``~/fetch/@/{sha256}``, each side on a connection of its
own; hence ``kind``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID

from labmesh._rate import RateLimit
from labmesh.mesh import Mesh
from labmesh.security import READING
from labmesh.transport import Subscription
from messages.envelope import Header, pack
from messages.errors import (
    CallRefusedError,
    CallTimeoutError,
    LabmeshError,
    MessageError,
    TransportError,
)
from messages.ids import NodeId, check_name, new_id
from messages.model import JsonObject
from messages.node import Call, CallFailure, Reply
from messages.topics import Topic

_CALLED_BY: Final[ContextVar[NodeId | None]] = ContextVar("labmesh_called_by", default=None)


def called_by() -> NodeId:
    """Return who called the service that runs now; the MQTT broker vouches for the name.

    Raises:
        RuntimeError: No service runs in this task.
    """
    author = _CALLED_BY.get()
    if author is None:
        raise RuntimeError("no service runs here; ask within its handler")
    return author


Service = Callable[[JsonObject, Header], Awaitable[JsonObject]]
"""Takes the arguments and the caller's header; raises `LabmeshError` to refuse."""

Guard = Callable[[], AbstractAsyncContextManager[None]]
"""Holds what a service needs for itself."""

logger = logging.getLogger("labmesh.calls")

REPLY_LIMIT: Final = 80 * 1024
"""Largest value of a reply in bytes; the envelope and MQTT's own header need the rest."""

_REMEMBERED: Final = 1024
"""Calls remembered, so that a redelivered one is not served twice."""

RATE: Final = 500.0
BURST: Final = 1000.0
"""Calls a second that one caller may go on with, and may make at once. A node serves some thousands
(``benchmarks/roundtrip.py``): who asks one thing after the other never comes to half of it, and
several who flood leave room for others."""

_REFUSALS: Final = 5.0
"""Refusals a second said to one caller, and to the log; an answer costs more than a call."""


class Caller:
    """The client's side. `open` first.

    Attributes:
        on_call: Told of every call, before it is made.
    """

    def __init__(self, mesh: Mesh, *, kind: str = "call") -> None:
        self._mesh = mesh
        self._kind = kind
        self._waiting: dict[UUID, tuple[NodeId, asyncio.Future[Reply]]] = {}
        self.on_call: Callable[[NodeId, str], None] | None = None

    async def open(self) -> None:
        """Subscribe to replies."""
        await self._mesh.on_message(
            self._mesh.topics.to_me("reply", self._mesh.instance), Reply, self._take
        )

    def _take(self, reply: Reply, header: Header, topic: Topic) -> None:
        servant, future = self._waiting.get(reply.call, (None, None))
        if future is None or future.done():
            return
        if topic.author != servant:
            # Whoever reads along knows the call's id.
            logger.warning("answer of %s to a call of %s not taken", topic.author, servant)
            return
        future.set_result(reply)

    async def call(
        self,
        node: NodeId,
        service: str,
        arguments: JsonObject,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> JsonObject:
        """Call ``service`` of ``node`` and return its value.

        Raises:
            CallTimeoutError: No answer within ``timeout`` wall seconds.
            CallRefusedError: The node answered with a failure.
            TransportError: The call could not be published.
        """
        if self.on_call is not None:
            self.on_call(node, service)
        call = Call(
            arguments=arguments,
            instance=self._mesh.instance,
            deadline=time.time_ns() + int(timeout * 1e9),
        )
        identity = new_id()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[identity] = (node, future)
        try:
            async with asyncio.timeout(timeout):
                await self._mesh.send(
                    self._mesh.topics.to(self._kind, node, service),
                    call,
                    expiry=timeout,
                    id=identity,
                    correlation=identity,
                )
                reply = await future
        except TimeoutError:
            raise CallTimeoutError(
                f"{node} did not answer within {timeout:g} s",
                where=service,
                remedy="see `labmesh node list` whether it is online",
            ) from None
        finally:
            del self._waiting[identity]
        if reply.failure is not None:
            raise CallRefusedError(
                reply.failure.message,
                where=f"{node} {service}",
                remedy=reply.failure.remedy,
                code=reply.failure.code,
            )
        return reply.value or {}


class Server:
    """The servant's side: one subscription, every call a task of its own.

    Attributes:
        operators: Who alone may call what is not among `labmesh.security.READING`; None: whoever
            the MQTT broker lets call.
        on_skew: Told of every call by how many seconds the caller's clock is ahead of ours, as far
            as whole seconds and the way of the message let that be known.
        answers: Tells whether a caller (``site/node``) gets an answer of a service.
        refused: Calls refused because there were too many, or because of who made them.
    """

    def __init__(self, mesh: Mesh, *, kind: str = "call") -> None:
        self._mesh = mesh
        self._kind = kind
        self._services: dict[str, Service] = {}
        self._guards: dict[str, Guard] = {}
        self._seen: OrderedDict[tuple[NodeId, UUID], None] = OrderedDict()
        self._calls = RateLimit(RATE, BURST)
        self._refusals = RateLimit(_REFUSALS, _REFUSALS)
        self.on_skew: Callable[[str, float], None] = lambda _caller, _seconds: None
        self.operators: frozenset[str] | None = None
        self.answers: Callable[[str, str], bool] = lambda _service, _caller: True
        self.refused = 0

    @property
    def names(self) -> tuple[str, ...]:
        """What is served, sorted."""
        return tuple(sorted(self._services))

    def add(self, name: str, service: Service, *, guard: Guard | None = None) -> None:
        """Serve ``name`` inside of what ``guard`` returns; who waited there too long is refused."""
        self._services[name] = service
        if guard is not None:
            self._guards[name] = guard

    def find(self, name: str) -> Service | None:
        """Return what serves ``name``."""
        return self._services.get(name)

    async def open(self, name: str = "+") -> Subscription:
        """Subscribe to the calls of all services, or of one."""
        pattern = self._mesh.topics.to_me(self._kind, name)
        return await self._mesh.on_message(pattern, Call, self._take)

    def _take(self, call: Call, header: Header, topic: Topic) -> None:
        if not self._calls.admit(header.sender, time.monotonic()):
            what = f"more than {RATE:.0f} calls a second"
            self._refuse(header, call, topic, "too_many_calls", what, "call less often")
            return
        if (topic.author, header.id) in self._seen:
            return
        self._seen[topic.author, header.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if not self._is_allowed(topic.rest[0], header.sender):
            what = f"{header.sender} is not among the operators of {self._mesh.me}"
            remedy = "ask one of them, or see its parameter operators"
            self._refuse(header, call, topic, "not_allowed", what, remedy)
            return
        if not self.answers(topic.rest[0], header.sender):
            what = f"{self._mesh.me} tells other sites nothing of its work at present"
            remedy = "something at its site is confidential: ask the ledger, or somebody there"
            self._refuse(header, call, topic, "confidential", what, remedy)
            return
        limit = self._limit(call, header)
        self._mesh.background(self._serve(call, header, topic, limit), f"serve {topic.rest[0]}")

    def _limit(self, call: Call, header: Header) -> float:
        """Return the monotonic time until which the caller waits.

        What is left by the MQTT broker's count needs no clocks that agree; and the deadline, which
        is by the caller's, then tells how far that is off.
        """
        left, delivery = (call.deadline - time.time_ns()) / 1e9, self._mesh.delivery
        if delivery is not None and delivery.expiry is not None:
            self.on_skew(header.sender, left - delivery.expiry)
            left = delivery.expiry
        return time.monotonic() + left

    def _is_allowed(self, name: str, caller: str) -> bool:
        return self.operators is None or name in READING or caller in self.operators

    def _refuse(
        self, header: Header, call: Call, topic: Topic, code: str, what: str, remedy: str
    ) -> None:
        """Count a call that is not served; say so as often as a flood allows."""
        self.refused += 1
        if not self._refusals.admit(header.sender, time.monotonic()):
            return
        service = topic.rest[0]
        logger.warning("call of %s by %s refused: %s", service, header.sender, what)
        sorry = _failure(header, code, what, remedy)
        limit = self._limit(call, header)
        self._mesh.background(self._reply(sorry, call, header, topic, limit), f"refuse {service}")

    async def _serve(self, call: Call, header: Header, topic: Topic, limit: float) -> None:
        name = topic.rest[0]
        _CALLED_BY.set(topic.author)  # of this task alone
        try:
            reply = await self._answer(name, call, header, limit)
            await self._reply(reply, call, header, topic, limit)
        except MessageError as error:
            # The answer does not travel (NaN, too deep): the caller must not wait in vain.
            logger.error("answer of service %s: %s", name, error)
            sorry = _failure(header, "failed", f"the answer does not travel: {error.what}", "")
            await self._reply(sorry, call, header, topic, limit)

    async def _reply(
        self, reply: Reply, call: Call, header: Header, topic: Topic, limit: float
    ) -> None:
        try:
            await self._mesh.send(
                self._mesh.topics.to("reply", topic.author, call.instance),
                reply,
                expiry=max(limit - time.monotonic(), 1.0),
                correlation=header.id,
                trace=header.trace,
            )
        except TransportError as error:
            logger.warning("answer to %s not sent: %s", topic.author, error)

    async def _answer(self, name: str, call: Call, header: Header, limit: float) -> Reply:
        late = time.monotonic() - limit
        if late > 0:
            # Said, not kept silent: where the clocks differ every call would time out unexplained.
            what = f"the deadline passed {late:.1f} s ago by the clock of {self._mesh.me}"
            return _failure(header, "too_late", what, "if it did not, set the machines' clocks")
        service = self.find(name)
        if service is None:
            known = ", ".join(self.names)
            return _failure(header, "unknown_service", f"{self._mesh.me} has no service {name!r}",
                            f"it has {known}")  # fmt: skip
        try:
            async with self._guards.get(name, nullcontext)():
                if time.monotonic() > limit:
                    what = f"{name} was busy with other work until nobody waited any more"
                    return _failure(header, "busy", what, "call again, or with a longer timeout")
                value = await service(call.arguments, header)
            size = len(pack(value))
        except LabmeshError as error:
            code = error.code if isinstance(error, CallRefusedError) else "refused"
            text = f"{error.where}: {error.what}" if error.where else error.what
            return _failure(header, code, text, error.remedy)
        except Exception as error:
            logger.exception("service %s failed", name)
            text = f"{type(error).__name__}: {error}"
            return _failure(header, "failed", text, f"see the log of {self._mesh.me}")
        if size > REPLY_LIMIT:
            return _failure(header, "too_large", f"the answer has {size} bytes", "ask for less")
        return Reply(call=header.id, value=value)


def _failure(header: Header, code: str, message: str, remedy: str) -> Reply:
    plain = [text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:4000] for text in (message, remedy)]
    try:
        check_name(code, "code")
    except LabmeshError:
        code = "refused"
    failure = CallFailure(code=code, message=plain[0], remedy=plain[1])
    return Reply(call=header.id, failure=failure)


def not_active(node: NodeId, state: str) -> CallRefusedError:
    """Return the refusal of a service that only an active node gives."""
    return CallRefusedError(
        f"{node} is {state}",
        remedy=f"activate it: labmesh lifecycle set {node} activate",
        code="not_active",
    )


def value_of(result: Any) -> JsonObject:
    """Return what a service handler returned as a plain map."""
    if result is None:
        return {}
    return dict(result) if isinstance(result, dict) else dict(result.model_dump())
