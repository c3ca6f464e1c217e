"""The part of a node's face that is about streams, timers and its own pulse."""

from __future__ import annotations

from typing import TypeVar

from labmesh.node._beat import Pulse
from labmesh.node._options import NodeOptions
from labmesh.node._streams import NodeStreams, OnLiveliness, OnMissed
from labmesh.streams import (
    DEFAULT,
    Callback,
    DeadlineMissed,
    Kind,
    LivelinessChanged,
    Names,
    Publisher,
    PublisherSpec,
    QoS,
    Resources,
    StreamSubscription,
    Timer,
    TimerSpec,
    logical_names,
    stream_topic,
    subscription_spec,
)
from messages.ids import NodeId
from messages.model import Message

M = TypeVar("M", bound=Message)


class Streaming:
    """What every node has of streams; `labmesh.Node` is one."""

    def __init__(self, options: NodeOptions) -> None:
        self._node_names = Names(options.id, logical_names(type(self)), options.remap)
        self._node_resources = Resources()
        self._node_pulse = Pulse()
        self._node_streams: NodeStreams | None = None

    async def on_deadline_missed(self, missed: DeadlineMissed) -> None:
        """Take it that a stream stood still: one that is listened to, or (``own``) one's own.

        Called again after every further deadline without a message. It has been logged.
        """

    async def on_liveliness(self, change: LivelinessChanged) -> None:
        """Take it that a node one listens to began or ceased to be alive. It has been logged."""

    def resolve(self, name: str) -> NodeId:
        """Return the node that a logical name means: one's own site's, unless it is remapped."""
        return self._node_names.resolve(name)

    def create_publisher(
        self,
        stream: str,
        model: type[M],
        *,
        qos: QoS = DEFAULT,
        kind: Kind = "data",
        description: str = "",
    ) -> Publisher[M]:
        """Publish a stream that is known only now; arguments as `labmesh.publisher`.

        Raises:
            ConfigurationError: The node publishes something else there.
        """
        spec = PublisherSpec(stream_topic(stream, kind), model, qos, description)
        return self._need_streams().publish_on(spec)

    async def create_subscription(
        self,
        source: str | NodeId | None,
        stream: str,
        model: type[Message],
        callback: Callback,
        *,
        qos: QoS | None = None,
        deadline: float | None = None,
        liveliness: float | None = None,
        lifespan: float | None = None,
        depth: int | None = None,
        resource: str = "",
        kind: Kind = "data",
        on_deadline_missed: OnMissed | None = None,
        on_liveliness: OnLiveliness | None = None,
    ) -> StreamSubscription[Message]:
        """Subscribe to a stream; arguments as `labmesh.subscription`.

        It ends with ``close()``; at the latest when the node is deactivated, or cleaned up where it
        was made before the node's activation.
        """
        spec = subscription_spec(
            None if source is None else str(source), stream, model, qos=qos, deadline=deadline,
            liveliness=liveliness, lifespan=lifespan, depth=depth, resource=resource, kind=kind,
            when_inactive=False,
        )  # fmt: skip
        return await self._need_streams().subscribe(
            spec, callback, missed=on_deadline_missed, liveliness=on_liveliness
        )

    def create_timer(
        self, period: float | str, callback: Callback, *, resource: str = "", name: str = ""
    ) -> Timer:
        """Call ``callback`` every ``period`` seconds; arguments and end as of `labmesh.timer`.

        Raises:
            ConfigurationError: The period is not positive.
        """
        name = name or getattr(callback, "__name__", "callback")
        spec = TimerSpec(period, resource, when_inactive=False)
        return self._need_streams().time(spec, callback, name=name)

    def publisher_of(self, declared: PublisherSpec[M]) -> Publisher[M]:
        """Return the publisher that the class declares."""
        return self._need_streams().publish_on(declared)

    def beat(self, lease: float | None = 15.0) -> None:
        """Say that the node's work goes on; for work that runs in a loop of its own, in a thread.

        From the first call on the node counts as alive only as long as the next one comes within
        ``lease`` wall seconds; ``None`` ends that. Cheap, and may be called from any thread.
        Without any call the event loop is what beats.
        """
        self._node_pulse.beat(lease)

    @property
    def works(self) -> bool:
        """Whether the node's work goes on, as far as it says so by `beat`."""
        return not self._node_pulse.silence

    def _need_streams(self) -> NodeStreams:
        if self._node_streams is None:
            raise RuntimeError("the node is not running; use this from a hook or a handler")
        return self._node_streams
