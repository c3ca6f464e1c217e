"""A node's memory on disk: its boot counter, its outbox and the orders it has in hand.

One SQLite file a node. Whatever must reach the ledger is written here, published, and published
again until the ledger's receipt comes; only then is it forgotten. The write and the first publish
go side by side: the caller learns of success only from the receipt, so neither has to wait.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from labmesh._group import GroupWriter
from messages.errors import ConfigurationError, NodeNameTakenError, StoreError

T = TypeVar("T")

logger = logging.getLogger("labmesh.store")

_PATIENCE: Final = 0.5
"""Wall seconds to wait for another process that has the file, should it be about to end."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS boot (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    id TEXT PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS in_hand (
    request TEXT PRIMARY KEY, token INTEGER NOT NULL, what TEXT NOT NULL, since INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS desired (
    name TEXT PRIMARY KEY, value TEXT NOT NULL, base TEXT NOT NULL, author TEXT NOT NULL,
    since INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message the ledger has not receipted."""

    id: UUID
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class InHand:
    """An order an instrument had begun when its process ended without saying how it went."""

    request: UUID
    token: int
    what: str


@dataclass(frozen=True, slots=True)
class Desired:
    """A parameter that somebody set at run time.

    Attributes:
        name: Dotted.
        value: As JSON.
        base: The start-up value that it was set over, as JSON.
        by: Who set it.
    """

    name: str
    value: str
    base: str
    by: str


class NodeStore:
    """The file. Calls are done in their order, in a thread of its own, those that wait together.

    One process has it at a time, until it closes the file or dies. Whoever is cancelled while he
    waits for a call has cancelled the waiting alone: the call itself is done.

    Args:
        path: The SQLite file, or None to keep everything in memory (a script's client).

    Raises:
        NodeNameTakenError: Another process that is alive has the file.
        ConfigurationError: The file cannot be opened, or is no database.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="node-store")
        self._db = self._thread.submit(self._open).result()
        self._writer = GroupWriter(self._db, None if path is None else self._thread)

    def _open(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = None
        try:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path or ":memory:", isolation_level=None, timeout=_PATIENCE,
                check_same_thread=False)  # fmt: skip
            # Two processes of one folder would send each other's messages and count one boot.
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("PRAGMA journal_mode=WAL")
            # NORMAL survives the death of the process; `put(durable=True)` asks for more.
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("BEGIN EXCLUSIVE")
            db.execute("COMMIT")
            db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            if db is not None:
                db.close()
            self._thread.shutdown(wait=False)
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise NodeNameTakenError(
                    "another process that is alive has the node's file",
                    where=str(self._path),
                    remedy="stop it, or start this one under another --name or --data-dir",
                ) from error
            raise ConfigurationError(
                f"cannot open the node's file: {error}",
                where=str(self._path),
                remedy="check that the folder is writable and the disk not full, or move a "
                "damaged file away (unsent messages in it are lost then)",
            ) from error
        return db

    async def _run(self, work: Callable[[], T], *, durable: bool = False) -> T:
        if self._closed:
            raise StoreError("the node's file is closed", where=str(self._path))
        try:
            # Shielded: what was begun must be done, or a cancelled sender would lose its message.
            return await asyncio.shield(self._writer.do(work, durable=durable))
        except sqlite3.Error as error:
            raise StoreError(
                f"the node's file does not work: {error}",
                where=str(self._path),
                remedy="check that the disk is not full and the file not damaged",
            ) from error

    async def next_epoch(self, at_least: int = 0) -> int:
        """Count this boot and return its number, greater than every one before and ``at_least``."""

        def work() -> int:
            row = self._db.execute("SELECT epoch FROM boot").fetchone()
            epoch = max(row[0] if row else 0, at_least) + 1
            self._db.execute("INSERT OR REPLACE INTO boot VALUES (1, ?)", (epoch,))
            return epoch

        return await self._run(work, durable=True)

    async def put(
        self, message: Unsent, *, durable: bool = False, ends: UUID | None = None
    ) -> None:
        """Remember a message; with ``durable`` through a loss of power, too.

        Args:
            message: What to remember; one that is known by its id is left as it is.
            durable: Wait for the disk.
            ends: The order whose result this is: in one transaction it is no more in hand.
        """

        def work() -> None:
            self._db.execute(
                "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?)",
                (str(message.id), message.topic, message.payload, time.time_ns()),
            )
            if ends is not None:
                self._db.execute("DELETE FROM in_hand WHERE request = ?", (str(ends),))

        await self._run(work, durable=durable)

    def forget(self, message: UUID) -> None:
        """Forget a message that the ledger has receipted; soon, and without waiting for it.

        If the process dies first the message is sent once more, and gets the same receipt.
        """
        if self._closed:
            return
        self._writer.do_later(
            lambda: self._db.execute("DELETE FROM outbox WHERE id = ?", (str(message),)),
            lambda error: logger.warning("message %s will be sent again: %s", message, error),
        )

    async def unsent(self) -> list[Unsent]:
        """Return what has no receipt yet, oldest first."""

        def work() -> list[Unsent]:
            rows = self._db.execute("SELECT id, topic, payload FROM outbox ORDER BY created, id")
            return [Unsent(UUID(identity), topic, payload) for identity, topic, payload in rows]

        return await self._run(work)

    async def take_in_hand(self, order: InHand) -> None:
        """Write the intent to act before the act, through a loss of power."""

        def work() -> None:
            self._db.execute(
                "INSERT OR REPLACE INTO in_hand VALUES (?, ?, ?, ?)",
                (str(order.request), order.token, order.what, time.time_ns()),
            )

        await self._run(work, durable=True)

    async def put_down(self, request: UUID | None = None) -> None:
        """Forget one order in hand, or (None) all of them after a person has looked."""

        def work() -> None:
            if request is None:
                self._db.execute("DELETE FROM in_hand")
            else:
                self._db.execute("DELETE FROM in_hand WHERE request = ?", (str(request),))

        await self._run(work)

    async def in_hand(self) -> list[InHand]:
        """Return the orders in hand."""

        def work() -> list[InHand]:
            rows = self._db.execute("SELECT request, token, what FROM in_hand ORDER BY since")
            return [InHand(UUID(request), token, what) for request, token, what in rows]

        return await self._run(work)

    async def desire(self, parameters: list[Desired]) -> None:
        """Remember parameters that were set at run time, through a loss of power."""

        def work() -> None:
            self._db.executemany(
                "INSERT OR REPLACE INTO desired VALUES (?, ?, ?, ?, ?)",
                [(p.name, p.value, p.base, p.by, time.time_ns()) for p in parameters],
            )

        await self._run(work, durable=True)

    async def forget_desired(self, names: list[str]) -> None:
        """Forget some of them. Idempotent."""

        def work() -> None:
            self._db.executemany("DELETE FROM desired WHERE name = ?", [(name,) for name in names])

        await self._run(work, durable=True)

    async def desired(self) -> list[Desired]:
        """Return the parameters that were set at run time, the oldest first."""

        def work() -> list[Desired]:
            rows = self._db.execute("SELECT name, value, base, author FROM desired ORDER BY since")
            return [Desired(*row) for row in rows]

        return await self._run(work)

    async def close(self) -> None:
        """Write what waits, and close the file. Idempotent."""
        if self._closed:
            return
        try:
            await self._run(lambda: None)
        finally:
            self._closed = True
            await asyncio.wrap_future(self._thread.submit(self._db.close))
            self._thread.shutdown(wait=True)
