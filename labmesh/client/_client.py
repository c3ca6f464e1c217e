"""The requester's side of the ledger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel

from labmesh.artifacts import ArtifactDesk
from labmesh.calls import Caller
from labmesh.client._goal import Feedback
from labmesh.client._handle import RequestHandle
from labmesh.client._patience import patience
from labmesh.client._result import result_at
from labmesh.mesh import Mesh, MessageHandler
from labmesh.outbox import Outbox
from labmesh.tracing import message_attributes, request_attributes
from labmesh.transport import Subscription
from messages.access import withheld_hash
from messages.artifact import ArtifactView
from messages.envelope import Header, validate
from messages.errors import (
    CallError,
    CallRefusedError,
    ConfigurationError,
    LabmeshError,
    TransportError,
)
from messages.ids import NodeId, new_id
from messages.ledger import (
    FINAL,
    ArtifactRef,
    Cancel,
    Decision,
    Entry,
    EntryKind,
    FromState,
    Progress,
    Request,
    Result,
    Status,
    StatusChange,
)
from messages.model import JsonObject
from messages.query import RequestView, ResultView
from messages.topics import Topic

logger = logging.getLogger("labmesh.client")

_LOOK_AGAIN: Final = 20.0
"""Wall seconds after which open requests are looked up, should a journal entry have been missed."""

_LOOKS: Final = 200
"""Requests looked up in one round, those longest without news first."""


class LabClient:
    """Submits requests, posts results and reads the ledger, as one identity.

    Args:
        mesh: The seat in the mesh.
        outbox: Durable messages to the ledger.
        caller: Service calls.
        artifacts: Attaches and gets large files; without it only what the ledger has is listed.
    """

    def __init__(
        self,
        mesh: Mesh,
        outbox: Outbox,
        caller: Caller,
        artifacts: ArtifactDesk | None = None,
    ) -> None:
        self._mesh = mesh
        self._outbox = outbox
        self._caller = caller
        self._artifacts = artifacts
        self._open: dict[UUID, RequestHandle] = {}
        self._unanswered = False
        self._heard_of: set[NodeId] = set()

    @property
    def ledger(self) -> NodeId:
        """The broker node this client speaks to."""
        return self._outbox.ledger

    @property
    def closed(self) -> bool:
        """Whether this client has left the mesh."""
        return self._mesh.closed

    @property
    def open_requests(self) -> int:
        """How many requests are watched, because they have not ended."""
        return len(self._open)

    async def open(self) -> None:
        """Subscribe to the journal's entries about this identity's requests."""
        await self._hear_of(self._mesh.me)

        async def look() -> None:
            self._mesh.background(self._look_up_open(0.0), "look up open requests")

        self._mesh.transport.on_connect(look)
        self._mesh.background(self._look_up_for_ever(), "look up open requests again")

    async def _hear_of(self, requester: NodeId) -> None:
        """Subscribe to the journal's entries about somebody's requests, once."""
        if requester not in self._heard_of:
            self._heard_of.add(requester)
            to = (requester.site, requester.node)
            pattern = self._mesh.topics.of(self.ledger, "journal", "+", *to)
            await self._mesh.on_message(pattern, Entry, self._take)

    async def submit(
        self,
        quantity: str,
        method: str,
        parameters: BaseModel | JsonObject,
        *,
        campaign: str | None = None,
        priority: int = 5,
        expires: int | None = None,
        attempts: int = 3,
        wait: bool = False,
        from_state: FromState | None = None,
        parent: UUID | None = None,
        id: UUID | None = None,  # noqa: A002
        on_feedback: Callable[[Feedback], None] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> RequestHandle:
        """Submit a request; return when the ledger has it for good.

        Args:
            quantity: What to measure, compute or do.
            method: By which method.
            parameters: A model, or a map that satisfies the capability's schema.
            campaign: The campaign it belongs to.
            priority: 0 to 9; 9 is served first.
            expires: Wall time (ns) by the ledger's clock after which nobody shall begin it.
            attempts: How many workers may try.
            wait: Wait for an offer where none fits now, instead of being refused.
            from_state: The state its sample must be in.
            parent: The request in whose service this one is asked.
            id: Its uuid; submitting the same again returns the same request.
            on_feedback: Called with every word of its worker, from the first one on.
            timeout: Wall seconds to wait for the ledger.

        Raises:
            RefusedError: The ledger refused it; the message says which field, and why.
            CallTimeoutError: The ledger has not answered in time. It may take it yet: submit it
                again under the same ``id``.
        """
        plain = parameters.model_dump() if isinstance(parameters, BaseModel) else parameters
        request = Request(
            quantity=quantity,
            method=method,
            parameters=plain,
            campaign=campaign,
            priority=priority,
            expires=expires,
            attempts=attempts,
            wait=wait,
            from_state=from_state,
            parent=parent,
        )
        identity = id or new_id()
        what, remedy = f"{self.ledger} has not answered", f"submit it again with id={identity}"
        async with patience(timeout, what, remedy):
            return await self._submit(request, identity, on_feedback, asked_before=id is not None)

    async def _submit(
        self,
        request: Request,
        identity: UUID,
        on_feedback: Callable[[Feedback], None] | None,
        *,
        asked_before: bool,
    ) -> RequestHandle:
        quantity, method, campaign = request.quantity, request.method, request.campaign
        # Known before it is sent: its status may come before its receipt.
        known = self._open.get(identity)
        handle = self._open[identity] = known or RequestHandle(self, identity, -1)
        if on_feedback is not None:
            listening = asyncio.Event()
            self._mesh.background(_hear(handle, on_feedback, listening), f"hear {identity}")
            await listening.wait()
        topic = self._mesh.topics.to("request", self.ledger, quantity, method)
        tracer, about = self._mesh.tracer, request_attributes(identity, quantity, method, campaign)
        if handle.span is None:
            handle.span = tracer.begin(f"request {quantity}", "client", attributes=about)
        send = {**about, **message_attributes("send", topic, identity)}
        try:
            with tracer.begin(
                "send request", "producer", parent=handle.span.traceparent, attributes=send
            ) as span:
                receipt = await self._outbox.send(
                    topic, request, id=identity, trace=span.traceparent
                )
        except BaseException as error:
            if known is None:
                self._open.pop(identity, None)
                handle.let_go(f"{type(error).__name__}: {error}")
            raise
        handle.offset = receipt.offset or 0
        if asked_before and not handle.changes:
            # Perhaps an old acquaintance, whose end the journal will not tell again.
            self._mesh.background(self._look_up_one(handle), f"look up {identity}")
        return handle

    async def goal(self, id: UUID | str, *, timeout: float = 10.0) -> RequestHandle:  # noqa: A002, ASYNC109
        """Return the goal of that id, whoever submitted it, whenever; it may long have ended.

        Raises:
            CallRefusedError: The ledger knows no such request.
            CallTimeoutError: The ledger has not answered within ``timeout`` wall seconds.
        """
        async with patience(timeout, f"{self.ledger} has not answered", "see `labmesh node list`"):
            return await self.watch(UUID(str(id)))

    async def on_progress(self, id: UUID, handler: MessageHandler[Progress]) -> Subscription:  # noqa: A002
        """Subscribe to what any worker says about a request on its way."""
        ledger = self.ledger
        words = self._mesh.topics.of(None, "progress", ledger.site, ledger.node, str(id))
        return await self._mesh.on_message(words, Progress, handler)

    async def watch(self, id: UUID) -> RequestHandle:  # noqa: A002
        """Return a handle of a request that was submitted before, perhaps by an earlier process.

        Raises:
            CallRefusedError: The ledger knows no such request.
        """
        handle = self._open.get(id)
        if handle is None:
            # Known before it is asked for: a change may come before the answer.
            handle = self._open[id] = RequestHandle(self, id, -1)
            try:
                reply = await self.query("query.request", {"id": str(id)})
                view = validate(RequestView, reply["request"], where="request")
                handle.offset = view.offset
                await self._hear_of(NodeId.parse(view.author))
                self._replay(handle, reply["log"])
            except BaseException:
                self._open.pop(id, None)
                raise
        return handle

    async def request(
        self, quantity: str, method: str, parameters: BaseModel | JsonObject, **options: Any
    ) -> ResultView:
        """Submit a request and return its result; options and errors as `submit`, then `result`.

        A ``timeout`` is of both together; the request goes on when it is over.
        """
        seconds = options.pop("timeout", None)
        what = f"{quantity}/{method} has no result"
        async with patience(seconds, what, "it may go on: see `labmesh request list`"):
            handle = await self.submit(quantity, method, parameters, **options)
            return await handle.result()

    async def cancel(self, id: UUID, reason: str = "") -> int:  # noqa: A002
        """Retract a request of one's own; return the offset of the change of its status.

        An instrument that has begun is asked to stop: `RequestHandle.cancel` waits for its answer.

        Raises:
            RefusedError: It has ended, or is somebody else's.
        """
        topic = self._mesh.topics.to("cancel", self.ledger, str(id))
        receipt = await self._outbox.send(topic, Cancel(request=id, reason=reason))
        return receipt.offset or 0

    async def decide(
        self,
        id: UUID,  # noqa: A002
        decision: Literal["release", "abandon"],
        *,
        reason: str = "",
        person: str = "",
    ) -> None:
        """Say a person's word on a held request: try it again, or give it up.

        Raises:
            RefusedError: It is not held.
        """
        topic = self._mesh.topics.to("decision", self.ledger, str(id))
        message = Decision(request=id, decision=decision, reason=reason, person=person)
        await self._outbox.send(topic, message)

    async def post_result(self, result: Result, *, id: UUID | None = None) -> UUID:  # noqa: A002
        """Post a result that nobody asked for; idempotent by ``id``. Return its uuid.

        Raises:
            RefusedError: As the ledger says.
        """
        identity = id or new_id()
        topic = self._mesh.topics.to("result", self.ledger, result.quantity, result.method)
        await self._outbox.send(topic, result, id=identity)
        if self._artifacts is not None:
            self._artifacts.named(result.artifacts)
        return identity

    async def attach(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """Keep a copy of a file, or of bytes, for a `Result` that is posted next.

        Args:
            source: A path (the file is never read as a whole), or bytes.
            name: What it is called; a file's own name by default.
            media_type: By default guessed from the name.

        Raises:
            ArtifactError: There is no such file, it is too large, or the copy cannot be written.
        """
        return await self._desk.attach(source, name=name, media_type=media_type)

    async def artifact(
        self,
        sha256: str,
        *,
        to: Path | str,
        progress: Callable[[int, int], None] | None = None,
        patience: float = 30.0,
    ) -> Path:
        """Fetch an artifact into the file ``to``, from the broker node or else from its author.

        The file appears under its name only when it is complete and fits its hash; until then it
        is ``{to}.part``, from where the next call goes on.

        Args:
            sha256: Its address, as a result's ``artifacts`` name it.
            to: Where; what is there is replaced.
            progress: Told the bytes that are there, and how many there will be.
            patience: Wall seconds without an answer after which a holder is given up.

        Raises:
            ArtifactError: Nobody has it, its content does not fit the hash, or the file cannot be
                written.
        """
        await self._desk.get(sha256, Path(to), progress=progress, patience=patience)
        return Path(to)

    async def artifacts(self, **filters: Any) -> AsyncIterator[ArtifactView]:
        """Yield the artifacts that match (result, sha256, missing), by offset of their result."""
        async for item in self._pages("query.artifacts", "artifacts", filters):
            yield validate(ArtifactView, item, where="artifact")

    @property
    def _desk(self) -> ArtifactDesk:
        if self._artifacts is None:
            raise ConfigurationError(
                "this client has no place for artifacts", remedy="make it with labmesh.connect"
            )
        return self._artifacts

    async def query(
        self,
        service: str,
        arguments: JsonObject | None = None,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> JsonObject:
        """Call a reading service of the ledger (``query.requests``, ``journal.read`` ...).

        Raises:
            CallError: No answer in time, or a refusal.
        """
        return await self._caller.call(self.ledger, service, arguments or {}, timeout=timeout)

    async def result(self, id: UUID | str) -> ResultView:  # noqa: A002
        """Return one result by its uuid (or a unique beginning of it)."""
        reply = await self.query("query.result", {"id": str(id)})
        return validate(ResultView, reply["result"], where="result")

    async def requests(self, **filters: Any) -> AsyncIterator[RequestView]:
        """Yield the requests that match, by offset.

        By status, quantity, method, campaign, sample, parent, author.
        """
        async for item in self._pages("query.requests", "requests", filters):
            yield validate(RequestView, item, where="request")

    async def results(self, **filters: Any) -> AsyncIterator[ResultView]:
        """Yield the results that match (request, quantity, method, campaign, unsolicited ...)."""
        async for item in self._pages("query.results", "results", filters):
            yield validate(ResultView, item, where="result")

    async def _pages(self, service: str, key: str, filters: JsonObject) -> AsyncIterator[Any]:
        after: int | None = None
        while True:
            page = await self.query(
                service, {**filters, **({} if after is None else {"after": after})}
            )
            for item in page[key]:
                yield item
            after = page["next"]
            if after is None:
                return

    def _take(self, entry: Entry, header: Header, topic: Topic) -> None:
        if withheld_hash(entry.body) is not None:
            return  # of what the ledger's site keeps to itself by now
        if entry.kind is EntryKind.STATUS:
            change = validate(StatusChange, entry.body, where="entry")
            handle = self._open.get(change.request)
            if handle is not None:
                self._show(handle, "status", entry, header, topic)
                self._note(handle, change, entry.offset)
        elif entry.kind is EntryKind.RESULT:
            view = result_at(entry)
            handle = self._open.get(view.request) if view.request else None
            if handle is not None:
                self._show(handle, "result", entry, header, topic)
                handle.heard = view

    def _show(
        self, handle: RequestHandle, what: str, entry: Entry, header: Header, topic: Topic
    ) -> None:
        """Record that the ledger's word has come."""
        if not self._mesh.tracer.recording or not header.trace:
            return
        about = {
            **message_attributes("receive", topic.name, header.id),
            **request_attributes(handle.id),
            "labmesh.offset": entry.offset,
        }
        self._mesh.tracer.begin(
            f"receive {what}", "consumer", parent=header.trace, attributes=about
        ).end()

    def close(self) -> None:
        """End the spans of what is still under way: whoever asked does not wait any more."""
        for handle in self._open.values():
            handle.let_go("")

    def _note(self, handle: RequestHandle, change: StatusChange, offset: int) -> None:
        handle.news = asyncio.get_running_loop().time()
        handle.take(change, offset)
        if change.after in FINAL:
            self._open.pop(handle.id, None)
            handle.let_go("" if change.after is Status.RESOLVED else change.message)

    def _replay(self, handle: RequestHandle, log: list[JsonObject]) -> None:
        for line in log:
            fields = {key: line[key] for key in StatusChange.model_fields if key in line}
            change = validate(StatusChange, {**fields, "request": handle.id}, where="log")
            self._note(handle, change, line["offset"])

    async def _look_up_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            await self._look_up_open(_LOOK_AGAIN)

    async def _look_up_open(self, silence: float) -> None:
        """Look up requests without news for ``silence`` seconds; stop where nobody answers."""
        before = asyncio.get_running_loop().time() - silence
        silent = [h for h in self._open.values() if h.offset >= 0 and h.news <= before]
        for handle in sorted(silent, key=lambda handle: handle.news)[:_LOOKS]:
            if not await self._look_up(handle):
                return

    async def _look_up_one(self, handle: RequestHandle) -> None:
        await self._look_up(handle)

    async def _look_up(self, handle: RequestHandle) -> bool:
        """Bring a handle up to date; return whether the ledger answered."""
        try:
            reply = await self.query("query.request", {"id": str(handle.id)})
            handle.news = asyncio.get_running_loop().time()
            self._replay(handle, reply["log"])
            if self._unanswered:
                logger.warning("%s answers again", self.ledger)
            self._unanswered = False
        except CallRefusedError as error:
            logger.warning("request %s cannot be looked up: %s", handle.id, error)
        except (CallError, TransportError) as error:
            logger.debug("request %s not looked up: %s", handle.id, error)
            if not self._unanswered:
                logger.warning(
                    "no answer from %s: %d requests wait; see `labmesh node list`",
                    self.ledger,
                    len(self._open),
                )
            self._unanswered = True
            return False
        except (LabmeshError, KeyError, TypeError):
            logger.exception("cannot read the log of request %s", handle.id)
        return True


async def _hear(
    handle: RequestHandle, hear: Callable[[Feedback], None], listening: asyncio.Event
) -> None:
    """Hand on the words of a request's worker until it ends."""
    async with handle.hearing(hear):
        listening.set()
        await handle.gone.wait()
