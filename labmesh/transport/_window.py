"""QoS 1 publishes between their caller and their acknowledgement."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from labmesh.transport._api import TransportStats
from labmesh.transport._message import Message
from messages.errors import NotConnectedError, PublishRefusedError

_FIRST_MID: Final = 32768
_LAST_MID: Final = 65535
"""Our packet identifiers; the lower half is paho's, for SUBSCRIBE and UNSUBSCRIBE."""

_NO_SUBSCRIBERS: Final = 0x10
_REFUSED: Final = 0x80
"""Reason codes (MQTT 5 section 2.4)."""


class Acknowledgement(Protocol):
    """Who is told how a publish went: a future, or a `Group`."""

    def done(self) -> bool:
        """Tell whether nobody waits any more."""
        ...

    def set_result(self, result: Any, /) -> None:
        """The MQTT broker has it."""
        ...

    def set_exception(self, exception: Exception, /) -> None:
        """It never will."""
        ...


class Group:
    """Many publishes that are waited for as one.

    Attributes:
        finished: Done when every publish of the sealed group is: with the errors among them.
    """

    __slots__ = ("_errors", "_left", "finished")

    def __init__(self) -> None:
        self._left = 1  # its maker, until `seal`
        self._errors: list[Exception] = []
        self.finished: asyncio.Future[list[Exception]] = asyncio.get_running_loop().create_future()

    def add(self) -> None:
        """Wait for one more."""
        self._left += 1

    def seal(self) -> None:
        """Add none any more."""
        self._leave()

    def done(self) -> bool:
        """Tell that somebody waits."""
        return False

    def set_result(self, _result: None, /) -> None:
        """Count one that arrived."""
        self._leave()

    def set_exception(self, exception: Exception, /) -> None:
        """Count one that failed."""
        self._errors.append(exception)
        self._leave()

    def _leave(self) -> None:
        self._left -= 1
        if not self._left and not self.finished.done():
            self.finished.set_result(self._errors)


@dataclass(slots=True, eq=False)
class Outgoing:
    """A QoS 1 message on its way.

    Attributes:
        message: What to send.
        durable: Whether to send it again after a reconnect.
        acknowledged: Told when the MQTT broker has answered.
        mid: Its packet identifier, 0 until it is first sent.
        sent: Whether it was sent before.
    """

    message: Message
    durable: bool
    acknowledged: Acknowledgement
    mid: int = 0
    sent: bool = False


class Window:
    """At most ``size`` messages that wait for a connection or an acknowledgement.

    Order is kept: who was admitted first is sent first, also after a reconnect. A message keeps its
    packet identifier when it is sent again [MQTT-4.4.0-1]. The MQTT broker's Receive Maximum bounds
    what is on the wire.
    """

    def __init__(self, size: int, stats: TransportStats) -> None:
        self._size = size
        self._stats = stats
        self._unsent: deque[Outgoing] = deque()
        self._wire: dict[int, Outgoing] = {}
        self._callers: deque[asyncio.Future[None]] = deque()
        self._last_mid = _LAST_MID
        self._limit = 0
        self._send: Callable[[Message, int, bool], None] | None = None

    @property
    def held(self) -> int:
        """Messages admitted and not yet answered, at most ``size``."""
        return len(self._wire) + len(self._unsent)

    @property
    def full(self) -> bool:
        """Whether `admit` would wait."""
        return self.held >= self._size or bool(self._callers)

    async def admit(self) -> None:
        """Wait for a place; `add` must follow without an await between."""
        while self._full or self._callers:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._callers.append(place)
            try:
                await place
            except BaseException:
                if place in self._callers:
                    self._callers.remove(place)
                self._wake()
                raise
            self._callers.remove(place)
            if not self._full:
                return

    def add(self, message: Outgoing) -> None:
        """Send ``message`` now, or when there is a connection and room on the wire."""
        self._unsent.append(message)
        self._pump()

    def give_up(self, message: Outgoing) -> None:
        """Forget ``message``, whose caller waits no more; never send it again."""
        if message in self._unsent:
            self._unsent.remove(message)
            self._wake()
        message.durable = False

    def connected(self, send: Callable[[Message, int, bool], None], limit: int) -> None:
        """Send what is due by ``send(message, mid, dup)``, ``limit`` messages at a time."""
        self._send = send
        self._limit = limit
        self._pump()

    def disconnected(self, reason: str) -> None:
        """Keep what must be sent again; fail what must not."""
        self._send = None
        again = [m for m in self._wire.values() if m.durable]
        for message in [*self._wire.values(), *self._unsent]:
            if not message.durable:
                _fail(message, f"connection lost before the acknowledgement: {reason}")
        self._wire.clear()
        self._unsent = deque([*again, *(m for m in self._unsent if m.durable)])
        self._wake()

    def answered(self, mid: int, code: int) -> None:
        """Take a PUBACK."""
        message = self._wire.pop(mid, None)
        if message is None:
            return
        if code >= _REFUSED:
            self._stats.refused += 1
            name = _reason_name(code)
            if not message.acknowledged.done():
                message.acknowledged.set_exception(
                    PublishRefusedError(
                        f"the MQTT broker refused a publish with 0x{code:02X} {name}",
                        where=message.message.topic,
                        remedy="check its access rules: a node may write below its own prefix "
                        "only, and there what its roles allow"
                        if code == 0x87
                        else "",
                    )
                )
        else:
            self._stats.published += 1
            if code == _NO_SUBSCRIBERS:
                self._stats.no_subscribers += 1
            if not message.acknowledged.done():
                message.acknowledged.set_result(None)
        if self._unsent:
            self._pump()
        if self._callers:
            self._wake()

    def close(self, reason: str) -> None:
        """Fail whatever waits."""
        self._send = None
        for message in [*self._wire.values(), *self._unsent]:
            _fail(message, reason)
        self._wire.clear()
        self._unsent.clear()
        for place in self._callers:
            if not place.done():
                place.set_exception(NotConnectedError(reason))
        self._callers.clear()

    @property
    def _full(self) -> bool:
        return self.held >= self._size

    def _wake(self) -> None:
        free = self._size - self.held
        for place in self._callers:
            if free <= 0:
                return
            free -= 1
            if not place.done():
                place.set_result(None)

    def _pump(self) -> None:
        while self._unsent and self._send is not None and len(self._wire) < self._limit:
            message = self._unsent.popleft()
            if message.acknowledged.done():
                continue
            if not message.mid:
                message.mid = self._next_mid()
            self._wire[message.mid] = message
            self._stats.resent += message.sent
            dup, message.sent = message.sent, True
            try:
                self._send(message.message, message.mid, dup)
            except (TypeError, ValueError) as error:  # it cannot be encoded: its caller's mistake
                del self._wire[message.mid]
                message.acknowledged.set_exception(error)

    def _next_mid(self) -> int:
        while True:
            self._last_mid = _FIRST_MID if self._last_mid == _LAST_MID else self._last_mid + 1
            if self._last_mid not in self._wire:
                return self._last_mid


def _fail(message: Outgoing, reason: str) -> None:
    if not message.acknowledged.done():
        message.acknowledged.set_exception(NotConnectedError(reason, where=message.message.topic))


def _reason_name(code: int) -> str:
    try:
        return ReasonCode(PacketTypes.PUBACK, identifier=code).getName()
    except KeyError:
        return "unknown reason"
