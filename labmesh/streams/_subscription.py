"""Subscriptions to typed streams of other nodes."""

from __future__ import annotations

import asyncio
import difflib
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from labmesh.log import NodeLog
from labmesh.mesh import Mesh, check_author
from labmesh.streams._callbacks import Callbacks
from labmesh.streams._order import LossMeter, Sequence, Verdict
from labmesh.streams._pace import Pace, Watchdog, stop_task
from labmesh.streams._publisher import DeadlineMissed, OnMissed
from labmesh.streams._qos import QoS
from labmesh.streams._source import LivelinessChanged, Sources
from labmesh.streams._troubles import Troubles
from labmesh.transport import Delivery
from labmesh.transport import Subscription as Route
from messages.envelope import Header, RawEnvelope, decode
from messages.errors import LabmeshError, SchemaMismatchError
from messages.ids import NodeId
from messages.model import Message
from messages.node import Beat, Descriptor, Published
from messages.schema import schema_hash
from messages.topics import parse_topic

M = TypeVar("M", bound=Message)

_GRACE: Final = 5.0
"""Wall seconds that a callback has to end after it was told to."""

_FAREWELL: Final = 1.0
"""Wall seconds that the MQTT broker has to take note that one listens no more."""

_QUEUE: Final = 10_000
"""Best-effort messages that wait for a callback where the profile gives no depth."""

_AUTHORS: Final = 10_000
"""Authors of one stream that are told apart; beyond that those heard first are forgotten."""


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """What comes with a message.

    Attributes:
        source: Who published it.
        header: Its envelope's.
        age: Seconds since it was stamped, by this node's clock; two hosts' clocks may differ.
        retained: Whether it was kept by the MQTT broker from before one listened.
    """

    source: NodeId
    header: Header
    age: float
    retained: bool


Callback = Callable[..., Awaitable[None] | None]
"""``f(message)`` or ``f(message, info)``, a coroutine function or a plain one."""


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who is told of what concerns a subscription beside its messages."""

    missed: OnMissed
    liveliness: Callable[[LivelinessChanged], None]


class StreamSubscription(Generic[M]):
    """Takes messages of one type from one stream of one node, or of all nodes.

    Args:
        mesh: The node's seat.
        source: Whose stream; None for everybody's.
        stream: The topic below ``~``: ``data/temperature``.
        model: The type.
        callback: Takes the messages.
        qos: What to watch for.
        strict: Whether its reliability and durability were asked for; else one takes what there is.
        resource: Held while the callback runs.
        callbacks: Runs it.
        sources: Watches the source.
        troubles: Where is counted what goes wrong.
        log: Where it is told.
        hearers: Told of deadlines and liveliness.

    Attributes:
        received: Messages given to the callback so far.
        offered: What the source's descriptor says of the stream; None: it does not name it (yet).
        alive: The last word about the source; None: nothing is known.
    """

    def __init__(
        self,
        mesh: Mesh,
        source: NodeId | None,
        stream: str,
        model: type[M],
        callback: Callback,
        *,
        qos: QoS,
        strict: bool,
        resource: str,
        callbacks: Callbacks,
        sources: Sources,
        troubles: Troubles,
        log: NodeLog,
        hearers: Hearers,
    ) -> None:
        self.source = source
        self.stream = stream
        self.model = model
        self.qos = qos
        self._strict = strict
        self.resource = resource
        self.pattern = mesh.topics.of(source, *stream.split("/"))
        self.received = 0
        self.offered: Published | None = None
        self.alive: LivelinessChanged | None = None
        self.where = f"{source or 'any node'} {stream}"
        self._name = f"subscription to {self.where}"
        self._mesh = mesh
        self._callback = callback
        self._wants_info = _takes_two(callback)
        self._callbacks = callbacks
        self._sources = sources
        self._troubles = troubles
        self._log = log
        self._hearers = hearers
        self._sequences: dict[str, Sequence] = {}
        self._losses = LossMeter()
        self._refused: set[tuple[str, str, str]] = set()
        self._misses = 0
        self._waiting: deque[tuple[M, MessageInfo]] = deque()
        self._drain: asyncio.Task[None] | None = None
        self._calling: asyncio.Task[Any] | None = None
        self._idle = asyncio.Event()
        self._route: Route | None = None
        self._watchdog: Watchdog | None = None
        if qos.deadline is not None and source is not None:
            name = f"{mesh.me} deadline of {self.where}"
            self._watchdog = Watchdog(qos.deadline, self._miss, Pace(mesh.clock), name=name)

    @property
    def running(self) -> bool:
        """Whether it is open."""
        return self._route is not None

    async def open(self) -> None:
        """Subscribe."""
        self._route = await self._mesh.transport.subscribe(
            self.pattern, self._take, qos=self.qos.mqtt
        )
        if self._watchdog is not None:
            self._watchdog.start()
        if self.source is not None:
            await self._sources.watch(self.source, self, self.qos.liveliness)

    async def close(self) -> None:
        """Unsubscribe; a callback under way is waited for, one that drains a queue told to stop."""
        if self._watchdog is not None:
            self._watchdog.stop()
        # A frozen MQTT broker answers nothing and shall hold nobody up.
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                route, self._route = self._route, None
                if route is not None:
                    await route.cancel()
                if self.source is not None:
                    await self._sources.leave(self.source, self)
        self._waiting.clear()
        await stop_task(self._drain, seconds=_GRACE)
        if self._calling not in (None, asyncio.current_task()):
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._idle.wait()
        for trouble in ("deadline", "alive", "type", "stream"):
            self._troubles.end(f"{trouble} {self.where}")

    # Messages.

    def _take(self, delivery: Delivery) -> Awaitable[None] | None:
        if not delivery.payload or (delivery.retain and self._strict and not self.qos.retained):
            return None
        try:
            topic = parse_topic(delivery.topic)
            raw = decode(delivery.payload)
            check_author(raw, topic)
        except LabmeshError as error:
            self._mesh.complain(delivery, error)
            return None
        if not self._is_news(raw.header) or not self._fits(raw, delivery):
            return None
        try:
            message = raw.open().body
        except LabmeshError as error:
            self._mesh.complain(delivery, error)
            return None
        age = (self._mesh.clock.now() - raw.header.stamp) / 1e9
        lifespan = self._lifespan
        if lifespan is not None and age > lifespan:
            self._troubles.count("too_old", self.where)
            return None
        if self._watchdog is not None and not delivery.retain:
            self._watchdog.feed()
            if self._troubles.end(f"deadline {self.where}"):
                self._log.info(f"{self.where} comes again")
        info = MessageInfo(topic.author, raw.header, age, delivery.retain)
        assert isinstance(message, self.model)  # noqa: S101 - `_fits` has seen its type
        if self.qos.depth is None and delivery.qos:
            return self._call(message, info)
        self._queue(message, info)
        return None

    def _is_news(self, header: Header) -> bool:
        sequence = self._sequences.get(header.sender)
        if sequence is None:
            if len(self._sequences) >= _AUTHORS:
                del self._sequences[next(iter(self._sequences))]
            sequence = self._sequences[header.sender] = Sequence()
        verdict = sequence.judge(header.epoch, header.seq, header.stamp)
        if verdict is Verdict.REPEATED:
            self._troubles.count("repeated", self.where)
        elif verdict is Verdict.OUTDATED:
            self._troubles.count("outdated", self.where)
        else:
            self._losses.came()
            if verdict is Verdict.LATE:
                self._troubles.count("out_of_order", self.where)
        return verdict in (Verdict.NEXT, Verdict.LATE)

    def _fits(self, raw: RawEnvelope, delivery: Delivery) -> bool:
        """Tell whether it is what was subscribed to; what is not is told once, and counted."""
        header, ours = raw.header, schema_hash(self.model)
        key = f"type {self.where}"
        if header.type == self.model.TYPE and header.schema == ours:
            self._troubles.end(key)
            return True
        self._troubles.count("wrong_type", self.where)
        if header.type != self.model.TYPE:
            words = (
                f"{header.sender} publishes {header.type} on {self.stream}, not {self.model.TYPE}"
            )
        else:
            words = (
                f"{header.type} has schema {header.schema[:12]} at {header.sender} "
                f"and {ours[:12]} here"
            )
        self._troubles.begin(key, words)
        if (header.sender, header.type, header.schema) not in self._refused:
            self._refused.add((header.sender, header.type, header.schema))
            remedy = "use one version of the package that defines it, or subscribe to that type"
            self._mesh.complain(delivery, SchemaMismatchError(words, remedy=remedy))
        return False

    def _queue(self, message: M, info: MessageInfo) -> None:
        if len(self._waiting) >= (self.qos.depth or _QUEUE):
            self._waiting.popleft()
            self._troubles.count("dropped", self.where)
        self._waiting.append((message, info))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.get_running_loop().create_task(
                self._work(), name=f"{self._mesh.me} {self._name}"
            )

    async def _work(self) -> None:
        while self._waiting:
            await self._call(*self._waiting.popleft())

    async def _call(self, message: M, info: MessageInfo) -> None:
        self.received += 1
        given: tuple[Any, ...] = (message, info) if self._wants_info else (message,)
        self._calling = asyncio.current_task()
        self._idle.clear()
        try:
            await self._callbacks.run(self._name, self._callback, *given, resource=self.resource)
        finally:
            self._calling = None
            self._idle.set()

    # What is known of the source.

    @property
    def missing(self) -> int:
        """Messages that the source says it published since one listens, and that did not come."""
        return self._losses.missing

    @property
    def _lifespan(self) -> float | None:
        offered = self.offered.lifespan if self.offered is not None else None
        known = [each for each in (self.qos.lifespan, offered) if each is not None]
        return min(known, default=None)

    def beaten(self, beat: Beat, epoch: int) -> None:
        """Compare what came with what the source says it has published."""
        published = beat.published.get(self.stream)
        if published is None:
            return
        self._losses.told(epoch, published)
        if self._losses.missing:
            self._troubles.counts["missing"][self.where] = self._losses.missing

    def described(self, descriptor: Descriptor) -> None:
        """Compare what is wanted with what is offered."""
        offered, key = descriptor.publishes.get(self.stream), f"stream {self.where}"
        news, self.offered = offered != self.offered, offered
        if offered is None:
            if self.received:
                return
            close = difflib.get_close_matches(self.stream, descriptor.publishes, n=1)
            words = f"{self.source} does not say that it publishes {self.stream}"
            if close:
                words += f"; did you mean {close[0]}?"
            if self._troubles.begin(key, words):
                self._log.warn(words)
            return
        wanted = self.model.TYPE
        if offered.type != wanted:
            words = f"{self.source} publishes {offered.type} on {self.stream}, not {wanted}"
            if self._troubles.begin(key, words):
                self._log.error(words, remedy=f"subscribe to {offered.type}")
            return
        self._troubles.end(key)
        if news and (less := self._less_than_asked(offered)):
            self._log.warn(f"{self.where} offers less than is asked for: {', '.join(less)}")

    def _less_than_asked(self, offered: Published) -> list[str]:
        wanted, less = self.qos, []
        if self._strict and wanted.mqtt > offered.qos:
            less.append("it is best effort")
        if self._strict and wanted.retained and not offered.retained:
            less.append("it keeps nothing for late joiners")
        for name in ("deadline", "liveliness"):
            ours, theirs = getattr(wanted, name), getattr(offered, name)
            if ours is not None and theirs is not None and theirs > ours:
                less.append(f"its {name} is {theirs:g} s, not {ours:g} s")
        return less

    def liveliness(self, change: LivelinessChanged) -> None:
        """Take a change of the source's liveliness."""
        self.alive = change
        key = f"alive {self.where}"
        if change.alive:
            if self._troubles.end(key):
                self._log.info(f"{change.node} is alive again")
        elif self._troubles.begin(key, f"{change.node} is not alive: {change.reason}"):
            self._log.warn(f"{change.node} is not alive: {change.reason}", stream=self.stream)
        self._hearers.liveliness(change)

    def _miss(self, silence: float) -> None:
        self._misses += 1
        deadline = self.qos.deadline or 0.0
        words = f"nothing on {self.where} for {deadline:g} s"
        self._troubles.count("deadlines_missed", self.where)
        if self._troubles.begin(f"deadline {self.where}", words):
            self._log.warn(words)
        self._hearers.missed(
            DeadlineMissed(
                str(self.source), self.stream, deadline, silence, self._misses, own=False
            )
        )


def _takes_two(callback: Callback) -> bool:
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature, as list.append
        return False
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional and each.default is each.empty for each in parameters) > 1
