"""The ledger's database as its writer sees it: one connection, used by one thread at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Row as SqlRow
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from messages.chain import GENESIS
from messages.envelope import unpack
from messages.ledger import FINAL, Head, Status
from messages.model import JsonObject
from nodes.broker._row import Row
from nodes.broker.store import _tables as t
from nodes.broker.store._database import database_error, open_writer
from nodes.broker.store._lock import PATIENCE, WriterLock
from nodes.broker.store._migrate import migrate
from nodes.broker.store._projector import Projector, clear_projections
from nodes.broker.store._rows import Statements, insert_rows

_LIVE: Final = sorted(status.value for status in Status if status not in FINAL)
_CHUNK: Final = 512
"""Parameters of one IN list, and rows of one step of a rebuild."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal holds under a uuid."""

    kind: str
    offset: int
    author: str
    body_hash: bytes
    body: JsonObject


class Store(Protocol):
    """What the ledger asks of its database. Reads see what the transaction under way wrote."""

    def head(self) -> Head:
        """Return the last entry's offset and hash."""
        ...

    def forwarded(self) -> int:
        """Return the offset up to which everything has been published."""
        ...

    def known(self, uuids: Sequence[str]) -> dict[str, Known]:
        """Return the entries that have one of ``uuids``."""
        ...

    def request(self, uuid: str) -> Any:
        """Return a request's projection with its ``author``, or None."""
        ...

    def request_body(self, uuid: str) -> JsonObject:
        """Return a request as its author sent it."""
        ...

    def result(self, uuid: str) -> Any:
        """Return a result's ``status`` and ``author``, or None."""
        ...

    def sample(self, sample: str) -> Any:
        """Return a sample's projection, or None."""
        ...

    def last_states(self, samples: Sequence[str]) -> dict[str, JsonObject]:
        """Return the entries of samples' last states, by sample."""
        ...

    def live(self) -> Iterable[SqlRow[Any]]:
        """Return the requests that have not ended, with the order each has, by offset."""
        ...

    def capabilities(self) -> Iterable[JsonObject]:
        """Return every capability's last entry."""
        ...

    def offers(self) -> Iterable[JsonObject]:
        """Return the last entry of every offer that stands."""
        ...

    def rows(self, start: int, limit: int) -> list[Row]:
        """Return up to ``limit`` entries from offset ``start``."""
        ...

    def commit(self, rows: Sequence[Row], forwarded: int | None = None) -> None:
        """Write entries, their projections and the watermark; durable on return."""
        ...

    def rollback(self) -> None:
        """End a transaction without a trace, after a failure."""
        ...

    def end_reading(self) -> None:
        """End a transaction that only read."""
        ...

    def prove(self) -> None:
        """Make sure that this is still the ledger's one writer."""
        ...

    def close(self) -> None:
        """Let the database go. Idempotent."""
        ...


class SqlStore:
    """A `Store` in SQLite or PostgreSQL.

    Args:
        url: SQLAlchemy database URL. A SQLite file is made if it is not there.
        patience: Wall seconds to wait for another writer to let go.

    Attributes:
        where: The URL without its password, for messages.

    Raises:
        LedgerTakenError: Another process writes it.
        ConfigurationError: It cannot be opened or written, or a newer version wrote it.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self.url = url
        self._engine = open_writer(url)
        self.where = self._engine.url.render_as_string(hide_password=True)
        self._lock = WriterLock(self._engine, self.where, patience=patience)
        self._statements = Statements(self._engine.dialect.name)
        try:
            self._connection = self._engine.connect()
            migrate(self._connection, self.where)
            # A transaction that changes nothing still finds out a read-only file now, not later.
            self._connection.execute(update(t.FORWARDED).values(one=1))
            self._connection.commit()
            self._projector = Projector(self._connection, self._statements)
            self._connection.rollback()
        except DBAPIError as error:
            self.close()
            raise database_error(error, self.where) from error
        except BaseException:
            self.close()
            raise

    def head(self) -> Head:
        """Return the last entry's offset and hash."""
        row = self._connection.execute(
            select(t.JOURNAL.c.offset, t.JOURNAL.c.hash)
            .order_by(t.JOURNAL.c.offset.desc())
            .limit(1)
        ).first()
        return Head(offset=row[0], hash=row[1]) if row else Head(offset=-1, hash=GENESIS)

    def forwarded(self) -> int:
        """Return the offset up to which everything has been published."""
        return int(self._connection.execute(select(t.FORWARDED.c.offset)).scalar_one())

    def known(self, uuids: Sequence[str]) -> dict[str, Known]:
        """Return the entries that have one of ``uuids``."""
        # The one read of the hot path: plain SQL, its text made once for each power of two.
        return {
            row[0]: Known(row[1], row[2], row[3], row[4], unpack(row[5]))
            for start in range(0, len(uuids), _CHUNK)
            for row in self._known(tuple(uuids[start : start + _CHUNK]))
        }

    def _known(self, uuids: tuple[str, ...]) -> Iterable[Any]:
        count = 1 << (len(uuids) - 1).bit_length()
        padded = uuids + uuids[-1:] * (count - len(uuids))
        return self._connection.exec_driver_sql(self._statements.known(count), padded)

    def request(self, uuid: str) -> Any:
        """Return a request's projection with its ``author``, or None."""
        return self._connection.execute(
            select(t.REQUESTS, t.TENANTS.c.name.label("author"))
            .join(t.TENANTS, t.TENANTS.c.uuid == t.REQUESTS.c.requesting_tenant_uuid)
            .where(t.REQUESTS.c.uuid == uuid)
        ).first()

    def request_body(self, uuid: str) -> JsonObject:
        """Return a request as its author sent it."""
        body = self._connection.execute(
            select(t.JOURNAL.c.body).where(t.JOURNAL.c.uuid == uuid)
        ).scalar_one()
        return dict(unpack(body))

    def result(self, uuid: str) -> Any:
        """Return a result's ``status`` and ``author``, or None."""
        return self._connection.execute(
            select(t.RESULTS.c.status, t.TENANTS.c.name.label("author"))
            .join(t.TENANTS, t.TENANTS.c.uuid == t.RESULTS.c.posting_tenant_uuid)
            .where(t.RESULTS.c.uuid == uuid)
        ).first()

    def sample(self, sample: str) -> Any:
        """Return a sample's projection, or None."""
        return self._connection.execute(
            select(t.SAMPLES).where(t.SAMPLES.c.sample == sample)
        ).first()

    def last_states(self, samples: Sequence[str]) -> dict[str, JsonObject]:
        """Return the entries of samples' last states, by sample."""
        s, found = t.SAMPLE_STATES.c, {}
        for sample in samples:
            row = self._connection.execute(
                select(t.JOURNAL.c.body)
                .join(t.SAMPLE_STATES, s.offset == t.JOURNAL.c.offset)
                .where(s.sample == sample)
                .order_by(s.state.desc())
                .limit(1)
            ).first()
            if row is not None:
                found[sample] = dict(unpack(row[0]))
        return found

    def live(self) -> Iterable[SqlRow[Any]]:
        """Return the requests that have not ended, with the order each has, by offset."""
        r, o = t.REQUESTS.c, t.ORDERS.c
        return self._connection.execute(
            select(
                # Not their parameters: a queue may be long.
                r.uuid, r.offset, r.quantity, r.method, r.campaign, r.priority, r.attempts,
                r.expires, r.sample, r.sample_state, r.status, r.attempt, r.worker, r.token,
                r.load_time, t.TENANTS.c.name.label("author"), o.kind.label("order_kind"),
                o.epoch.label("order_epoch"), o.lease.label("order_lease"),
            )
            .join(t.TENANTS, t.TENANTS.c.uuid == t.REQUESTS.c.requesting_tenant_uuid)
            .outerjoin(t.ORDERS, o.token == t.REQUESTS.c.token)
            .where(t.REQUESTS.c.status.in_(_LIVE))
            .order_by(t.REQUESTS.c.offset)
        )  # fmt: skip

    def capabilities(self) -> Iterable[JsonObject]:
        """Return every capability's last entry."""
        return self._bodies(select(t.QUANTITIES.c.offset))

    def offers(self) -> Iterable[JsonObject]:
        """Return the last entry of every offer that stands."""
        return self._bodies(select(t.OFFERS.c.offset).where(t.OFFERS.c.is_active.is_(True)))

    def _bodies(self, offsets: Any) -> list[JsonObject]:
        j = t.JOURNAL.c
        found = self._connection.execute(
            select(j.body).where(j.offset.in_(offsets)).order_by(j.offset)
        )
        return [unpack(row[0]) for row in found]

    def rows(self, start: int, limit: int) -> list[Row]:
        """Return up to ``limit`` entries from offset ``start``."""
        found = self._connection.execute(
            select(t.JOURNAL).where(t.JOURNAL.c.offset >= start).order_by(t.JOURNAL.c.offset)
            .limit(limit)
        )  # fmt: skip
        return [Row(tuple(row), unpack(row[8])) for row in found]

    def commit(self, rows: Sequence[Row], forwarded: int | None = None) -> None:
        """Write entries, their projections and the watermark; durable on return."""
        connection = self._connection
        try:
            self.add(rows)
            if forwarded is not None:
                connection.execute(update(t.FORWARDED).values(offset=forwarded))
            connection.commit()
        except BaseException:
            self.rollback()
            raise

    def add(self, rows: Sequence[Row]) -> None:
        """Write entries and their projections within a transaction that `commit` will end."""
        connection = self._connection
        insert_rows(connection, self._statements, t.JOURNAL, [row.columns for row in rows])
        self._projector.project(connection, rows)

    def rollback(self) -> None:
        """End a transaction without a trace."""
        self._connection.rollback()
        self._projector = Projector(self._connection, self._statements)
        self._connection.rollback()

    def end_reading(self) -> None:
        """End a transaction that only read."""
        self._connection.rollback()

    def rebuild(self) -> int:
        """Write every projection anew from the journal alone; return the number of entries."""
        connection = self._connection
        try:
            clear_projections(connection)
            projector = Projector(connection, self._statements)
            count = 0
            while rows := self.rows(count, _CHUNK):
                projector.project(connection, rows)
                count += len(rows)
            connection.commit()
        except BaseException:
            self.rollback()
            raise
        self._projector = projector
        return count

    def prove(self) -> None:
        """Make sure that this is still the ledger's one writer.

        Raises:
            LedgerTakenError: Another process has become it.
            OperationalError: The database does not answer.
        """
        if self._engine.dialect.name != "sqlite":  # whose lock ends with the process alone
            self._connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Let the database go. Idempotent."""
        if hasattr(self, "_connection"):
            self._connection.close()
        self._engine.dispose()
        self._lock.release()
