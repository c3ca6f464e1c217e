"""One MQTT 5 connection, from TCP to its loss: framing, handshake, keepalive.

paho writes and reads the control packets (CONNECT, SUBSCRIBE, PING, DISCONNECT ...). PUBLISH and
PUBACK, which are the traffic, take the short way through `_codec`: paho spends some 60 us on each.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from labmesh.transport import _codec
from labmesh.transport._acks import AckQueue
from labmesh.transport._api import CONTENT_TYPE, Will
from labmesh.transport._codec import MalformedPacketError
from labmesh.transport._connection import ConnectRefusedError, LinkLostError, Listener
from labmesh.transport._dispatch import subscription_id
from labmesh.transport._limits import BrokerLimits
from labmesh.transport._message import Message
from labmesh.transport._options import MqttOptions
from labmesh.transport._socket import MemorySocket
from labmesh.transport._tls import make_context
from messages.envelope import MAX_PAYLOAD

log = logging.getLogger("labmesh.transport")

MAX_PACKET: Final = MAX_PAYLOAD + 64 * 1024
"""Largest packet we take, in bytes; the MQTT broker is told and sends no larger one."""

_BATCH: Final = 64 * 1024
"""Bytes that one turn of the event loop may gather before they are written."""

_GOODBYE: Final = 1.0
"""Seconds the MQTT broker has to close a connection after our DISCONNECT."""


class MqttLink(asyncio.Protocol):
    """A `Link` over TCP or TLS, made by `connect`."""

    def __init__(self, listener: Listener, name: str) -> None:
        self._listener = listener
        self._name = name
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.acks = AckQueue(self._send_puback)
        self.session_present = False
        self.receive_maximum = 65535
        self.limits = BrokerLimits()
        self._identifiers = True
        self._transport: asyncio.Transport | None = None
        self._socket = MemorySocket(self.write, self._on_socket_close)
        self._closing = False
        self._client: _Client | None = None
        self._connack: asyncio.Future[None] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._reason = ""
        self._buffer = b""
        self._output: list[bytes] = []
        self._waiting = 0
        self._flushing = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(
        cls,
        listener: Listener,
        options: MqttOptions,
        *,
        will: Will | None,
        clean_start: bool,
        timeout: float,  # noqa: ASYNC109
    ) -> MqttLink:
        """Return a link whose CONNECT was accepted.

        Raises:
            OSError: No connection, or it ended before the CONNACK; an `ssl.SSLError` where TLS is
                why.
            ConfigurationError: A file that TLS needs is not what it should be.
            TimeoutError: No CONNACK within ``timeout`` seconds.
            ConnectRefusedError: The MQTT broker said no.
        """
        link = cls(listener, f"transport {options.client_id}")
        address = options.address
        try:
            async with asyncio.timeout(timeout):
                # Read anew each time: certificates are renewed while nodes run.
                files = (options.ca, options.cert, options.key)
                tls = await asyncio.to_thread(make_context, *files) if address.tls else None
                await link._loop.create_connection(
                    lambda: link, address.host, address.port, ssl=tls, happy_eyeballs_delay=0.25
                )
                link._handshake(options, will, clean_start=clean_start)
                await link._connack
        except BaseException:
            await link._end()
            raise
        # A PING must come well before the MQTT broker gives up, at 1.5 times the keepalive.
        link._tick(options.keepalive / 8)
        return link

    @property
    def alive(self) -> bool:
        """Whether the connection still stands, as far as we know."""
        return not self.lost.done()

    async def subscribe(self, pattern: str, qos: int, *, replay: bool = True) -> int:
        """Send one SUBSCRIBE, as `Link.subscribe` says; return the reason code.

        Raises:
            LinkLostError: The connection ended first.
        """
        properties = None
        if self._identifiers:
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            properties.SubscriptionIdentifier = subscription_id(pattern)
        handling = (
            SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
            if replay
            else SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
        )
        options = SubscribeOptions(qos=qos, retainHandling=handling)
        _, mid = self._paho.subscribe(pattern, options=options, properties=properties)
        if mid is None:
            raise LinkLostError
        self._paho.loop_write()  # now, to keep its place among our own packets
        answer = self._answers[mid] = self._loop.create_future()
        return int((await answer)[0].value)

    def unsubscribe(self, pattern: str) -> None:
        """Send an UNSUBSCRIBE; its answer matters to nobody."""
        self._paho.unsubscribe(pattern)
        self._paho.loop_write()

    def send(self, message: Message, mid: int, dup: bool) -> None:
        """Send a PUBLISH."""
        self.write(
            _codec.encode_publish(
                message.topic.encode(),
                message.payload,
                qos=message.qos,
                retain=message.retain,
                dup=dup,
                mid=mid,
                properties=_codec.publish_properties(
                    message.properties, message.correlation, message.expiry
                ),
            )
        )

    def write(self, packet: bytes) -> None:
        """Send a whole packet with everything else this turn of the event loop brings."""
        self._output.append(packet)
        self._waiting += len(packet)
        self._schedule_flush()

    async def drain(self) -> None:
        """Wait until the peer keeps up with what was written."""
        if self._waiting >= _BATCH:
            self._flush()
            await asyncio.sleep(0)  # a publisher in a tight loop must not starve the others
        if not self._writable.is_set():
            await self._writable.wait()

    async def close(self, *, lost: bool) -> None:
        """Send DISCONNECT, 0x04 with ``lost``, and wait for the end of the connection."""
        if self._client is not None and self.alive:
            self._closing = True
            name = "Disconnect with will message" if lost else "Normal disconnection"
            self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, name))
            self._flush()
            if self._transport is not None and self._transport.can_write_eof():
                self._transport.write_eof()
            await asyncio.wait([self.lost], timeout=_GOODBYE)
        await self._end()

    def abort(self, reason: str = "") -> None:
        """Drop the connection as if the network had."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()

    async def _end(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            await asyncio.wait([self.lost])

    def _on_socket_close(self) -> None:
        # In closing paho closes right behind DISCONNECT, which must leave first; and it closes
        # again when it is collected, perhaps after the event loop has ended.
        if not self._closing and self.alive and not self._loop.is_closed():
            self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; small packets must not wait for others (TCP_NODELAY)."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection's promise
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        reason = self._reason or (str(exc) if exc else "the MQTT broker closed the connection")
        self.acks.close()
        if self._timer is not None:
            self._timer.cancel()
        if not self._connack.done():
            # In TLS 1.3 the MQTT broker judges our certificate only after the handshake.
            refused = exc if isinstance(exc, ssl.SSLError) else ConnectionResetError(reason)
            self._connack.set_exception(refused)
            self._connack.exception()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(LinkLostError(reason))
        self._writable.set()
        if not self.lost.done():
            self.lost.set_result(reason)

    def pause_writing(self) -> None:
        """Let `drain` wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Cut ``data`` into packets and handle each."""
        buffer = self._buffer + data if self._buffer else data
        try:
            self._buffer = buffer[self._handle(buffer) :]
        except MalformedPacketError as error:
            self.abort(f"malformed packet: {error}")
        except Exception:  # paho's decoders raise whatever the bytes provoke
            log.exception("%s: the MQTT broker's bytes make no sense", self._name)
            self.abort("malformed packet")

    def _handle(self, buffer: bytes) -> int:
        """Handle the whole packets in ``buffer``; return how many bytes they took."""
        listener = self._listener
        transport = self._transport
        assert transport is not None  # noqa: S101 - connection_made comes first
        position, available = 0, len(buffer)
        while available - position >= 2 and not transport.is_closing():
            size, start = buffer[position + 1], position + 2
            if size > 127:
                try:
                    size, start = _codec.read_varint(buffer, position + 1)
                except IndexError:
                    break
                if size > MAX_PACKET:
                    raise MalformedPacketError(f"a packet of {size} bytes exceeds {MAX_PACKET}")
            end = start + size
            if end > available:
                break
            kind, flags = buffer[position] >> 4, buffer[position] & 15
            if kind == _codec.PUBLISH:
                listener.on_publish(self, _codec.decode_publish(flags, buffer, start, end))
            elif kind == _codec.PUBACK:
                listener.on_puback(*_codec.decode_puback(buffer, start, end))
            else:
                self._socket.feed(buffer[position:end])
                self._paho.loop_read()
            position = end
        return position

    # Handshake and keepalive, by paho

    @property
    def _paho(self) -> _Client:
        if self._client is None or not self.alive:
            raise LinkLostError
        return self._client

    def _handshake(self, options: MqttOptions, will: Will | None, *, clean_start: bool) -> None:
        address = options.address
        client = self._client = _Client(self._socket, options.client_id)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_answer
        client.on_socket_register_write = self._on_register_write
        client.username_pw_set(address.username, address.password)
        if will is not None:
            content = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
            content.ContentType = CONTENT_TYPE
            client.will_set(will.topic, will.payload, will.qos, will.retain, content)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = options.session_expiry
        properties.ReceiveMaximum = options.receive_maximum
        properties.MaximumPacketSize = MAX_PACKET
        client.connect(
            address.host,
            address.port,
            options.keepalive,
            clean_start=clean_start,
            properties=properties,
        )

    def _on_connect(
        self, _client: Any, _userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if self._connack.done():
            return
        if reason.is_failure:
            self._connack.set_exception(ConnectRefusedError(reason.value, reason.getName()))
            return
        self.session_present = bool(flags.session_present)
        self.limits = BrokerLimits.of(properties)
        self.receive_maximum = self.limits.receive_maximum
        self._identifiers = self.limits.identifiers
        self._connack.set_result(None)

    def _on_disconnect(
        self, _client: Any, _userdata: Any, flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            words = f"the MQTT broker disconnected: 0x{reason.value:02X} {reason.getName()}"
        else:
            words = f"connection given up: {reason.getName()}"
        self._reason = self._reason or words

    def _on_answer(
        self, _client: Any, _userdata: Any, mid: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        answer = self._answers.pop(mid, None)
        if answer is not None and not answer.done():
            answer.set_result(codes)

    def _on_register_write(self, _client: Any, _userdata: Any, _socket: Any) -> None:
        self._schedule_flush()

    def _tick(self, period: float) -> None:
        if self._client is not None and self.alive:
            self._client.loop_misc()
            self._timer = self._loop.call_later(period, self._tick, period)

    def _send_puback(self, mid: int) -> None:
        self.write(_codec.encode_puback(mid))

    def _schedule_flush(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._client is not None and self._client.want_write():
            self._client.loop_write()
        self._flushing = False
        output, self._output, self._waiting = self._output, [], 0
        if self._transport is not None and output and not self._transport.is_closing():
            self._transport.write(b"".join(output) if len(output) > 1 else output[0])


class _Client(paho.Client):
    """paho on a given socket."""

    def __init__(self, sock: MemorySocket, client_id: str) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._memory_socket = sock

    def _create_socket(self) -> Any:
        return self._memory_socket
