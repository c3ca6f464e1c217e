"""The streams of a running node: what its class declares and what its code adds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from labmesh.node._description import Description
from labmesh.node._runtime import Runtime
from labmesh.streams import (
    Callback,
    Callbacks,
    DeadlineMissed,
    Hearers,
    LivelinessChanged,
    Pace,
    Publisher,
    PublisherSpec,
    Resources,
    Sources,
    StreamSubscription,
    SubscriptionSpec,
    Timer,
    TimerSpec,
    Troubles,
    publishers_of,
    subscriptions_of,
    timers_of,
)
from messages.errors import ConfigurationError
from messages.model import Message
from messages.node import Level

if TYPE_CHECKING:
    from labmesh.node._node import Node

M = TypeVar("M", bound=Message)

OnMissed = Callable[[DeadlineMissed], Awaitable[None] | None]
OnLiveliness = Callable[[LivelinessChanged], Awaitable[None] | None]

Series = dict[tuple[str, ...], float]

Scope = Literal["configured", "active"]


class _Part(Protocol):
    """What begins and ends with a scope."""

    @property
    def running(self) -> bool: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...


class NodeStreams:
    """Publishers, subscriptions and timers of a node, each in the scope it was made in.

    What is made before the activation lives until the node is cleaned up, what is made from then on
    until it is deactivated.

    Args:
        node: Whose they are.
        runtime: Its parts.
        description: Where it says what it publishes and takes.
        resources: Its named locks.

    Attributes:
        troubles: What went wrong, and what is wrong now.
    """

    def __init__(
        self,
        node: Node[Any],
        runtime: Runtime,
        description: Description,
        resources: Resources,
    ) -> None:
        self.troubles = Troubles()
        self._node = node
        self._mesh = runtime.mesh
        self._description = description
        self._pace = Pace(runtime.clock)
        self._callbacks = Callbacks(resources, self.troubles, node.log)
        self._sources = Sources(runtime.mesh)
        self._publishers: dict[str, Publisher[Any]] = {}
        self._parts: dict[Scope, list[_Part]] = {"configured": [], "active": []}
        self._scope: Scope = "configured"
        for declared in publishers_of(type(node)):
            self.publish_on(declared)
        runtime.transport.on_connect(self._restore)

    # Scopes.

    async def configured(self) -> None:
        """Open what runs from the configuration on."""
        await self._open_declared(when_inactive=True)

    def activating(self) -> None:
        """From now on what is made ends with the deactivation."""
        self._scope = "active"

    async def activated(self) -> None:
        """Open what runs while the node is active; watch what it owes others."""
        await self._open_declared(when_inactive=False)
        for publisher in self._publishers.values():
            publisher.watch()

    async def deactivating(self) -> None:
        """Close what runs while the node is active."""
        for publisher in self._publishers.values():
            publisher.rest()
        # What its author has closed is not to be opened again.
        self._parts["active"] = [part for part in self._parts["active"] if part.running]
        await asyncio.gather(*(part.close() for part in self._parts["active"]))

    async def reactivated(self) -> None:
        """Open again what `deactivating` closed: the node could not be deactivated."""
        for part in self._parts["active"]:
            await part.open()
        for publisher in self._publishers.values():
            publisher.watch()

    def deactivated(self) -> None:
        """Forget what ran while the node was active."""
        self._parts["active"].clear()
        self._scope = "configured"

    async def end(self) -> None:
        """Close everything."""
        await self.deactivating()
        self.deactivated()
        await asyncio.gather(*(part.close() for part in self._parts["configured"]))
        self._parts["configured"].clear()

    async def leave(self) -> None:
        """Close everything, and give up what waits to be published."""
        await self.end()
        for publisher in self._publishers.values():
            publisher.close()

    async def _open_declared(self, *, when_inactive: bool) -> None:
        for name, spec in subscriptions_of(type(self._node)):
            if spec.when_inactive is when_inactive:
                await self.subscribe(spec, getattr(self._node, name))
        for name, timing in timers_of(type(self._node)):
            if timing.when_inactive is when_inactive:
                self.time(timing, getattr(self._node, name), name=name)

    # Making them.

    def publish_on(self, declared: PublisherSpec[M]) -> Publisher[M]:
        """Return the publisher of a stream.

        Raises:
            ConfigurationError: The node publishes something else there.
        """
        stream, model = declared.stream, declared.model
        known = self._publishers.get(stream)
        if known is not None:
            if (known.model, known.qos) != (model, declared.qos):
                raise ConfigurationError(
                    f"{stream} is published already, as {known.model.TYPE}",
                    where=str(self._node.id),
                    remedy="give one of the two another name",
                )
            return known
        publisher = Publisher(
            self._mesh, stream, model, declared.qos,
            troubles=self.troubles, missed=self._hear_missed(None),
        )  # fmt: skip
        self._publishers[stream] = publisher
        published = declared.qos.published(model, declared.description)
        self._description.publishes(stream, model, published)
        if self._scope == "active":
            publisher.watch()
        return publisher

    async def subscribe(
        self,
        spec: SubscriptionSpec,
        callback: Callback,
        *,
        missed: OnMissed | None = None,
        liveliness: OnLiveliness | None = None,
    ) -> StreamSubscription[Any]:
        """Open a subscription in the present scope."""
        source = None if spec.source is None else self._node.resolve(spec.source)
        subscription: StreamSubscription[Any] = StreamSubscription(
            self._mesh, source, spec.stream, spec.model, callback,
            qos=spec.qos, strict=spec.strict, resource=spec.resource,
            callbacks=self._callbacks, sources=self._sources, troubles=self.troubles,
            log=self._node.log,
            hearers=Hearers(self._hear_missed(missed), self._hear_liveliness(liveliness)),
        )  # fmt: skip
        self._parts[self._scope].append(subscription)
        await subscription.open()
        self._description.subscribes(subscription.pattern, spec.model)
        return subscription

    def time(self, spec: TimerSpec, callback: Callback, *, name: str) -> Timer:
        """Start a timer in the present scope."""
        name = f"timer {name}"

        async def call() -> None:
            await self._callbacks.run(name, callback, resource=spec.resource)

        timer = Timer(
            name,
            self._period(spec.period),
            call,
            self._pace,
            skipped=lambda times: self.troubles.count("timer_skips", name, times),
            refused=lambda error: self._node.log.error(str(error)),
        )
        timer.reset()
        self._parts[self._scope].append(timer)
        return timer

    def _period(self, period: float | str) -> Callable[[], float]:
        if not isinstance(period, str):
            return lambda: period

        def read() -> float:
            return float(reduce(getattr, period.split("."), self._node.parameters))

        try:
            read()
        except (AttributeError, TypeError, ValueError):
            raise ConfigurationError(
                f"a timer's period is parameter {period!r}, and there is no such number",
                where=str(self._node.id),
                remedy="name a parameter of the node, or give the seconds",
            ) from None
        return read

    # What others are told.

    def published(self) -> dict[str, int]:
        """Return the messages of each stream so far, for the beat."""
        return {stream: each.published for stream, each in self._publishers.items()}

    def series(self) -> dict[str, Series]:
        """Return every count by stream, for the metrics page."""
        counts: dict[str, Series] = {
            "published": {(stream,): count for stream, count in self.published().items()},
            "taken": {
                (part.where,): part.received
                for parts in self._parts.values()
                for part in parts
                if isinstance(part, StreamSubscription)
            },
        }
        for what, each in self.troubles.counts.items():
            counts[what] = {(where,): count for where, count in each.items()}
        return counts

    def lease(self, longest: float) -> float:
        """Return the shortest lease that a publisher promises, ``longest`` where none does."""
        leases = (each.qos.liveliness for each in self._publishers.values())
        return min((lease for lease in leases if lease is not None), default=longest)

    def diagnose(self) -> None:
        """Say how the streams fare, where there is something to say."""
        words, totals = self.troubles.words, self.troubles.totals
        if words or totals or self._parts["active"] or self._parts["configured"]:
            self._node.diagnose(
                "streams",
                Level.WARN if words else Level.OK,
                words or "all is well",
                remedy="see the log, and `labmesh node info` of who publishes" if words else "",
                **totals,
            )

    def work_changed(self, silence: float) -> None:
        """Say that the author's own loop hangs, for so many seconds, or (0) goes on again."""
        if not silence:
            self._node.log.info("the node's work goes on again")
            self._node.diagnose("work", Level.OK, "goes on")
            return
        what = f"the node's work has given no sign of life for {silence:.1f} s"
        remedy = "see what its thread waits for, or start the node again"
        self._node.log.error(what, remedy=remedy)
        self._node.diagnose("work", Level.ERROR, what, remedy=remedy)

    async def _restore(self) -> None:
        for publisher in self._publishers.values():
            if publisher.qos.retained:
                self._mesh.background(publisher.restore(), f"restore {publisher.stream}")

    def _hear_missed(self, given: OnMissed | None) -> Callable[[DeadlineMissed], None]:
        hear = given if given is not None else self._node.on_deadline_missed
        return lambda event: self._tell("on_deadline_missed", hear, event)

    def _hear_liveliness(self, given: OnLiveliness | None) -> Callable[[LivelinessChanged], None]:
        hear = given if given is not None else self._node.on_liveliness
        return lambda event: self._tell("on_liveliness", hear, event)

    def _tell(self, name: str, hear: Callable[[Any], Awaitable[None] | None], event: Any) -> None:
        self._mesh.background(self._callbacks.run(name, hear, event), name)
