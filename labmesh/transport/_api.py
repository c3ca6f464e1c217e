"""The transport seam: what the rest of Labmesh asks of an MQTT 5 connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

CONTENT_TYPE: Final = "application/msgpack"


@dataclass(slots=True, eq=False)
class Delivery:
    """One received message. ``eq=False``: two deliveries are never the same event.

    Attributes:
        topic: Where it was published.
        payload: The bytes.
        qos: 0 or 1.
        retain: Whether it is a retained value replayed on subscribing (Retain As Published off).
        properties: MQTT 5 user properties, last value wins; only mirrors of the envelope.
        ack: Acknowledges a QoS 1 message of a subscription made with ``manual_ack``; idempotent,
            and without effect once the connection it came by is gone (the MQTT broker redelivers).
        correlation: Correlation Data, if any.
        expiry: Seconds for which it is still of use, as the MQTT broker counted them; None when its
            sender set no bound. Needs no clocks that agree, and bridges keep it.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    ack: Callable[[], None] = lambda: None
    correlation: bytes | None = None
    expiry: int | None = None


Handler = Callable[[Delivery], Awaitable[None] | None]
"""Takes a delivery. A plain function runs in the event loop at once and must be quick; a coroutine
function becomes a named task, at most one a subscription at a time, so order is kept. What either
raises is logged and counted, never propagated."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the MQTT broker publishes when the connection is lost."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class Subscription(Protocol):
    """A live subscription."""

    @property
    def pattern(self) -> str:
        """The topic filter."""
        ...

    async def cancel(self) -> None:
        """Stop delivering; unsubscribe when nobody else here uses the same filter. Idempotent."""
        ...


class Outbound(NamedTuple):
    """One of many messages to publish; see `Transport.publish` for what each field means."""

    topic: str
    payload: bytes
    retain: bool = False
    properties: Mapping[str, str] | None = None


@dataclass(slots=True)
class TransportStats:
    """Counters since the transport was made.

    Attributes:
        published: QoS 1 messages acknowledged without a refusal and QoS 0 messages sent.
        received: Messages that arrived, whether anybody here wanted them or not.
        handler_errors: Exceptions that handlers raised.
        connections: Connections made.
        refused: Publishes and subscriptions the MQTT broker refused.
        no_subscribers: Publishes acknowledged with 0x10: nobody was listening.
        resent: QoS 1 publishes sent again after a reconnect.
        dropped: QoS 0 messages given up: no connection, or a handler that cannot keep up.
        unhandled: Messages that no handler here wanted.
    """

    published: int = 0
    received: int = 0
    handler_errors: int = 0
    connections: int = 0
    refused: int = 0
    no_subscribers: int = 0
    resent: int = 0
    dropped: int = 0
    unhandled: int = 0


class Transport(Protocol):
    """One MQTT 5 connection that heals itself.

    Reconnects with exponential back-off and full jitter until `close`; restores subscriptions;
    sends the will. Acknowledges QoS 1 messages after their handler has finished (or after
    ``Delivery.ack`` where asked for), in the order of arrival (MQTT 5 section 4.6).
    """

    stats: TransportStats

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        ...

    def set_will(self, will: Will | None) -> None:
        """Set the will of the connections to come; the present one keeps its own."""
        ...

    async def open(self, *, timeout: float | None = 10.0) -> None:  # noqa: ASYNC109
        """Connect for the first time; await the connect callbacks.

        Raises:
            NotConnectedError: No connection within ``timeout`` seconds (None: wait for ever), or
                the MQTT broker refused it for good (bad credentials, unsupported protocol); says
                host, port and what to check.
        """
        ...

    def on_connect(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Await ``callback`` after every successful (re)connect, subscriptions restored."""
        ...

    def on_disconnect(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(reason)`` whenever the connection is lost, not on `close`."""
        ...

    def before_reconnect(self, callback: Callable[[], Awaitable[bool]]) -> None:
        """Connect again only when ``callback`` says so; while it says no, ask again.

        For whoever may have lost the right to its client id meanwhile: connecting would end the
        connection of the one who has it.
        """
        ...

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry: float | None = None,
        properties: Mapping[str, str] | None = None,
        correlation: bytes | None = None,
        wait: bool = True,
    ) -> None:
        """Publish; with QoS 1 return when the MQTT broker has acknowledged.

        At most a window of QoS 1 messages is in flight; the next caller waits. Without a connection
        a QoS 1 publish waits for one (it is resent after a reconnect until acknowledged), unless
        ``wait`` is false; a QoS 0 publish is dropped.

        Args:
            topic: No wildcards.
            payload: At most `messages.envelope.MAX_PAYLOAD` bytes; empty clears a retained value.
            qos: 0 or 1.
            retain: Whether the MQTT broker keeps it for late joiners.
            expiry: Message Expiry Interval in seconds, rounded up.
            properties: User properties.
            correlation: Correlation Data.
            wait: Whether to wait for a connection.

        Raises:
            TopicError: The topic is not one to publish to.
            PayloadTooLargeError: The payload or a property is over the limit.
            PublishRefusedError: Reason code >= 0x80, e.g. 0x87 not authorized.
            NotConnectedError: The transport is closed; or ``wait`` is false and there is no
                connection, or it was lost before the acknowledgement; or ``expiry`` passed before
                the acknowledgement. Except where there was no connection at all, the message may
                have arrived none the less.
        """
        ...

    async def publish_all(self, messages: Iterable[Outbound]) -> asyncio.Future[list[Exception]]:
        """Publish many with QoS 1, in order, at a fraction of the cost of as many `publish` calls.

        Returns when the last has a place in the window; the future is done when every one has been
        acknowledged, with the errors of those that never will be (as `publish` raises them). Each
        is sent again after a reconnect until it is acknowledged.

        Raises:
            NotConnectedError: The transport is closed; those before the closing fail, too.
        """
        ...

    async def subscribe(
        self, pattern: str, handler: Handler, *, qos: int = 1, manual_ack: bool = False
    ) -> Subscription:
        """Deliver what matches ``pattern`` to ``handler``, from now on and across reconnects.

        Before `open` the handler is only noted, and the SUBSCRIBE sent on connecting; without a
        connection it waits for one. A handler that acknowledges by itself must do so for every
        message, whatever happens: acknowledgements leave in the order of arrival, so one that is
        missing holds up all that follow.

        Several handlers may share a filter; retained values reach each new one (a fresh SUBSCRIBE
        is sent) but are not replayed to those that were there before.

        Raises:
            TopicError: The filter is malformed.
            TransportError: The MQTT broker refused the subscription.
        """
        ...

    async def close(self, *, lost: bool = False) -> None:
        """Disconnect; with ``lost`` let the MQTT broker publish the will (reason code 0x04)."""
        ...
