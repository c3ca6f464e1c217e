"""Crates of the two recorded labs, and of a small one in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from labmesh.crate import (
    CrateDescription,
    CrateSummary,
    _check_chain,
    _import,
    _selection,
    _write,
    read_description,
    write_crate,
)
from labmesh.record import file_record
from tests.labmesh.crate._ledger import MemoryLedger, add_table, small_lab
from tests.support.recorded_lab import CONDUCTIVITY, EOL, RecordedLab, recorded_lab

DESCRIPTION = """\
labmesh_crate: 1
title: A campaign of the tests
authors:
  - name: Carberry, Josiah
    orcid: 0000-0002-1825-0097
    affiliations: [{name: Karlsruhe Institute of Technology, ror: 04t3en479}]
  - name: Ada Example
contact: {name: Ada Example, email: ada@example.org}
keywords: [test]
references: [10.1002/batt.202500155]
"""


@dataclass(frozen=True)
class Made:
    """A crate, and what it was made from."""

    folder: Path
    lab: RecordedLab
    summary: CrateSummary
    said: CrateDescription


@pytest.fixture(scope="session")
def said(tmp_path_factory: pytest.TempPathFactory) -> CrateDescription:
    path = tmp_path_factory.mktemp("said") / "crate.yaml"
    path.write_text(DESCRIPTION, encoding="utf-8")
    return read_description(path)


def made(name: str, folder: Path, said: CrateDescription) -> Made:
    lab = recorded_lab(name, folder)
    record = file_record(str(lab.ledger))
    summary = asyncio.run(write_crate(record, lab.campaign, folder / "crate", said))
    return Made(folder / "crate", lab, summary, said)


@pytest.fixture(scope="session")
def eol(tmp_path_factory: pytest.TempPathFactory, said: CrateDescription) -> Made:
    return made(EOL, tmp_path_factory.mktemp("eol"), said)


@pytest.fixture(scope="session")
def conductivity(tmp_path_factory: pytest.TempPathFactory, said: CrateDescription) -> Made:
    return made(CONDUCTIVITY, tmp_path_factory.mktemp("conductivity"), said)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, said: CrateDescription) -> Path:
    """The crate of a small lab whose last result has a table."""
    folder = tmp_path_factory.mktemp("small")
    ledger = small_lab(folder)
    add_table(ledger)
    asyncio.run(write_crate(ledger, "acid", folder / "crate", said))
    return folder / "crate"


@pytest.fixture
def ledger(tmp_path: Path) -> MemoryLedger:
    """A small ledger that a test goes on writing."""
    (tmp_path / "kept").mkdir()
    return small_lab(tmp_path / "kept")


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of ten offsets."""
    for module in (_selection, _write, _check_chain, _import):
        monkeypatch.setattr(module, "SEGMENT", 10)
