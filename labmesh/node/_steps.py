"""What a node does on its way from one lifecycle state to another, around its author's hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labmesh.node._capability import BoundCapability
from labmesh.node._parameters import ParameterServer
from labmesh.node._runtime import Runtime
from labmesh.node._streams import NodeStreams
from messages.node import STATE_IDS, Transition

if TYPE_CHECKING:
    from labmesh.node._metrics import NodeMetrics
    from labmesh.node._node import Node


class Steps:
    """The transitions of one running node.

    Args:
        node: Whose hooks are called.
        runtime: Its parts.
        streams: Its streams, timers and subscriptions.
        parameters: Its parameters.
        capabilities: What it offers.
    """

    def __init__(
        self,
        node: Node[Any],
        runtime: Runtime,
        streams: NodeStreams,
        parameters: ParameterServer[Any],
        capabilities: Mapping[tuple[str, str], BoundCapability],
    ) -> None:
        self._node = node
        self._runtime = runtime
        self._streams = streams
        self._parameters = parameters
        self._capabilities = capabilities
        self._metrics: NodeMetrics | None = None

    async def configure(self) -> None:
        """Serve the metrics page, configure, and open what runs from then on."""
        node = self._node
        if self._parameters.configure():
            await self._parameters.publish(self._runtime.mesh)
        # First the page: a port that is taken shall be said before an instrument is touched.
        if node.parameters.metrics_port:
            # Prometheus' client is not for everyone to wait for.
            from labmesh.node._metrics import NodeMetrics  # noqa: PLC0415

            self._metrics = await NodeMetrics.open(node, self._runtime, self._streams)
        try:
            await node.on_configure()
            await self._streams.configured()
            if self._metrics is not None:
                self._metrics.add_own(node)
        except BaseException:
            await self._streams.end()
            await self.close_metrics()
            raise

    async def clean_up(self) -> None:
        """Undo `configure`."""
        await self._streams.end()
        await self._node.on_cleanup()
        await self.close_metrics()

    async def close_metrics(self) -> None:
        """Free the page's port."""
        metrics, self._metrics = self._metrics, None
        if metrics is not None:
            await metrics.close()

    async def activate(self) -> None:
        """Activate, open the streams, then take orders."""
        node = self._node
        self._streams.activating()
        try:
            await node.on_activate()
            await self._runtime.store.put_down()
            await self._streams.activated()
            node.takes_orders = True
            await node.publish_offers()
        except BaseException:
            node.takes_orders = False
            await self._streams.deactivating()
            self._streams.deactivated()
            raise
        serves = ",".join(f"{quantity}/{method}" for quantity, method in self._capabilities)
        node.log.info("active", **({"serves": serves} if serves else {}))

    async def deactivate(self) -> None:
        """Undo `activate`, in the opposite order."""
        node = self._node
        # First of all: an order that comes while the hook brings the instrument to rest would run.
        node.takes_orders = False
        await self._runtime.stop_work("the node was deactivated")
        await self._streams.deactivating()
        try:
            await node.on_deactivate()
        except Exception:
            if not node.leaving:
                node.takes_orders = True
                await self._streams.reactivated()
            raise
        self._streams.deactivated()

    async def recover(self, error: Exception) -> None:
        """Bring everything to rest after a hook that failed."""
        self._node.takes_orders = False
        self._node.log.error(f"{type(error).__name__}: {error}", state="errorprocessing")
        await self._runtime.stop_work("the node failed")
        await self._streams.end()
        try:
            await self._node.on_error(error)
        finally:
            await self.close_metrics()

    def tell(self, before: str, after: str, transition: Transition, reason: str) -> None:
        """Tell of a step on ``~/event/lifecycle``."""
        text = f"{before} -> {after}" + (f": {reason}" if reason else "")
        self._node.happened(
            "lifecycle", text, transition=transition.value,
            start={"id": STATE_IDS[before], "label": before},
            goal={"id": STATE_IDS[after], "label": after}, reason=reason,
        )  # fmt: skip
