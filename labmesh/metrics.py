"""Metrics for Prometheus: a page of one participant, on an HTTP port of its own.

Imported only where a page is switched on. Each page has its own registry, so that several
participants may live in one process.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLateError
from typing import Final, TypeVar
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from messages.errors import ConfigurationError

T = TypeVar("T")

PATIENCE: Final = 2.0
"""Wall seconds that an event loop has to tell its values; Prometheus gives up after 10."""

Series = Mapping[tuple[str, ...], float]
"""Values by the values of the labels."""


class MetricsPage:
    """Serves ``/metrics`` from threads of its own, until `close`.

    Args:
        port: 1 to 65535.
        address: Interface to listen on.

    Raises:
        ConfigurationError: Nobody can listen there; blocks for a name that has to be looked up.
    """

    def __init__(self, port: int, address: str) -> None:
        self._registry = CollectorRegistry()
        self.where = f"http://{address}:{port}/metrics"
        server: WSGIServer
        thread: threading.Thread
        try:
            server, thread = start_http_server(port, address, self._registry)
        except OSError as error:
            raise ConfigurationError(
                f"metrics cannot be served at {address}:{port}: {error.strerror or error}",
                where="metrics_port",
                remedy="give every node on a machine a metrics_port of its own (0: none), and a "
                "metrics_address that the machine has",
            ) from None
        self._server, self._thread = server, thread
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    @property
    def registry(self) -> CollectorRegistry:
        """What the page shows."""
        return self._registry

    def add(self, collectors: Iterable[Collector]) -> None:
        """Show more."""
        for collector in collectors:
            self._registry.register(collector)

    def close(self) -> None:
        """Stop serving and free the port; takes up to half a second. Idempotent."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Families:
    """Makes metrics whose first label is the node.

    Args:
        node: ``site/node``.
    """

    def __init__(self, node: str) -> None:
        self._node = node

    def gauge(
        self, name: str, words: str, value: float | Series, labels: tuple[str, ...] = ()
    ) -> GaugeMetricFamily:
        """Return what may go up and down."""
        family = GaugeMetricFamily(name, words, labels=("node", *labels))
        for key, number in _series(value):
            family.add_metric([self._node, *key], number)
        return family

    def counter(
        self, name: str, words: str, value: float | Series, labels: tuple[str, ...] = ()
    ) -> CounterMetricFamily:
        """Return what only grows, until the process ends; ``_total`` is added to its name."""
        family = CounterMetricFamily(name, words, labels=("node", *labels))
        for key, number in _series(value):
            family.add_metric([self._node, *key], number)
        return family


class LoopReader:
    """Reads values in the event loop that they belong to, for a thread that asks.

    Args:
        loop: Runs in another thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def read(self, values: Callable[[], T]) -> T | None:
        """Return what ``values()`` returns in the loop; None when it stands still or has ended."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(values())
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                future.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(work)
            return future.result(PATIENCE)
        except (RuntimeError, TooLateError):
            return None


class LogCounter(logging.Handler):
    """Counts the records of this process's ``labmesh`` loggers, from warnings up."""

    _WORDS: Final = ((logging.CRITICAL, "fatal"), (logging.ERROR, "error"))

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._counts = Counter({"warn": 0, "error": 0, "fatal": 0})

    def emit(self, record: logging.LogRecord) -> None:
        """Count; called with the handler's lock held."""
        word = next((word for number, word in self._WORDS if record.levelno >= number), "warn")
        self._counts[word] += 1

    def series(self) -> Series:
        """Return the counts by level."""
        return {(level,): count for level, count in dict(self._counts).items()}


def _series(value: float | Series) -> Iterable[tuple[tuple[str, ...], float]]:
    return value.items() if isinstance(value, Mapping) else (((), value),)
