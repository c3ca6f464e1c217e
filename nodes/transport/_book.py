"""The list of transports, in a file that survives restarts, ``kill -9`` and a loss of power."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from labmesh.durable_file import open_durable
from messages.errors import StoreError
from messages.logistics import OVER, JobEvent, JobState, TransportJob
from nodes.transport._acts import ActError

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS job (
  number INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT NOT NULL UNIQUE, over INTEGER NOT NULL,
  settled INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS job_unsettled ON job (settled) WHERE settled = 0;
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL,
  what TEXT NOT NULL, words TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_of ON event (number);
"""

_PAST: Final = 100
"""Ended transports that a list shows."""

Act = Callable[[TransportJob], TransportJob]


class Book:
    """One SQLite file (WAL, synchronous=FULL). All calls block, some milliseconds.

    Raises:
        ConfigurationError: It cannot be opened, or is no database.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._base = open_durable(
            file, _TABLES, name="the list of transports",
            loses="moved away loses who carries what: ask around first",
        )  # fmt: skip

    def close(self) -> None:
        """Close it. Idempotent."""
        self._base.close()

    def add(self, job: TransportJob, words: str) -> tuple[TransportJob, bool]:
        """Write a new transport down, with a number of its own; or find the one of its request.

        Returns:
            The transport, and whether it is new.
        """
        with self._transaction():
            known = self._find("request = ?", str(job.request))
            if known is not None:
                return known, False
            at = self._base.execute("SELECT coalesce(max(number), 0) + 1 FROM job").fetchone()[0]
            numbered = job.model_copy(update={"number": at})
            self._base.execute(
                "INSERT INTO job VALUES (?, ?, 0, 0, ?)",
                (at, str(job.request), numbered.model_dump_json()),
            )
            self._note(numbered, job.created, job.requester, "asked", words)
        return numbered, True

    def act(
        self, number: int, act: Act, *, at: int, who: str, what: str, words: str = ""
    ) -> tuple[TransportJob, bool]:
        """Change one transport and write down what happened, all or nothing.

        Returns:
            The transport as it is now, and whether ``act`` changed anything.

        Raises:
            ActError: ``act`` says that it is not possible, or there is none of that number.
        """
        with self._transaction():
            before = self._find("number = ?", number)
            if before is None:
                raise ActError(f"there is no job {number}", remedy="list shows those there are")
            after = act(before)
            if after is before:
                return before, False
            self._base.execute(
                "UPDATE job SET over = ?, settled = ?, body = ? WHERE number = ?",
                (after.state in OVER, after.settled, after.model_dump_json(), number),
            )
            self._note(after, at, who, what, words)
        return after, True

    def mark(self, number: int, **flags: bool) -> TransportJob:
        """Set flags of a transport that are no event in its life."""
        with self._transaction():
            job = self._find("number = ?", number)
            if job is None:
                raise StoreError(f"there is no transport {number}", where=str(self.file))
            job = job.model_copy(update=flags)
            self._base.execute(
                "UPDATE job SET settled = ?, body = ? WHERE number = ?",
                (job.settled, job.model_dump_json(), number),
            )
        return job

    def of_request(self, request: UUID) -> TransportJob | None:
        """Return the transport that answers a request."""
        return self._find("request = ?", str(request))

    def find(self, text: str) -> TransportJob:
        """Return the transport of a number, or of a uuid or its beginning (4 characters or more).

        Raises:
            ActError: There is none, or more than one.
        """
        text = text.strip().lower()
        if text.isascii() and text.isdigit() and len(text) < 8:
            found = self._find("number = ?", int(text))
            if found is not None:
                return found
        elif len(text) >= 4 and all(each in "0123456789abcdef-" for each in text):
            many = self._all("request LIKE ? LIMIT 2", f"{text}%")
            if len(many) > 1:
                raise ActError(f"several jobs begin with {text}", remedy="type more of it")
            if many:
                return many[0]
        raise ActError(f"there is no job {text[:40]}", remedy="list shows those there are")

    def open_jobs(self) -> list[TransportJob]:
        """Return the transports that are not over, the oldest first."""
        return self._all("over = 0 ORDER BY number")

    def unsettled(self) -> list[TransportJob]:
        """Return those whose end the ledger does not have, the oldest first."""
        return self._all("settled = 0 ORDER BY number")

    def past(self) -> list[TransportJob]:
        """Return the newest that are over, the oldest of them first."""
        return self._all("over = 1 ORDER BY number DESC LIMIT ?", _PAST)[::-1]

    def carrying(self, sample: str) -> TransportJob | None:
        """Return the transport under way that has a sample."""
        return next((job for job in self.open_jobs() if sample in job.samples), None)

    def events(self, number: int) -> tuple[JobEvent, ...]:
        """Return what happened to a transport, in its order."""
        rows = self._rows(
            "SELECT at, who, what, words FROM event WHERE number = ? ORDER BY id", number
        )
        names = ("at", "who", "what", "words")
        return tuple(JobEvent.model_validate(dict(zip(names, row, strict=True))) for row in rows)

    def count(self, *states: JobState) -> int:
        """Return how many transports under way are in some states."""
        return sum(job.state in states for job in self.open_jobs())

    def _find(self, where: str, *values: object) -> TransportJob | None:
        found = self._all(where, *values)
        return found[0] if found else None

    def _all(self, where: str, *values: object) -> list[TransportJob]:
        rows = self._rows(f"SELECT body FROM job WHERE {where}", *values)  # noqa: S608 - ours
        return [TransportJob.model_validate_json(str(body)) for (body,) in rows]

    def _note(self, job: TransportJob, at: int, who: str, what: str, words: str) -> None:
        self._base.execute(
            "INSERT INTO event (number, at, who, what, words) VALUES (?, ?, ?, ?, ?)",
            (job.number, at, who, what, words[:4000]),
        )

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._told():
            return self._base.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._base.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk may have rolled it back already
                    self._base.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"the list of transports does not work: {error}",
                where=str(self.file),
                remedy="check that the disk is not full and the file not damaged",
            ) from error
