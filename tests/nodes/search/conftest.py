"""A store with what the two recorded labs say, described once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labmesh.record import FileRecord, JournalEntry, Record, file_record
from nodes.search._desk import Desk
from nodes.search._follow import Follower
from nodes.search._store import TripleStore
from tests.labmesh.cli._lab import Command
from tests.support.recorded_lab import CONDUCTIVITY, EOL, recorded_lab


@dataclass(slots=True)
class Local:
    """A store in this process, asked as that of a node is."""

    folder: Path | None = None
    desk: Desk = field(init=False)
    emptied: int = 0

    def __post_init__(self) -> None:
        self.desk = Desk(TripleStore(self.folder))

    async def ask(self, verb: str, **arguments: Any) -> Any:
        return getattr(self.desk, verb)(**arguments)

    async def anew(self) -> None:
        self.emptied += 1
        self.desk = Desk(TripleStore(None))


async def here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


async def quiet(_offset: int, _head: int) -> None:
    """Nobody listens."""


def follower(record: Record, store: Any, said: list[str] | None = None) -> Follower:
    def fail(offset: int, why: str) -> None:
        pytest.fail(f"entry {offset} could not be described: {why}")

    return Follower(record, store, here, (said if said is not None else []).append, fail)


@pytest.fixture
def labmesh(capsys: pytest.CaptureFixture[str]) -> Command:
    """``labmesh``, run in this process."""
    return Command(capsys)


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileRecord]:
    """The two recorded labs, by name."""
    return {
        name: file_record(str(recorded_lab(name, tmp_path_factory.mktemp(name)).ledger))
        for name in (CONDUCTIVITY, EOL)
    }


@pytest.fixture(scope="session")
def entries(records: dict[str, FileRecord]) -> list[JournalEntry]:
    """Everything in the conductivity lab's ledger."""

    async def read() -> list[JournalEntry]:
        return [entry async for entry in records[CONDUCTIVITY].entries()]

    return asyncio.run(read())


@pytest.fixture(scope="session")
def lab(records: dict[str, FileRecord]) -> Desk:
    """The conductivity lab, described."""
    store = Local()
    asyncio.run(follower(records[CONDUCTIVITY], store).catch_up(quiet))
    return store.desk


@pytest.fixture(scope="session")
def cells(records: dict[str, FileRecord]) -> Desk:
    """The lab of cells, described."""
    store = Local()
    asyncio.run(follower(records[EOL], store).catch_up(quiet))
    return store.desk
