"""Both recorded labs, each looked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from labmesh.fair import REQUIREMENTS
from labmesh.fair._check import show
from labmesh.fair._exhibit import Exhibit
from labmesh.record import file_record
from tests.support.recorded_lab import CONDUCTIVITY, EOL, recorded_lab

EVERY = [each.number for each in REQUIREMENTS]


@pytest.fixture(scope="session")
def exhibits(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exhibit]:
    """Give what the checks look at of a recorded lab."""
    known: dict[str, Exhibit] = {}

    def exhibit(name: str) -> Exhibit:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            lab = recorded_lab(name, folder)
            scratch = folder / "scratch"
            scratch.mkdir()
            record = file_record(str(lab.ledger))
            known[name] = asyncio.run(show(record, lab.campaign, EVERY, scratch, None))
        return known[name]

    return exhibit


@pytest.fixture(scope="session")
def eol(exhibits: Callable[[str], Exhibit]) -> Exhibit:
    return exhibits(EOL)


@pytest.fixture(scope="session")
def conductivity(exhibits: Callable[[str], Exhibit]) -> Exhibit:
    return exhibits(CONDUCTIVITY)
