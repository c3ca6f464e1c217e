"""Pieces of work share a transaction, and not their failures."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from labmesh._group import GroupWriter


class File:
    """A database whose statements are noted."""

    def __init__(self, path: Path) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        self.statements: list[str] = []
        self.db.set_trace_callback(self.statements.append)
        self.writer = GroupWriter(self.db, self.thread)

    def insert(self, n: int) -> int:
        self.db.execute(f"INSERT INTO t VALUES ({n})")  # noqa: S608
        return n

    @property
    def rows(self) -> list[int]:
        return [row[0] for row in self.db.execute("SELECT n FROM t ORDER BY n")]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    file = File(tmp_path / "t.sqlite")
    yield file
    file.thread.shutdown(wait=True)
    file.db.close()


async def test_what_waits_together_is_written_together(file: File) -> None:
    gate = threading.Event()
    file.thread.submit(gate.wait, 10)
    pieces = [file.writer.do(partial(file.insert, n), durable=n == 7) for n in range(20)]
    gate.set()
    assert await asyncio.gather(*pieces) == list(range(20))
    assert file.statements.count("BEGIN") <= 2
    assert file.statements.count("PRAGMA synchronous=FULL") == 1
    assert file.statements.count("PRAGMA synchronous=NORMAL") == 1
    assert file.rows == list(range(20))


async def test_one_that_fails_fails_alone(file: File) -> None:
    gate = threading.Event()
    file.thread.submit(gate.wait, 10)
    numbers = [1, 2, 2, 3]
    pieces = [file.writer.do(partial(file.insert, n)) for n in numbers]
    gate.set()
    found = await asyncio.gather(*pieces, return_exceptions=True)
    assert [type(each) for each in found] == [int, int, sqlite3.IntegrityError, int]
    assert file.rows == [1, 2, 3]


async def test_work_without_hurry_goes_with_the_next_or_soon_alone(file: File) -> None:
    failed: list[Exception] = []
    file.writer.do_later(lambda: file.insert(1), failed.append)
    await file.writer.do(lambda: file.insert(2))
    assert file.rows == [1, 2]
    file.writer.do_later(lambda: file.insert(3), failed.append)
    file.writer.do_later(lambda: file.insert(3), failed.append)
    async with asyncio.timeout(10):
        while not failed:
            await asyncio.sleep(0.01)
    assert file.rows == [1, 2, 3]
    assert isinstance(failed[0], sqlite3.IntegrityError)
