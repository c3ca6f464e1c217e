"""Pieces of work on one SQLite connection, done together: one thread, one transaction for all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

_PAUSE: Final = 0.2
"""Wall seconds that work without hurry waits for other work to go with."""


@dataclass(slots=True, eq=False)
class _Piece:
    work: Callable[[], Any]
    durable: bool
    future: asyncio.Future[Any] | None
    failed: Callable[[Exception], None] | None = None
    result: Any = None
    error: Exception | None = None


class GroupWriter:
    """Runs work in the order of the calls; whatever waits while a transaction runs shares the next.

    Each piece succeeds or fails on its own: where a common transaction fails, each gets one.

    Args:
        connection: A connection without transactions of its own (``isolation_level=None``).
        thread: Where the work is done; None: at once, in the caller's.
    """

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor | None) -> None:
        self._db = connection
        self._thread = thread
        self._waiting: list[_Piece] = []
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None

    def do(self, work: Callable[[], Any], *, durable: bool = False) -> asyncio.Future[Any]:
        """Return what will be the result of ``work``; with ``durable`` when the disk has it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Piece(work, durable, future))
        self._begin(loop)
        return future

    def do_later(self, work: Callable[[], Any], failed: Callable[[Exception], None]) -> None:
        """Run ``work`` soon, together with others; what goes wrong is told to ``failed``."""
        loop = asyncio.get_running_loop()
        self._waiting.append(_Piece(work, False, None, failed))
        if self._thread is None:
            self._begin(loop)
        elif self._timer is None and not self._busy:
            self._timer = loop.call_later(_PAUSE, self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy or not self._waiting:
            return
        group, self._waiting = self._waiting, []
        if self._thread is None:
            self._write(group)
            _tell(group)
            return
        self._busy = True
        self._thread.submit(self._write_and_report, group, loop)

    def _write_and_report(self, group: list[_Piece], loop: asyncio.AbstractEventLoop) -> None:
        self._write(group)
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(self._written, group, loop)

    def _written(self, group: list[_Piece], loop: asyncio.AbstractEventLoop) -> None:
        self._busy = False
        _tell(group)
        if any(piece.future is not None for piece in self._waiting):
            self._begin(loop)
        elif self._waiting and self._timer is None:
            self._timer = loop.call_later(_PAUSE, self._begin, loop)

    def _write(self, group: list[_Piece]) -> None:
        try:
            self._transaction(group)
        except Exception as error:  # noqa: BLE001 - it is each piece's own, and told to its caller
            if len(group) == 1:
                group[0].error = error
                return
            for piece in group:
                self._write([piece])

    def _transaction(self, group: Iterable[_Piece]) -> None:
        db, durable = self._db, any(piece.durable for piece in group)
        if durable:
            db.execute("PRAGMA synchronous=FULL")
        try:
            db.execute("BEGIN")
            try:
                for piece in group:
                    piece.result = piece.work()
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk may have rolled it back already
                    db.execute("ROLLBACK")
                raise
        finally:
            if durable:
                db.execute("PRAGMA synchronous=NORMAL")


def _tell(group: Iterable[_Piece]) -> None:
    for piece in group:
        if piece.future is None:
            if piece.error is not None and piece.failed is not None:
                piece.failed(piece.error)
        elif piece.future.done():
            continue  # nobody waits any more
        elif piece.error is not None:
            piece.future.set_exception(piece.error)
        else:
            piece.future.set_result(piece.result)
