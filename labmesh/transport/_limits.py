"""What an MQTT broker says of itself when one connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """The properties of a CONNACK (MQTT 5 section 3.2.2.3), absent ones at their defaults.

    Attributes:
        maximum_packet: Bytes of the largest packet it takes; None: any.
        receive_maximum: QoS 1 publishes that it takes before an acknowledgement.
        maximum_qos: Of publishes.
        retain: Whether it keeps retained messages.
        wildcards: Whether it takes filters with ``+`` and ``#``.
        shared: Whether it has shared subscriptions.
        identifiers: Whether it has subscription identifiers.
        keepalive: Seconds that it asks for instead of ours, or None.
    """

    maximum_packet: int | None = None
    receive_maximum: int = 65535
    maximum_qos: int = 2
    retain: bool = True
    wildcards: bool = True
    shared: bool = True
    identifiers: bool = True
    keepalive: int | None = None

    @classmethod
    def of(cls, connack: Any) -> BrokerLimits:
        """Return the limits in paho's properties of a CONNACK."""

        def said(name: str, default: Any) -> Any:
            return getattr(connack, name, default)

        return cls(
            maximum_packet=said("MaximumPacketSize", None),
            receive_maximum=said("ReceiveMaximum", 65535),
            maximum_qos=said("MaximumQoS", 2),
            retain=bool(said("RetainAvailable", 1)),
            wildcards=bool(said("WildcardSubscriptionAvailable", 1)),
            shared=bool(said("SharedSubscriptionAvailable", 1)),
            identifiers=bool(said("SubscriptionIdentifierAvailable", 1)),
            keepalive=said("ServerKeepAlive", None),
        )
