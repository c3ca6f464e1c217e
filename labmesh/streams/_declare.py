"""What a node class declares of its streams: publishers, subscriptions, timers, call targets."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, Literal, Protocol, Self, TypeVar, overload

from pydantic import BaseModel

from labmesh.streams._publisher import Publisher
from labmesh.streams._qos import DEFAULT, QoS
from messages.errors import ConfigurationError
from messages.ids import NodeId, check_name
from messages.model import JsonObject, Message

M = TypeVar("M", bound=Message)
F = TypeVar("F", bound=Callable[..., Awaitable[None] | None])

Kind = Literal["data", "event"]

_SUBSCRIPTIONS: Final = "__labmesh_subscriptions__"
_TIMERS: Final = "__labmesh_timers__"


class Owner(Protocol):
    """What a node is to its declarations."""

    def publisher_of(self, declared: PublisherSpec[M]) -> Publisher[M]:
        """Return the publisher that was declared."""
        ...

    def resolve(self, name: str) -> NodeId:
        """Return the node that a logical name means."""
        ...

    async def call(
        self, node: NodeId, service: str, arguments: JsonObject | BaseModel | None = None,
        *, timeout: float = 5.0,  # noqa: ASYNC109
    ) -> JsonObject:  # fmt: skip
        """Call a service."""
        ...


def stream_topic(stream: str, kind: Kind) -> str:
    """Return the topic of a stream below ``~``; its levels are names.

    Raises:
        NameInvalidError: A level is none.
    """
    return "/".join((kind, *(check_name(level, "stream") for level in stream.split("/"))))


class PublisherSpec(Generic[M]):
    """A publisher that a class declares; of an instance it is the `Publisher`."""

    def __init__(self, stream: str, model: type[M], qos: QoS, description: str) -> None:
        self.stream = stream
        self.model = model
        self.qos = qos
        self.description = description

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: Owner, owner: type) -> Publisher[M]: ...
    def __get__(self, node: Owner | None, owner: type) -> Self | Publisher[M]:
        return self if node is None else node.publisher_of(self)


def publisher(
    stream: str,
    model: type[M],
    *,
    qos: QoS = DEFAULT,
    kind: Kind = "data",
    description: str = "",
) -> PublisherSpec[M]:
    """Declare a stream of a node.

    ``temperature = publisher("temperature", Temperature)`` in a class, and
    ``await self.temperature.publish(message)`` sends it on ``~/data/temperature``.

    Args:
        stream: Its name; may have several levels, ``bath/inner``.
        model: The type of its messages.
        qos: How they travel.
        kind: ``data``, or ``event`` for what happens now and then.
        description: One line, for the descriptor.
    """
    return PublisherSpec(stream_topic(stream, kind), model, qos, description)


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """A subscription that a class declares; attributes as the arguments of `subscription`."""

    source: str | None
    stream: str
    model: type[Message]
    qos: QoS
    strict: bool
    resource: str
    when_inactive: bool


def subscription(
    source: str | None,
    stream: str,
    model: type[Message],
    *,
    qos: QoS | None = None,
    deadline: float | None = None,
    liveliness: float | None = None,
    lifespan: float | None = None,
    depth: int | None = None,
    resource: str = "",
    kind: Kind = "data",
    when_inactive: bool = False,
) -> Callable[[F], F]:
    """Have a method called with each message: ``f(self, message)`` or ``f(self, message, info)``.

    Args:
        source: Logical name of the node: that of one's own site, unless it is remapped
            (``--remap``). ``site/node`` is that node, None everybody who publishes the stream.
        stream: The stream's name.
        model: The type of its messages; others are refused, and named once.
        qos: What is asked for; None: what there is, a retained message included.
        deadline: As in `QoS`, which it overrides; so do the three that follow.
        liveliness: As in `QoS`.
        lifespan: As in `QoS`.
        depth: As in `QoS`.
        resource: Held while the method runs: nothing else that names it runs side by side.
        kind: ``data`` or ``event``.
        when_inactive: Whether it runs from the node's configuration on, not only while it is
            active.

    Raises:
        ConfigurationError: A deadline or lease for everybody's stream.
    """
    spec = subscription_spec(
        source, stream, model, qos=qos, deadline=deadline, liveliness=liveliness,
        lifespan=lifespan, depth=depth, resource=resource, kind=kind, when_inactive=when_inactive,
    )  # fmt: skip

    def mark(function: F) -> F:
        _add(function, _SUBSCRIPTIONS, spec)
        return function

    return mark


def subscription_spec(
    source: str | None,
    stream: str,
    model: type[Message],
    *,
    qos: QoS | None,
    deadline: float | None,
    liveliness: float | None,
    lifespan: float | None,
    depth: int | None,
    resource: str,
    kind: Kind,
    when_inactive: bool,
) -> SubscriptionSpec:
    """Return the checked arguments of `subscription`."""
    given: dict[str, Any] = {
        "deadline": deadline, "liveliness": liveliness, "lifespan": lifespan, "depth": depth,
    }  # fmt: skip
    profile = replace(qos or DEFAULT, **{k: v for k, v in given.items() if v is not None})
    if source is None and (profile.deadline is not None or profile.liveliness is not None):
        raise ConfigurationError(
            "a deadline or a lease is about one node",
            where=f"subscription to everybody's {stream}",
            remedy="name the node, or leave them out",
        )
    topic = stream_topic(stream, kind)
    return SubscriptionSpec(source, topic, model, profile, qos is not None, resource, when_inactive)


@dataclass(frozen=True, slots=True)
class TimerSpec:
    """A timer that a class declares; attributes as the arguments of `timer`."""

    period: float | str
    resource: str
    when_inactive: bool


def timer(
    period: float | str, *, resource: str = "", when_inactive: bool = False
) -> Callable[[F], F]:
    """Have a method called every ``period`` seconds by the node's clock, while it is active.

    Args:
        period: Seconds, or the (dotted) name of the node's parameter that says them.
        resource: Held while the method runs.
        when_inactive: Whether it runs from the node's configuration on.
    """

    def mark(function: F) -> F:
        _add(function, _TIMERS, TimerSpec(period, resource, when_inactive))
        return function

    return mark


@dataclass(frozen=True, slots=True)
class Target:
    """A node that is called by its logical name."""

    id: NodeId
    _owner: Owner

    async def call(
        self, service: str, arguments: JsonObject | BaseModel | None = None,
        *, timeout: float = 5.0,  # noqa: ASYNC109
    ) -> JsonObject:  # fmt: skip
        """Call a service of it; errors as `Node.call`."""
        return await self._owner.call(self.id, service, arguments, timeout=timeout)


class TargetSpec:
    """A call target that a class declares; of an instance it is the `Target`."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: Owner, owner: type) -> Target: ...
    def __get__(self, node: Owner | None, owner: type) -> Self | Target:
        return self if node is None else Target(node.resolve(self.name), node)


def target(name: str) -> TargetSpec:
    """Declare a node that is called.

    ``bath = target("bath")`` in a class, and ``await self.bath.call("bath.set", ...)`` calls it.
    ``--remap bath:=dtu/bath`` binds it to another node than the one of that name at one's own site.
    """
    return TargetSpec(name)


def _add(function: Any, where: str, spec: object) -> None:
    setattr(function, where, (*getattr(function, where, ()), spec))


def publishers_of(kind: type) -> Iterator[PublisherSpec[Any]]:
    """Return the publishers that a class declares."""
    for _, found in inspect.getmembers_static(
        kind, lambda member: isinstance(member, PublisherSpec)
    ):
        yield found


def subscriptions_of(kind: type) -> Iterator[tuple[str, SubscriptionSpec]]:
    """Return the subscriptions that a class declares, each with its method's name."""
    for name, function in inspect.getmembers_static(kind, callable):
        for spec in getattr(function, _SUBSCRIPTIONS, ()):
            yield name, spec


def timers_of(kind: type) -> Iterator[tuple[str, TimerSpec]]:
    """Return the timers that a class declares, each with its method's name."""
    for name, function in inspect.getmembers_static(kind, callable):
        for spec in getattr(function, _TIMERS, ()):
            yield name, spec


def logical_names(kind: type) -> tuple[str, ...]:
    """Return the names of inputs and call targets that a class declares, sorted."""
    targets = {
        found.name for _, found in inspect.getmembers_static(kind) if isinstance(found, TargetSpec)
    }
    inputs = {spec.source for _, spec in subscriptions_of(kind) if spec.source is not None}
    return tuple(sorted(targets | inputs))
