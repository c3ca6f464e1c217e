"""What a healing transport asks of one connection."""

from __future__ import annotations

import asyncio
from typing import Protocol

from labmesh.transport._acks import AckQueue
from labmesh.transport._codec import Publish
from labmesh.transport._message import Message


class ConnectRefusedError(Exception):
    """The MQTT broker answered CONNECT with a reason code >= 0x80."""

    def __init__(self, code: int, name: str) -> None:
        super().__init__(f"refused with 0x{code:02X} {name}")
        self.code = code
        self.name = name


class LinkLostError(Exception):
    """The connection ended before the answer came."""


class Listener(Protocol):
    """What a link tells its owner."""

    def on_publish(self, link: Link, message: Publish) -> None:
        """A message came."""
        ...

    def on_puback(self, mid: int, code: int) -> None:
        """A QoS 1 publish of ours was answered."""
        ...


class Link(Protocol):
    """One connection, of no use once `lost` is done.

    Attributes:
        lost: Done with the reason, in words, when the connection has ended.
        acks: What came and is not acknowledged.
        session_present: Whether a session was resumed.
        receive_maximum: QoS 1 publishes the other side takes at a time.
    """

    lost: asyncio.Future[str]
    acks: AckQueue
    session_present: bool
    receive_maximum: int

    @property
    def alive(self) -> bool:
        """Whether the connection still stands, as far as we know."""
        ...

    async def subscribe(self, pattern: str, qos: int, *, replay: bool = True) -> int:
        """Subscribe; return the reason code.

        Args:
            pattern: The filter.
            qos: Most.
            replay: Ask for retained values also where the session has the filter already.

        Raises:
            LinkLostError: The connection ended first.
        """
        ...

    def unsubscribe(self, pattern: str) -> None:
        """Unsubscribe; the answer matters to nobody."""
        ...

    def send(self, message: Message, mid: int, dup: bool) -> None:
        """Send a PUBLISH."""
        ...

    async def drain(self) -> None:
        """Wait until the peer keeps up with what was sent."""
        ...

    async def close(self, *, lost: bool) -> None:
        """End the connection; with ``lost`` the will is published."""
        ...
