"""Publishers of typed streams."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from labmesh.mesh import Mesh
from labmesh.streams._pace import Pace, Watchdog
from labmesh.streams._qos import QoS
from labmesh.streams._troubles import Troubles
from messages.envelope import Header, encode
from messages.errors import BodyError, TransportError
from messages.model import Message

M = TypeVar("M", bound=Message)

_WAITING: Final = 1000
"""Posted messages that wait for the connection where the profile gives no depth."""


@dataclass(frozen=True, slots=True)
class DeadlineMissed:
    """A stream stood still for longer than its deadline.

    Attributes:
        node: Whose stream.
        stream: Its name.
        deadline: Seconds.
        silence: Seconds since the last message, or since one listens.
        count: How often it has happened.
        own: Whether it is this node's own stream.
    """

    node: str
    stream: str
    deadline: float
    silence: float
    count: int
    own: bool


OnMissed = Callable[[DeadlineMissed], None]


class Publisher(Generic[M]):
    """Publishes messages of one type on one topic of the node's own.

    Args:
        mesh: The node's seat.
        stream: The topic below ``~``: ``data/temperature``.
        model: The type.
        qos: How.
        troubles: Where is counted what goes wrong.
        missed: Told when the publisher missed its own deadline.

    Attributes:
        published: Messages so far.
    """

    def __init__(
        self,
        mesh: Mesh,
        stream: str,
        model: type[M],
        qos: QoS,
        *,
        troubles: Troubles,
        missed: OnMissed,
    ) -> None:
        self.stream = stream
        self.model = model
        self.qos = qos
        self.topic = mesh.topics.own(*stream.split("/"))
        self.published = 0
        self._mesh = mesh
        self._loop = asyncio.get_running_loop()
        self._troubles = troubles
        self._missed = missed
        self._misses = 0
        self._last: tuple[bytes, int] | None = None
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._drain: asyncio.Task[None] | None = None
        self._watchdog: Watchdog | None = None
        if qos.deadline is not None:
            name = f"{mesh.me} deadline of {stream}"
            self._watchdog = Watchdog(qos.deadline, self._miss, Pace(mesh.clock), name=name)

    async def publish(self, message: M) -> Header:
        """Publish; a reliable one returns when the MQTT broker has it, outages included.

        Raises:
            BodyError: It is of another type, or does not travel.
            TransportError: The MQTT broker refused it, or the lifespan passed during an outage.
        """
        header, payload = self._prepare(message)
        await self._send(payload, header.stamp)
        return header

    def post(self, message: M) -> None:
        """Publish without waiting, from any thread.

        While there is no connection reliable messages wait, as many as the profile's depth (1000
        without one); the oldest give way and are counted.

        Raises:
            BodyError: It is of another type, or does not travel.
        """
        self._check(message)
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:  # a driver's thread
            here = None
        if here is self._loop:
            self._enqueue(message)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._enqueue, message)

    def watch(self) -> None:
        """Begin to watch the publisher's own deadline."""
        if self._watchdog is not None:
            self._watchdog.start()

    def rest(self) -> None:
        """Watch no more; a node that is not active owes nobody a message."""
        if self._watchdog is not None:
            self._watchdog.stop()
        self._troubles.end(self.topic)

    async def restore(self) -> None:
        """Publish the retained value anew, byte by byte: for an MQTT broker that lost it."""
        if self._last is not None and self.qos.retained:
            await self._send(*self._last)

    def close(self) -> None:
        """Give up what waits."""
        self.rest()
        if self._drain is not None:
            self._drain.cancel()

    def _check(self, message: M) -> None:
        if type(message) is not self.model:
            given = getattr(message, "TYPE", "") or type(message).__name__
            raise BodyError(
                f"{given} where {self.model.TYPE} belongs",
                where=f"publisher of {self.stream}",
                remedy=f"give it a {self.model.__name__}, or declare another publisher",
            )

    def _prepare(self, message: M) -> tuple[Header, bytes]:
        self._check(message)
        header = self._mesh.header(self.model)
        payload = encode(header, message)
        self.published += 1
        if self.qos.retained:
            self._last = (payload, header.stamp)
        if self._watchdog is not None:
            self._watchdog.feed()
            self._troubles.end(self.topic)
        return header, payload

    async def _send(self, payload: bytes, stamp: int) -> None:
        lifespan, clock = self.qos.lifespan, self._mesh.clock
        expiry = None
        if lifespan is not None:
            rest = lifespan - (clock.now() - stamp) / 1e9
            if rest <= 0:
                self._troubles.count("dropped", self.stream)
                return
            # The MQTT broker counts wall seconds; simulated ones only subscribers can tell.
            expiry = None if clock.simulated else rest
        await self._mesh.transport.publish(
            self.topic,
            payload,
            qos=self.qos.mqtt,
            retain=self.qos.retained,
            expiry=expiry,
            properties={"type": self.model.TYPE},
        )

    def _enqueue(self, message: M) -> None:
        header, payload = self._prepare(message)
        if len(self._waiting) >= (self.qos.depth or _WAITING):
            self._waiting.popleft()
            self._troubles.count("dropped", self.stream)
        self._waiting.append((payload, header.stamp))
        if self._drain is None or self._drain.done():
            self._drain = self._loop.create_task(
                self._send_waiting(), name=f"{self._mesh.me} publisher of {self.stream}"
            )

    async def _send_waiting(self) -> None:
        while self._waiting:
            try:
                await self._send(*self._waiting.popleft())
            except TransportError:
                self._troubles.count("dropped", self.stream)

    def _miss(self, silence: float) -> None:
        self._misses += 1
        deadline = self.qos.deadline or 0.0
        me = self._mesh.name
        self._troubles.count("deadlines_missed", self.stream)
        self._troubles.begin(self.topic, f"own {self.stream}: nothing for {deadline:g} s")
        self._missed(DeadlineMissed(me, self.stream, deadline, silence, self._misses, own=True))
