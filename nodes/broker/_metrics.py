"""What the ledger's metrics page says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from labmesh.metrics import Families, Series
from messages.ledger import EntryKind, Status
from nodes.broker._books import Books
from nodes.broker._engine import LedgerEngine
from nodes.broker._status import is_final

_LIVE: Final = tuple(status for status in Status if not is_final(status))

_SECONDS: Final = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip
"""Of a commit: from a disk with a write cache to one that is about to fail."""

_MESSAGES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Of a batch: up to the most that the parameter ``batch`` allows."""


class LedgerMetrics(Collector):
    """Counts batches, and reads the rest when it is asked for.

    What is read are single numbers, or copies made in one step: a page never waits for the
    ledger's thread, which may be waiting for a disk that does not answer.

    Args:
        node: ``site/node``.
        engine: The ledger, open.
    """

    def __init__(self, node: str, engine: LedgerEngine) -> None:
        self._engine = engine
        self._new = Families(node)
        self._accepted = Counter({kind.value: 0 for kind in EntryKind})
        own = CollectorRegistry()
        self._commit = Histogram(
            "labmesh_ledger_commit_seconds", "Time to write a batch", ("node",),
            registry=own, buckets=_SECONDS,
        ).labels(node)  # fmt: skip
        self._batch = Histogram(
            "labmesh_ledger_batch_messages", "Messages written in one transaction", ("node",),
            registry=own, buckets=_MESSAGES,
        ).labels(node)  # fmt: skip
        self._own = own

    def batch(self, books: Books, commands: int, seconds: float) -> None:
        """Count a batch; in the ledger's thread."""
        rows = books.batch.rows
        if rows:
            self._accepted.update([row.kind for row in rows])
            self._commit.observe(seconds)
            self._batch.observe(commands)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; in a thread of the page's."""
        new, engine = self._new, self._engine
        ledger, forwarder = engine.ledger, engine.forwarder
        for family in self._own.collect():
            # When a histogram was made is of no use to anybody.
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family
        kinds: Series = {(kind,): float(n) for kind, n in dict(self._accepted).items()}
        yield new.counter("labmesh_ledger_accepted", "Entries written", kinds, ("kind",))
        reasons: Series = {(code,): float(n) for code, n in dict(ledger.refusals).items()}
        yield new.counter("labmesh_ledger_refused", "Messages refused", reasons, ("reason",))
        yield new.counter(
            "labmesh_ledger_duplicates", "Messages that had been accepted before", ledger.duplicates
        )
        yield new.counter(
            "labmesh_ledger_dropped",
            "Messages dropped unread: their authors had too many in hand",
            engine.quota.dropped,
        )
        yield new.counter(
            "labmesh_ledger_unsent",
            "Messages that could not be published for a reason of their own",
            forwarder.unsent,
        )
        yield new.gauge(
            "labmesh_ledger_intake_messages", "Messages that wait to be written", engine.waiting
        )
        offset = ledger.head.offset
        yield new.gauge("labmesh_ledger_head_offset", "Number of the last entry", offset)
        yield new.gauge(
            "labmesh_ledger_unpublished_entries",
            "Entries that are written and not yet published",
            max(offset - forwarder.forwarded, 0),
        )
        yield new.gauge(
            "labmesh_ledger_intake_connected",
            "Whether the connection by which messages come in is there",
            engine.hears,
        )
        yield new.gauge(
            "labmesh_ledger_database_trouble",
            "Whether the database does not take what is to be written",
            engine.troubled,
        )
        yield from self._requests(ledger.books)

    def _requests(self, books: Books) -> Iterator[Metric]:
        yield self._new.gauge("labmesh_ledger_leases", "Leases that stand", len(books.leases))
        live = list(books.live.values())
        counts = Counter(request.status for request in live)
        yield self._new.gauge(
            "labmesh_ledger_requests",
            "Requests that have not ended",
            {(status.value,): float(counts[status]) for status in _LIVE},
            ("status",),
        )
        since = min((r.since for r in live if r.status is Status.PENDING), default=0)
        yield self._new.gauge(
            "labmesh_ledger_oldest_pending_seconds",
            "Since when the oldest request that waits for a worker has been in the ledger",
            max(time.time_ns() - since, 0) / 1e9 if since else 0.0,
        )
