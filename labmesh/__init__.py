"""Labmesh: ROS 2 for the autonomous laboratory, over MQTT 5.

Write a node: `Node`, `NodeParameters`, `capability`, `Order`, `service`. Ask a lab: `connect`.
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
    "LabClient",
    "LabmeshError",
    "Level",
    "NoArguments",
    "Node",
    "NodeId",
    "NodeOptions",
    "NodeParameters",
    "Order",
    "OrderError",
    "OrderVoidError",
    "RefusedError",
    "RequestFailedError",
    "RequestHandle",
    "capability",
    "connect",
    "parameter",
    "service",
]

_HOMES: Final = {
    "labmesh.client": {"LabClient", "RequestHandle", "connect"},
    "labmesh.node": {
        "NoArguments", "Node", "NodeOptions", "NodeParameters", "Order", "capability",
        "parameter", "service",
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
