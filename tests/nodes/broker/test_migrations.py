"""Ledgers of earlier versions are brought up to date; released migrations stay as they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.pool import NullPool

from messages.errors import ConfigurationError
from nodes.broker import open_ledger
from nodes.broker.store import SqlStore, latest_version, sqlite_url
from nodes.broker.store._tables import PROJECTIONS
from tests.nodes.broker.lab import Lab, content, journal
from tests.support import PostgresServer

DATA = Path(__file__).parents[2] / "data" / "ledger"
HEAD = "92262ff8b11f21e0bcba9cb3a8fc4715838548b8a2b12007f294e2eb88b1c8d7"
"""Of both ledgers of version 1, noted when they were written."""

RELEASED = {
    "0001_ledger.postgresql.sql": (
        "30733ab2e5ffbc51ed016bd8e5cac4df47a6843eb6b53b12da28ea71d45b8d13"
    ),
    "0001_ledger.sql": ("24f611d068f65aa32d86621c0fcb1c0772bbc8de7e83d583eafdcae4468de542"),
    "0001_ledger.sqlite.sql": ("cb95525107a91ebb51e433c1652c3d20036cefecd419e73c95ca27f76642337f"),
    "0002_guard.postgresql.sql": (
        "156ea57ded6deef56bbff0107175553bb1a541416016875caf718de6c9ee12ae"
    ),
    "0002_guard.sql": ("51021e9ae773ec2268de2205854ba7f01b08336a7fd14a38f76fb3c666d58a17"),
    "0003_parent.sql": ("d01faa47869240476a83306e2f13333d5fced9b22b7471331aba6d64711c4ef2"),
}
"""sha256 of each file. A released one is never edited: make a new number and add it here."""


@pytest.fixture(params=["sqlite", "postgresql"])
def version_1(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> str:
    """A ledger that schema version 1 wrote."""
    if request.param == "sqlite":
        return sqlite_url(shutil.copy(DATA / "version_1.sqlite", tmp_path / "ledger.sqlite"))
    url = postgres.database()
    dump = (DATA / "version_1.postgresql.sql").read_text(encoding="utf-8")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(dump)
    return url


def test_a_ledger_of_version_1_is_migrated_and_stays_what_it_was(version_1: str) -> None:
    before = journal(version_1)
    projections = content_of_version_1(version_1)
    with pytest.raises(ConfigurationError, match="schema version 1, this version") as caught:
        open_ledger(version_1)
    assert "start the broker node" in caught.value.remedy
    store = SqlStore(version_1)
    forwarded = store.forwarded()
    store.end_reading()
    assert journal(version_1) == before
    assert content(version_1) == projections
    assert store.rebuild() == len(before) == 56
    assert content(version_1) == projections
    assert forwarded == 52
    store.close()
    with open_ledger(version_1) as reader:
        verdict = reader.verify()
        assert verdict.sound
        assert verdict.head.hex() == HEAD
        assert reader.query("ledger.stats")["entries"] == 56


def test_a_migrated_database_has_the_tables_of_a_new_one(
    version_1: str, new_database_like: Callable[[str], str]
) -> None:
    fresh = new_database_like(version_1)
    for url in (version_1, fresh):
        SqlStore(url).close()
    assert shape(version_1) == shape(fresh)


def test_requests_of_version_1_stand_beside_new_ones(version_1: str) -> None:
    """What was asked when nobody could name a parent is read, and may be one."""
    SqlStore(version_1).close()
    with open_ledger(version_1) as reader:
        old = reader.query("query.requests", {})["requests"]
    assert [request["parent"] for request in old] == [None] * len(old)
    lab = Lab(version_1)
    lab.settle()
    lab.worker("kit/asab", "q3", "m3")
    assert lab.request(quantity="q3", method="m3", parent=UUID(old[0]["id"])).accepted
    found = lab.read("query.requests", parent=old[0]["id"][:13])
    assert [request["quantity"] for request in found["requests"]] == ["q3"]
    types = {row[6] for row in journal(version_1) if row[2] == "request"}
    assert types == {"Request@1", "Request@2"}
    projections = content(version_1)
    lab.store.rebuild()
    assert content(version_1) == projections
    lab.store.close()
    with open_ledger(version_1) as reader:
        assert reader.verify().sound
        assert reader.first_difference() == ""


def content_of_version_1(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every projection of a database of that version, without a word on parents."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        found = {}
        for table in PROJECTIONS:
            names = [c.name for c in table.columns if c.name != "parent_uuid"]
            there = select(*(table.c[name] for name in names))
            more = (None,) * (len(table.columns) - len(names))
            found[table.name] = sorted(
                ((*row, *more) for row in connection.execute(there)), key=repr
            )
        return found


@pytest.fixture
def new_database_like(tmp_path: Path, postgres: PostgresServer) -> Callable[[str], str]:
    def make(url: str) -> str:
        if url.startswith("sqlite"):
            return sqlite_url(tmp_path / "fresh.sqlite")
        return postgres.database()

    return make


def shape(url: str) -> list[tuple[str, list[tuple[str, str]], list[str]]]:
    engine = create_engine(url, poolclass=NullPool)
    found = inspect(engine)
    return [
        (
            table,
            [(column["name"], str(column["type"])) for column in found.get_columns(table)],
            sorted(str(index["name"]) for index in found.get_indexes(table)),
        )
        for table in sorted(found.get_table_names())
    ]


def test_a_failed_migration_leaves_the_ledger_as_it_was(
    version_1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodes.broker.store import _migrate

    statements = _migrate._statements

    def broken(name: str, dialect: str) -> list[str]:
        return (
            ["CREATE TABLE half (a INTEGER)", "NONSENSE"]
            if "0002" in name
            else statements(name, dialect)
        )

    before = shape(version_1)
    monkeypatch.setattr(_migrate, "_statements", broken)
    with pytest.raises(ConfigurationError, match="NONSENSE|syntax"):
        SqlStore(version_1)
    monkeypatch.undo()
    assert shape(version_1) == before
    SqlStore(version_1).close()


def test_released_migrations_never_change() -> None:
    folder = files("nodes.broker.store") / "migrations"
    found = {
        file.name: sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    }
    assert found == RELEASED
    assert len({name[:4] for name in found}) == latest_version()


def test_every_step_is_recorded(version_1: str) -> None:
    SqlStore(version_1).close()
    engine = create_engine(version_1, poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT version FROM schema_version ORDER BY version")
        assert [row[0] for row in rows] == list(range(1, latest_version() + 1))
