"""Streams of a node: publishers, subscriptions and timers, with quality of service."""

from labmesh.streams._callbacks import Callbacks
from labmesh.streams._declare import (
    Kind,
    PublisherSpec,
    SubscriptionSpec,
    Target,
    TimerSpec,
    logical_names,
    publisher,
    publishers_of,
    stream_topic,
    subscription,
    subscription_spec,
    subscriptions_of,
    target,
    timer,
    timers_of,
)
from labmesh.streams._names import Names, parse_remap
from labmesh.streams._pace import Pace
from labmesh.streams._publisher import DeadlineMissed, Publisher
from labmesh.streams._qos import (
    DEFAULT,
    LATCHED,
    PARAMETER_EVENTS,
    PARAMETERS,
    SENSOR_DATA,
    QoS,
)
from labmesh.streams._resources import Resources
from labmesh.streams._source import PATIENCE, LivelinessChanged, Sources
from labmesh.streams._subscription import Callback, Hearers, MessageInfo, StreamSubscription
from labmesh.streams._timer import Timer
from labmesh.streams._troubles import COUNTED, Troubles

__all__ = [
    "COUNTED",
    "DEFAULT",
    "LATCHED",
    "PARAMETERS",
    "PARAMETER_EVENTS",
    "PATIENCE",
    "SENSOR_DATA",
    "Callback",
    "Callbacks",
    "DeadlineMissed",
    "Hearers",
    "Kind",
    "LivelinessChanged",
    "MessageInfo",
    "Names",
    "Pace",
    "Publisher",
    "PublisherSpec",
    "QoS",
    "Resources",
    "Sources",
    "StreamSubscription",
    "SubscriptionSpec",
    "Target",
    "Timer",
    "TimerSpec",
    "Troubles",
    "logical_names",
    "parse_remap",
    "publisher",
    "publishers_of",
    "stream_topic",
    "subscription",
    "subscription_spec",
    "subscriptions_of",
    "target",
    "timer",
    "timers_of",
]
