"""The transport without a network."""

from __future__ import annotations

import asyncio

from labmesh.transport._acks import AckQueue
from labmesh.transport._api import Will
from labmesh.transport._codec import Publish
from labmesh.transport._connection import Link, LinkLostError, Listener
from labmesh.transport._dispatch import subscription_id
from labmesh.transport._healing import HealingTransport
from labmesh.transport._hub import Attachment, MemoryHub, Session
from labmesh.transport._message import Message
from messages.errors import NotConnectedError

_NO_SUBSCRIBERS = 0x10


class MemoryTransport(HealingTransport):
    """`Transport` over a `MemoryHub`, with the semantics of `MqttTransport`.

    Args:
        hub: The MQTT broker to be.
        client_id: As for MQTT, and so are the others; see `MqttOptions`.
    """

    def __init__(
        self,
        hub: MemoryHub,
        *,
        client_id: str,
        will: Will | None = None,
        clean_start: bool = True,
        session_expiry: int = 0,
        receive_maximum: int = 200,
        window: int = 100,
    ) -> None:
        super().__init__(
            client_id,
            will=will,
            clean_start=clean_start,
            session_expiry=session_expiry,
            window=window,
            backoff=(0.001, 0.01),
        )
        self.hub = hub
        self._receive_maximum = receive_maximum

    async def _connect(self, *, clean_start: bool) -> Link:
        await self.hub.admission(self.client_id)
        return MemoryLink(
            self,
            self.hub,
            self.client_id,
            will=self._will,
            clean_start=clean_start,
            session_expiry=self._session_expiry,
            receive_maximum=self._receive_maximum,
        )

    def _explain(self, error: Exception) -> NotConnectedError:
        return NotConnectedError(str(error))

    @property
    def _where(self) -> str:
        return "the memory hub"


class MemoryLink:
    """A `Link` to a hub."""

    receive_maximum = 65535

    def __init__(
        self,
        listener: Listener,
        hub: MemoryHub,
        client_id: str,
        *,
        will: Will | None,
        clean_start: bool,
        session_expiry: int,
        receive_maximum: int,
    ) -> None:
        self._listener = listener
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.acks = AckQueue(self._acknowledge)
        self._session: Session
        self._session, self.session_present = hub.attach(
            client_id,
            Attachment(self, will, receive_maximum, self._loop),
            clean_start=clean_start,
            expiry=session_expiry,
        )

    @property
    def alive(self) -> bool:
        """Whether the hub has not cut the connection."""
        return not self.lost.done()

    async def subscribe(self, pattern: str, qos: int, *, replay: bool = True) -> int:
        """Subscribe, as `Link.subscribe` says."""
        await asyncio.sleep(0)
        if not self.alive:
            raise LinkLostError
        self._hub.subscribe(self._session, pattern, qos, replay=replay)
        return qos

    def unsubscribe(self, pattern: str) -> None:
        """Unsubscribe."""
        self._session.filters.pop(pattern, None)

    def send(self, message: Message, mid: int, dup: bool) -> None:
        """Publish; the answer comes in the next turn of the event loop."""
        if not self.alive:
            return
        code = 0 if self._hub.publish(message) else _NO_SUBSCRIBERS
        if mid:
            self._loop.call_soon(self._answer, mid, code)

    async def drain(self) -> None:
        """Let the others have their turn."""
        await asyncio.sleep(0)

    async def close(self, *, lost: bool) -> None:
        """Detach from the hub."""
        if self.alive:
            self._end("closed")
            self._hub.detach(self._session, lost=lost)

    # Port

    def receive(self, message: Message, mid: int, pattern: str) -> None:
        """Pass a message on."""
        self._listener.on_publish(
            self,
            Publish(
                message.topic,
                message.payload,
                message.qos,
                message.retain,
                mid,
                message.properties or {},
                message.correlation,
                (subscription_id(pattern),),
                message.expiry,
            ),
        )

    def cut(self, reason: str) -> None:
        """End."""
        self._end(reason)

    def _end(self, reason: str) -> None:
        self.acks.close()
        if not self.lost.done():
            self.lost.set_result(reason)

    def _acknowledge(self, mid: int) -> None:
        self._session.acknowledge(mid)

    def _answer(self, mid: int, code: int) -> None:
        if self.alive:
            self._listener.on_puback(mid, code)
