"""A ledger for every test, once in SQLite and once in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from nodes.broker.store import sqlite_url
from tests.nodes.broker.lab import Lab
from tests.support import PostgresServer

ENGINES = ("sqlite", "postgresql")

POSTGRESQL_NIGHTLY = pytest.mark.parametrize(
    "new_database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
"""Of tests that take long, and go the same way on either engine."""


@pytest.fixture(params=ENGINES)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes empty databases; returns the URL of each."""
    if request.param == "sqlite":
        numbers = count(1)
        return lambda: sqlite_url(tmp_path / f"ledger_{next(numbers)}.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.schema


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """The URL of an empty database."""
    return new_database()


@pytest.fixture
def lab(database_url: str) -> Iterator[Lab]:
    """A fresh ledger; its entries and chain are checked at the end."""
    lab = Lab(database_url)
    lab.settle()
    yield lab
    lab.check()
    lab.store.close()
