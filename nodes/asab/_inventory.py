"""What survives a restart: how full the bottles are, whether the line is clean, who asked what."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from messages.errors import CallRefusedError, ConfigurationError, OrderError
from nodes.asab._stocks import Stock

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bottle (
    name TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, volume REAL NOT NULL CHECK (volume >= 0)
) STRICT;
CREATE TABLE IF NOT EXISTS line (one INTEGER PRIMARY KEY CHECK (one = 1), request TEXT NOT NULL)
STRICT;
CREATE TABLE IF NOT EXISTS asked (
    request TEXT PRIMARY KEY, campaign TEXT NOT NULL, formulation TEXT NOT NULL,
    occurrence INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS asked_by ON asked (campaign, formulation);
"""

_CRUMB: Final = 1e-15
"""m3; differences of doubles are no liquid."""


class Inventory:
    """One SQLite file. Calls block for a commit, and may come from any thread.

    Args:
        path: The file; made where there is none.
        stocks: The bottles of today. Those the file does not know yet begin at ``full``.
        full: m3.

    Raises:
        ConfigurationError: The file cannot be used, or a bottle of a name that the file knows has
            another composition now.
    """

    def __init__(self, path: Path, stocks: Sequence[Stock], full: float) -> None:
        self._names = tuple(stock.name for stock in stocks)
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            known = dict(self._db.execute("SELECT name, fingerprint FROM bottle"))
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"the record of the stock solutions cannot be opened: {error}",
                where=str(path),
                remedy="move the file away to begin a new one with full bottles",
            ) from error
        for stock in stocks:
            if known.get(stock.name, stock.fingerprint) != stock.fingerprint:
                self._db.close()
                raise ConfigurationError(
                    f"stock {stock.name} has another composition than the one on record",
                    where=str(path),
                    remedy="give the new solution a name of its own in the stocks file",
                )
        with self._change() as db:
            db.executemany(
                "INSERT OR IGNORE INTO bottle VALUES (?, ?, ?)",
                [(stock.name, stock.fingerprint, full) for stock in stocks],
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def levels(self) -> dict[str, float]:
        """Return m3 in each of today's bottles, in their order."""
        with self._lock:
            volumes = dict(self._db.execute("SELECT name, volume FROM bottle"))
        return {name: volumes[name] for name in self._names}

    def refill(self, stock: str, level: float) -> None:
        """Note that ``stock`` holds ``level`` m3 now. Said twice it is no more.

        Raises:
            CallRefusedError: There is no such bottle.
        """
        if stock not in self._names:
            raise CallRefusedError(
                f"there is no stock {stock!r}", remedy=f"one of {', '.join(self._names)}"
            )
        with self._change() as db:
            db.execute("UPDATE bottle SET volume = ? WHERE name = ?", (level, stock))

    def take(
        self, request: UUID, campaign: str, formulation: str, volumes: Mapping[str, float]
    ) -> int:
        """Book ``volumes`` (m3 by stock) before anything moves; the line is dirty from now on.

        Returns:
            How many requests of this campaign had asked for this formulation before this one; for
            a second attempt at a request the number of its first.

        Raises:
            OrderError: A bottle would run out; nothing is booked.
        """
        with self._change() as db:
            levels = dict(db.execute("SELECT name, volume FROM bottle"))
            short = [
                f"stock {name} holds {levels[name] * 1e6:.3f} mL and {need * 1e6:.3f} mL is needed"
                for name, need in volumes.items()
                if need > levels[name] + _CRUMB
            ]
            if short:
                raise OrderError(
                    "; ".join(short), where="stocks", remedy="refill, then tell stock.refill"
                )
            db.executemany(
                "UPDATE bottle SET volume = max(0.0, volume - ?) WHERE name = ?",
                [(need, name) for name, need in volumes.items()],
            )
            db.execute("INSERT OR REPLACE INTO line VALUES (1, ?)", (str(request),))
            db.execute(
                "INSERT OR IGNORE INTO asked SELECT ?1, ?2, ?3, count(*) FROM asked "
                "WHERE campaign = ?2 AND formulation = ?3",
                (str(request), campaign, formulation),
            )
            (occurrence,) = db.execute(
                "SELECT occurrence FROM asked WHERE request = ?", (str(request),)
            ).fetchone()
        return int(occurrence)

    @property
    def dirty(self) -> str:
        """The request whose liquid is still in the line; empty when the line is clean."""
        with self._lock:
            row = self._db.execute("SELECT request FROM line").fetchone()
        return str(row[0]) if row else ""

    def cleaned(self) -> None:
        """Note that the line is clean."""
        with self._change() as db:
            db.execute("DELETE FROM line")

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
