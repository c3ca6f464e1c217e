"""What every transport has in common: callbacks, stats, checks."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from labmesh.transport._acks import Ticket
from labmesh.transport._api import Delivery, TransportStats, Will
from labmesh.transport._dispatch import Dispatcher
from labmesh.transport._parked import Parked
from messages.envelope import MAX_PAYLOAD
from messages.errors import NotConnectedError, PayloadTooLargeError, TopicError
from messages.topics import MAX_BYTES, check_topic

log = logging.getLogger("labmesh.transport")

_LEVEL: Final = r"[^\x00-\x1f\x7f+#/]+"
_TOPIC: Final = re.compile(rf"{_LEVEL}(?:/{_LEVEL}){{0,7}}")
"""`check_topic` in one step, for the many topics that are right."""

_PROPERTY: Final = 65535
"""Longest text or binary data of a property (MQTT 5 sections 1.5.4 and 1.5.6)."""


class BaseTransport:
    """Owns the subscription table, the callbacks and the stats."""

    def __init__(self, client_id: str, will: Will | None) -> None:
        self.stats = TransportStats()
        self._client_id = client_id
        self._name = f"transport {client_id}"
        self._will = will
        self._dispatcher = Dispatcher(self._name, self.stats)
        self._parked = Parked(self._name)
        self._connect_callbacks: list[Callable[[], Awaitable[None]]] = []
        self._disconnect_callbacks: list[Callable[[str], None]] = []
        self._permissions: list[Callable[[], Awaitable[bool]]] = []
        self._greeting: asyncio.Task[None] | None = None
        self._greet_again = False
        self._closed = False

    @property
    def client_id(self) -> str:
        """The MQTT client id."""
        return self._client_id

    def set_will(self, will: Will | None) -> None:
        """Set the will of the connections to come; the present one keeps its own."""
        self._will = will

    def on_connect(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Await ``callback`` after every successful (re)connect, subscriptions restored."""
        self._connect_callbacks.append(callback)

    def before_reconnect(self, callback: Callable[[], Awaitable[bool]]) -> None:
        """Connect again only when ``callback`` says so; see `Transport.before_reconnect`."""
        self._permissions.append(callback)

    def on_disconnect(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(reason)`` whenever the connection is lost, not on `close`."""
        self._disconnect_callbacks.append(callback)

    def _check_publish(self, topic: str, payload: bytes) -> None:
        try:
            if not _TOPIC.fullmatch(topic) or len(topic.encode()) > MAX_BYTES:
                check_topic(topic)
        except UnicodeEncodeError:
            raise TopicError("topic is not Unicode text", where=repr(topic)) from None
        if not isinstance(payload, bytes):
            raise TypeError(f"a payload is bytes, not {type(payload).__name__}")
        if len(payload) > MAX_PAYLOAD:
            raise PayloadTooLargeError(
                f"payload of {len(payload)} bytes exceeds {MAX_PAYLOAD}",
                where=topic,
                remedy="send large data as an artifact",
            )
        if self._closed:
            raise self._not_connected()

    def _not_connected(self) -> NotConnectedError:
        if self._closed:
            return NotConnectedError("the transport is closed")
        return NotConnectedError("there is no connection to the MQTT broker")

    def _greet(self) -> None:
        """Run the connect callbacks, after those of an earlier connection have ended."""
        if self._greeting is not None and not self._greeting.done():
            self._greet_again = True
            return
        self._greeting = asyncio.get_running_loop().create_task(
            self._run_greeting(), name=f"{self._name} on_connect"
        )

    async def _run_greeting(self) -> None:
        again = True
        while again:
            self._greet_again = False
            for callback in list(self._connect_callbacks):
                try:
                    await callback()
                except Exception:
                    log.exception("%s: an on_connect callback failed", self._name)
            again = self._greet_again

    async def _end_greeting(self) -> None:
        task = self._greeting
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])

    def _tell_disconnected(self, reason: str) -> None:
        for callback in list(self._disconnect_callbacks):
            try:
                callback(reason)
            except Exception:
                log.exception("%s: an on_disconnect callback failed", self._name)

    def _arrived(
        self, delivery: Delivery, ticket: Ticket | None, subscriptions: tuple[int, ...]
    ) -> bool:
        """Dispatch; return whether ``ticket`` was kept instead of being the caller's still."""
        self.stats.received += 1
        if self._dispatcher.dispatch(delivery, ticket, subscriptions):
            return False
        if ticket is not None and self._parked.keep(delivery, ticket, subscriptions):
            return True
        self.stats.unhandled += 1
        return False


def check_properties(topic: str, properties: Mapping[str, str], correlation: bytes) -> None:
    """Check what goes with a message.

    Raises:
        PayloadTooLargeError: A text or the correlation data is longer than MQTT's 65535 bytes, or
            a text is not Unicode.
    """
    if not correlation and all(
        len(text) <= _PROPERTY and text.isascii() for pair in properties.items() for text in pair
    ):
        return
    try:
        texts = [text.encode() for pair in properties.items() for text in pair]
    except UnicodeEncodeError as error:
        raise PayloadTooLargeError(f"a property does not travel: {error}", where=topic) from None
    longest = max(map(len, (correlation, *texts)))
    if longest > _PROPERTY:
        raise PayloadTooLargeError(
            f"a property of {longest} bytes exceeds {_PROPERTY}",
            where=topic,
            remedy="put it into the message",
        )
