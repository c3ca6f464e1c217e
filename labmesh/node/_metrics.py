"""What every node's metrics page says."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from labmesh.metrics import Families, LogCounter, LoopReader, MetricsPage, Series
from labmesh.node._runtime import Runtime
from labmesh.node._software import software_version
from labmesh.node._streams import NodeStreams
from labmesh.streams import COUNTED
from messages.node import State

if TYPE_CHECKING:
    from labmesh.node._node import Node

Values = dict[str, float]


class NodeMetrics:
    """The page of one node: open it, add to it, close it.

    Args:
        node: Whose page it is.
        runtime: Its parts.
        streams: Its streams.
        page: Serves it.
    """

    def __init__(
        self, node: Node[Any], runtime: Runtime, streams: NodeStreams, page: MetricsPage
    ) -> None:
        self._page = page
        self._log = LogCounter()
        logging.getLogger("labmesh").addHandler(self._log)
        page.add([_NodeCollector(node, runtime, streams, self._log)])

    @classmethod
    async def open(cls, node: Node[Any], runtime: Runtime, streams: NodeStreams) -> NodeMetrics:
        """Serve the page.

        Raises:
            ConfigurationError: The port or address cannot be had.
        """
        given = node.parameters
        page = await asyncio.to_thread(MetricsPage, given.metrics_port, given.metrics_address)
        node.log.info("metrics", at=page.where)
        return cls(node, runtime, streams, page)

    def add_own(self, node: Node[Any]) -> None:
        """Show what the node itself adds."""
        self._page.add(node.collectors())

    async def close(self) -> None:
        """Free the port."""
        logging.getLogger("labmesh").removeHandler(self._log)
        await asyncio.to_thread(self._page.close)


class _NodeCollector(Collector):
    def __init__(
        self, node: Node[Any], runtime: Runtime, streams: NodeStreams, log: LogCounter
    ) -> None:
        self._node = node
        self._runtime = runtime
        self._streams = streams
        self._log = log
        self._loop = LoopReader(asyncio.get_running_loop())
        self._new = Families(str(node.id))

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; in a thread of the page's."""
        new, node = self._new, self._node
        program = f"{type(node).__module__}:{type(node).__qualname__}"
        yield InfoMetricFamily(
            "labmesh_node",
            "Which node this is",
            {"node": str(node.id), "program": program, "version": software_version(type(node))},
        )
        yield new.counter(
            "labmesh_log_records", "Log records of the process", self._log.series(), ("level",)
        )
        yield new.gauge(
            "labmesh_disk_free_bytes",
            "Free space where the node's folder is",
            shutil.disk_usage(node.data_dir).free,
        )
        values = self._loop.read(self._values)
        yield new.gauge(
            "labmesh_node_responsive",
            "Whether the node's event loop answers; 0: it stands still, and most is missing here",
            values is not None,
        )
        if values is not None:
            yield from self._of(values)
            yield from self._of_streams(self._loop.read(self._streams.series) or {})

    def _of(self, values: Values) -> Iterator[Metric]:
        new, state = self._new, self._node.state
        states: Series = {(each.value,): float(each is state) for each in State}
        yield new.gauge("labmesh_node_state", "Lifecycle: 1 for the present state", states,
                        ("state",))  # fmt: skip
        for name, words in _GAUGES.items():
            yield new.gauge(name, words, values[name])
        for name, words in _COUNTERS.items():
            yield new.counter(name, words, values[name])

    def _of_streams(self, series: Mapping[str, Series]) -> Iterator[Metric]:
        for what, words in {**_STREAMS, **COUNTED}.items():
            make = self._new.gauge if what == "missing" else self._new.counter
            yield make(f"labmesh_stream_{what}", words, series.get(what, {}), ("stream",))

    def _values(self) -> Values:
        """Read everything at one moment; in the event loop."""
        runtime = self._runtime
        stats, outbox, worker = runtime.transport.stats, runtime.outbox, runtime.worker
        return {
            "labmesh_connected": runtime.transport.connected,
            "labmesh_reconnects": max(stats.connections - 1, 0),
            "labmesh_messages_published": stats.published,
            "labmesh_messages_received": stats.received,
            "labmesh_messages_dropped": stats.dropped,
            "labmesh_messages_refused": stats.refused,
            "labmesh_messages_not_taken": runtime.mesh.problems,
            "labmesh_handler_errors": stats.handler_errors,
            "labmesh_outbox_messages": outbox.pending if outbox else 0,
            "labmesh_outbox_oldest_seconds": outbox.waiting if outbox else 0.0,
            "labmesh_orders_in_hand": worker.busy if worker else 0,
            "labmesh_orders_done": worker.done if worker else 0,
            "labmesh_orders_failed": worker.failed if worker else 0,
        }


_STREAMS = {
    "published": "Messages published on a stream of this node's",
    "taken": "Messages given to the callback of a subscription",
}
_GAUGES = {
    "labmesh_connected": "Whether the node has its connection to the MQTT broker",
    "labmesh_outbox_messages": "Messages for which the ledger's receipt has not come",
    "labmesh_outbox_oldest_seconds": "How long the oldest of them has waited",
    "labmesh_orders_in_hand": "Orders being worked on",
}
_COUNTERS = {
    "labmesh_reconnects": "Connections made after the first",
    "labmesh_messages_published": "Messages that the MQTT broker took",
    "labmesh_messages_received": "Messages that arrived",
    "labmesh_messages_dropped": "Messages of QoS 0 given up",
    "labmesh_messages_refused": "Publishes and subscriptions that the MQTT broker refused",
    "labmesh_messages_not_taken": "Messages that were not valid",
    "labmesh_handler_errors": "Exceptions raised by handlers of messages",
    "labmesh_orders_done": "Orders that ended with a result",
    "labmesh_orders_failed": "Orders that ended with a failure, or whose result was refused",
}
