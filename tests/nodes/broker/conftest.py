"""A ledger for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodes.broker.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A fresh ledger; its entries and chain are checked at the end."""
    lab = Lab(tmp_path / "ledger.sqlite")
    lab.settle()
    yield lab
    lab.check()
    lab.store.close()
