"""The two recorded campaigns as notebooks are told of them; nobody changes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from labmesh.record import FileRecord, JournalEntry, Record, file_record
from messages.ledger import EntryKind
from nodes.eln._story import Story, read_story
from tests.support.recorded_lab import CONDUCTIVITY, EOL, RecordedLab, recorded_lab


@dataclass(frozen=True)
class Told:
    lab: RecordedLab
    record: FileRecord
    story: Story


class Declared:
    """A record, and what somebody declared after its last entry."""

    def __init__(self, record: Record, *said: dict[str, str]) -> None:
        self._record, self._said = record, said

    async def head(self) -> tuple[int, bytes]:
        offset, head = await self._record.head()
        return offset + len(self._said), head

    async def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        last = None
        async for entry in self._record.entries(start, until, kinds):
            if entry.kind is EntryKind.RESULT:
                last = entry
            yield entry
        assert last is not None
        for said in self._said:
            body: dict[str, Any] = {
                "request": None, "quantity": "access", "method": "declaration", "samples": [],
                "outcome": "resolved", "artifacts": [], "campaign": None, "parameters": {},
                "data": {"person": "Ada", "contact": "ada@kit.example", **said},
                "provenance": {},
            }  # fmt: skip
            yield replace(last, offset=last.offset + 1, uuid=uuid4(), body=body)

    async def artifact(self, sha256: str) -> Path | None:
        return await self._record.artifact(sha256)


def told(name: str, folder: Path) -> Told:
    lab = recorded_lab(name, folder)
    record = file_record(str(lab.ledger))
    return Told(lab, record, asyncio.run(read_story(record, lab.campaign)))


@pytest.fixture(scope="session")
def eol(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told(EOL, tmp_path_factory.mktemp("eol"))


@pytest.fixture(scope="session")
def conductivity(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told(CONDUCTIVITY, tmp_path_factory.mktemp("conductivity"))


@pytest.fixture(params=[EOL, CONDUCTIVITY])
def campaign(request: pytest.FixtureRequest, eol: Told, conductivity: Told) -> Told:
    return eol if request.param == EOL else conductivity
