"""The connection to the mesh: publish, subscribe, will; over MQTT 5 or in memory."""

from __future__ import annotations

from labmesh.transport._api import (
    CONTENT_TYPE,
    Delivery,
    Handler,
    Outbound,
    Subscription,
    Transport,
    TransportStats,
    Will,
)
from labmesh.transport._hub import MemoryHub
from labmesh.transport._limits import BrokerLimits
from labmesh.transport._make import make_transport
from labmesh.transport._memory import MemoryTransport
from labmesh.transport._mqtt import MqttTransport
from labmesh.transport._options import MqttAddress, MqttOptions

__all__ = [
    "CONTENT_TYPE",
    "BrokerLimits",
    "Delivery",
    "Handler",
    "MemoryHub",
    "MemoryTransport",
    "MqttAddress",
    "MqttOptions",
    "MqttTransport",
    "Outbound",
    "Subscription",
    "Transport",
    "TransportStats",
    "Will",
    "make_transport",
]
