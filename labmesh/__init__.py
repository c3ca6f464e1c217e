"""Labmesh: ROS 2 for the autonomous laboratory, over MQTT 5.

Write a node: `Node`, `NodeParameters`, `capability`, `Order`, `service`, and its streams:
`publisher`, `subscription`, `timer`, `target`, `QoS`. Ask a lab: `connect`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from labmesh.client import LabClient, RequestHandle, connect
    from labmesh.node import (
        NoArguments,
        Node,
        NodeOptions,
        NodeParameters,
        Order,
        capability,
        parameter,
        service,
    )
    from labmesh.streams import (
        LATCHED,
        SENSOR_DATA,
        DeadlineMissed,
        LivelinessChanged,
        MessageInfo,
        Publisher,
        QoS,
        publisher,
        subscription,
        target,
        timer,
    )
    from messages.errors import (
        LabmeshError,
        OrderError,
        OrderVoidError,
        RefusedError,
        RequestFailedError,
    )
    from messages.ids import NodeId
    from messages.node import Level

__all__ = [
    "LATCHED",
    "SENSOR_DATA",
    "DeadlineMissed",
    "LabClient",
    "LabmeshError",
    "Level",
    "LivelinessChanged",
    "MessageInfo",
    "NoArguments",
    "Node",
    "NodeId",
    "NodeOptions",
    "NodeParameters",
    "Order",
    "OrderError",
    "OrderVoidError",
    "Publisher",
    "QoS",
    "RefusedError",
    "RequestFailedError",
    "RequestHandle",
    "capability",
    "connect",
    "parameter",
    "publisher",
    "service",
    "subscription",
    "target",
    "timer",
]

_HOMES: Final = {
    "labmesh.client": {"LabClient", "RequestHandle", "connect"},
    "labmesh.node": {
        "NoArguments", "Node", "NodeOptions", "NodeParameters", "Order", "capability",
        "parameter", "service",
    },
    "labmesh.streams": {
        "DeadlineMissed", "LATCHED", "LivelinessChanged", "MessageInfo", "Publisher", "QoS",
        "SENSOR_DATA", "publisher", "subscription", "target", "timer",
    },
    "messages.errors": {
        "LabmeshError", "OrderError", "OrderVoidError", "RefusedError", "RequestFailedError",
    },
    "messages.ids": {"NodeId"},
    "messages.node": {"Level"},
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must not pay for numpy to print its help."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'labmesh' has no attribute {name!r}")
