"""The two recorded campaigns as notebooks are told of them; nobody changes them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from labmesh.record import FileRecord, file_record
from nodes.eln._story import Story, read_story
from tests.support.recorded_lab import CONDUCTIVITY, EOL, RecordedLab, recorded_lab


@dataclass(frozen=True)
class Told:
    lab: RecordedLab
    record: FileRecord
    story: Story


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
