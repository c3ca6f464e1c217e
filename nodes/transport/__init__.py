"""Transport: samples carried between sites and stations, by people."""

from nodes.transport._node import TransportNode
from nodes.transport._parameters import TransportParameters
from nodes.transport.courier import CourierNode, CourierParameters
from nodes.transport.notify import Notification, Notifier, NotifyError

__all__ = [
    "CourierNode",
    "CourierParameters",
    "Notification",
    "Notifier",
    "NotifyError",
    "TransportNode",
    "TransportParameters",
]
