"""Who has which channel: reservations and running tests, in a file that survives a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError, LabmeshError, OrderError

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS reservation (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, request TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS reserved (
  channel INTEGER PRIMARY KEY, reservation TEXT NOT NULL REFERENCES reservation(id)
);
CREATE TABLE IF NOT EXISTS assigned (
  request TEXT PRIMARY KEY, channel INTEGER NOT NULL UNIQUE, test TEXT NOT NULL, cell TEXT NOT NULL,
  attempt INTEGER NOT NULL
);
"""

_ASSIGNED: Final = "SELECT request, channel, test, cell, attempt FROM assigned"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Channels that are kept for somebody.

    Attributes:
        id: Its name.
        owner: Who may use it.
        channels: Those that are left; a channel whose test has begun is not among them.
        expires: Wall time, ns UTC; after it the channels are free.
    """

    id: str
    owner: str
    channels: tuple[int, ...]
    expires: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """A channel that a request has, and its test."""

    request: str
    channel: int
    test: str
    cell: str


class Desk:
    """Reservations and assignments of ``count`` channels. All calls block, briefly.

    Args:
        file: SQLite file.
        count: Channels, from 1.
    """

    def __init__(self, file: Path, count: int) -> None:
        self._count = count
        try:
            self._base = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.executescript(_TABLES)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"the file of reservations cannot be used: {error}", where=str(file)
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def reserve(
        self, request: str, owner: str, number: int, *, usable: Iterable[int], now: int, ttl: float
    ) -> Reservation | None:
        """Keep channels for somebody; None when too few are free.

        Asked again for the same request it gives the same answer.

        Args:
            request: The request that asks; an id of the reservation is made of it.
            owner: Who asks.
            number: How many.
            usable: Channels on which nothing runs and that work.
            now: Wall time, ns UTC.
            ttl: Seconds for which they are kept.
        """
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._expire(now)
            row = self._base.execute(
                "SELECT id FROM reservation WHERE request = ?", (request,)
            ).fetchone()
            if row is not None:
                return self._reservation(row[0])
            free = self._free(usable)
            if len(free) < number:
                return None
            name = f"r-{request.replace('-', '')[-12:]}"
            self._base.execute(
                "INSERT INTO reservation VALUES (?, ?, ?, ?)",
                (name, owner, request, now + round(ttl * 1e9)),
            )
            self._base.executemany(
                "INSERT INTO reserved VALUES (?, ?)", [(each, name) for each in free[:number]]
            )
            return self._reservation(name)

    def take(
        self, request: str, owner: str, cell: str, reservation: str, *, usable: Iterable[int],
        now: int, prefix: str, attempt: int = 1,
    ) -> Assignment:  # fmt: skip
        """Give a channel to a request, the same as before if it has one.

        Args:
            request: Which.
            owner: Who asks.
            cell: The sample.
            reservation: Whose channels to take from; empty: one that nobody has reserved.
            usable: Channels on which nothing runs and that work.
            now: Wall time, ns UTC.
            prefix: Of the test's name.
            attempt: At the request; a later one without a channel begins a test of another name.

        Raises:
            OrderError: The reservation is unknown, expired, used up or somebody else's; no channel
                is free; the cell is in another channel.
        """
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._expire(now)
            had = self.assignment(request)
            if had is not None:
                return had
            self._refuse_twice(cell)
            channel = self._pick(reservation, owner, usable)
            test = f"{prefix}{request.replace('-', '')[-12:]}"
            test += f"-{attempt}" if attempt > 1 else ""
            self._base.execute("DELETE FROM reserved WHERE channel = ?", (channel,))
            self._base.execute(
                "INSERT INTO assigned VALUES (?, ?, ?, ?, 1)", (request, channel, test, cell)
            )
        return Assignment(request, channel, test, cell)

    def again(self, request: str) -> Assignment:
        """Give a request's test another name: the former was stopped, and it shall run anew."""
        self._base.execute(
            "UPDATE assigned SET attempt = attempt + 1 WHERE request = ?", (request,)
        )
        found = self.assignment(request)
        if found is None:
            raise LabmeshError("the request has no channel", where=request)
        return found

    def assignment(self, request: str) -> Assignment | None:
        """Return the channel that a request has."""
        row = self._base.execute(f"{_ASSIGNED} WHERE request = ?", (request,)).fetchone()
        return None if row is None else _assignment(row)

    def assignments(self) -> dict[int, Assignment]:
        """Return what the channels are for, by channel."""
        return {row[1]: _assignment(row) for row in self._base.execute(_ASSIGNED)}

    def free(self, request: str) -> None:
        """Take the channel from a request whose test is over."""
        self._base.execute("DELETE FROM assigned WHERE request = ?", (request,))

    def release(self, name: str) -> bool:
        """Give up a reservation; false when there is none of that name."""
        with self._base:
            self._base.execute("DELETE FROM reserved WHERE reservation = ?", (name,))
            gone = self._base.execute("DELETE FROM reservation WHERE id = ?", (name,))
        return gone.rowcount > 0

    def reservations(self, now: int) -> list[Reservation]:
        """Return those that stand."""
        with self._base:
            self._expire(now)
            rows = self._base.execute("SELECT id FROM reservation ORDER BY expires").fetchall()
            return [self._reservation(row[0]) for row in rows]

    def _reservation(self, name: str) -> Reservation:
        owner, expires = self._base.execute(
            "SELECT owner, expires FROM reservation WHERE id = ?", (name,)
        ).fetchone()
        rows = self._base.execute(
            "SELECT channel FROM reserved WHERE reservation = ? ORDER BY channel", (name,)
        )
        return Reservation(name, owner, tuple(row[0] for row in rows), expires)

    def _expire(self, now: int) -> None:
        self._base.execute(
            "DELETE FROM reserved WHERE reservation IN "
            "(SELECT id FROM reservation WHERE expires <= ?)", (now,),
        )  # fmt: skip
        self._base.execute("DELETE FROM reservation WHERE expires <= ?", (now,))

    def _free(self, usable: Iterable[int]) -> list[int]:
        taken = {row[0] for row in self._base.execute("SELECT channel FROM reserved")}
        taken |= {row[0] for row in self._base.execute("SELECT channel FROM assigned")}
        return sorted(set(usable) - taken)

    def _refuse_twice(self, cell: str) -> None:
        row = self._base.execute("SELECT channel FROM assigned WHERE cell = ?", (cell,)).fetchone()
        if row is not None:
            raise OrderError(
                f"cell {cell} is in channel {row[0]}, where another test runs",
                where="cell_info.sample",
                remedy="wait for its end",
                retryable=True,
            )

    def _pick(self, reservation: str, owner: str, usable: Iterable[int]) -> int:
        if not reservation:
            free = self._free(usable)
            if not free:
                raise OrderError(
                    "no channel is free", where="reservation_id",
                    remedy="wait, or reserve channels (cycling_channel/service)", retryable=True,
                )  # fmt: skip
            return free[0]
        row = self._base.execute(
            "SELECT owner FROM reservation WHERE id = ?", (reservation,)
        ).fetchone()
        if row is None:
            raise OrderError(
                f"there is no reservation {reservation!r}, or it has expired",
                where="reservation_id",
                remedy="reserve channels again (cycling_channel/service)",
            )
        if row[0] != owner:
            raise OrderError(
                f"reservation {reservation!r} is of {row[0]}, not of {owner}",
                where="reservation_id",
            )
        kept = set(self._reservation(reservation).channels) & set(usable)
        if not kept:
            raise OrderError(
                f"reservation {reservation!r} has no channel left that works",
                where="reservation_id",
                remedy="reserve as many channels as there are cells",
            )
        return min(kept)


def _assignment(row: tuple[str, int, str, str, int]) -> Assignment:
    request, channel, test, cell, attempt = row
    return Assignment(request, channel, test if attempt == 1 else f"{test}-{attempt}", cell)
