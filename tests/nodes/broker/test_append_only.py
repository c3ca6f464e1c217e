"""Both databases refuse to change the journal, whoever asks and however."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from nodes.broker import open_ledger
from nodes.broker.store import SqlStore
from tests.nodes.broker.lab import Lab, execute, journal
from tests.support import PostgresServer

ROOT = Path(__file__).parents[3]
COLUMNS = (
    '"offset", uuid, kind, stamp, load_time, author, type, schema, body, body_hash, prev_hash, hash'
)


def copied(offset: str, uuid: str) -> str:
    """A row like entry 0 under another offset and uuid."""
    rest = COLUMNS.split(", ", 2)[2]
    return f'({COLUMNS}) SELECT {offset}, {uuid}, {rest} FROM journal WHERE "offset" = 0'  # noqa: S608


BOTH = {
    "update": "UPDATE journal SET author = 'kit/eve'",
    "update of nothing new": "UPDATE journal SET author = author",
    "delete": "DELETE FROM journal",
    "delete the last": 'DELETE FROM journal WHERE "offset" = 3',
    "upsert on the offset": f"INSERT INTO journal {copied('0', 'uuid')} "
    "ON CONFLICT (\"offset\") DO UPDATE SET author = 'kit/eve'",
    "upsert on the uuid": f"INSERT INTO journal {copied('4', 'uuid')} "
    "ON CONFLICT (uuid) DO UPDATE SET author = 'kit/eve'",
    "a uuid again": f"INSERT INTO journal {copied('4', 'uuid')}",
    "an offset again": f"INSERT INTO journal {copied('3', repr('new'))}",
    "a gap": f"INSERT INTO journal {copied('9', repr('new'))}",
    "before the first": f"INSERT INTO journal {copied('-1', repr('new'))}",
}
SQLITE = {
    "replace by offset": f"INSERT OR REPLACE INTO journal {copied('0', 'uuid')}",
    "replace by uuid": f"INSERT OR REPLACE INTO journal {copied('4', 'uuid')}",
    "update or replace": "UPDATE OR REPLACE journal SET author = 'kit/eve'",
}
POSTGRESQL = {
    "truncate": "TRUNCATE journal",
    "truncate all": "TRUNCATE journal, requests CASCADE",
    "merge": "MERGE INTO journal j USING (SELECT uuid FROM journal) s "
    "ON j.uuid = s.uuid WHEN MATCHED THEN UPDATE SET author = 'kit/eve'",
}


@pytest.fixture
def full(lab: Lab) -> Lab:
    lab.worker("kit/asab")
    lab.request()
    assert lab.ledger.head.offset == 3
    return lab


def test_no_statement_changes_the_journal(full: Lab, postgres: PostgresServer) -> None:
    is_sqlite = full.url.startswith("sqlite")
    before = journal(full.url)
    # A SQLite file has no users: whoever has it may try. In PostgreSQL even a superuser fails.
    masters = [full.url] if is_sqlite else [full.url, postgres.superuser_url(full.url)]
    for url in masters:
        for how, statement in {**BOTH, **(SQLITE if is_sqlite else POSTGRESQL)}.items():
            with pytest.raises(DBAPIError, match=r"append-only|permission denied|unique"):
                execute(url, statement)
            assert journal(full.url) == before, how


class TestPostgresql:
    """Rights and roles, which SQLite has not."""

    @pytest.fixture
    def lab(self, postgres: PostgresServer) -> Iterator[Lab]:
        lab = Lab(postgres.schema())
        yield lab
        lab.store.close()

    @pytest.mark.parametrize("how", ["update", "delete", "truncate", "upsert on the uuid"])
    def test_the_owner_lacks_the_right_even_without_the_triggers(self, full: Lab, how: str) -> None:
        execute(full.url, "ALTER TABLE journal DISABLE TRIGGER USER")
        before = journal(full.url)
        with pytest.raises(DBAPIError, match="permission denied"):
            execute(full.url, {**BOTH, **POSTGRESQL}[how])
        assert journal(full.url) == before

    def test_a_session_that_claims_to_replay_a_replica_changes_nothing(
        self, full: Lab, postgres: PostgresServer
    ) -> None:
        url = postgres.superuser_url(full.url)
        for how in ("update", "delete", "truncate"):
            with pytest.raises(DBAPIError, match="append-only"):
                execute(url, "SET session_replication_role = replica", {**BOTH, **POSTGRESQL}[how])

    def test_the_roles_of_the_page(self, postgres: PostgresServer) -> None:
        page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
        made, granted = re.findall(
            r"^```sql\nC(.*?)^```$.*?^```sql\n(GRANT.*?)^```$", page, re.MULTILINE | re.DOTALL
        )[0]
        for statement in f"C{made}".split(";")[:-1]:
            run(postgres.url("postgres", role="postgres"), statement)
        owner, writer, reader = (
            postgres.url("lab", role=f"lab_{role}") for role in ("owner", "writer", "reader")
        )
        SqlStore(owner).close()
        for statement in granted.split(";")[:-1]:
            run(owner, statement)
        lab = Lab(writer)
        lab.worker("kit/asab")
        assert lab.request().accepted
        assert lab.store.rebuild() == 4
        for url in (writer, reader):
            for statement in (*BOTH.values(), *POSTGRESQL.values()):
                with pytest.raises(DBAPIError, match=r"append-only|permission denied|unique"):
                    execute(url, statement)
        with open_ledger(reader) as ledger:
            assert ledger.verify().entries == 4
            assert ledger.query("ledger.stats")["requests"] == {"reserved": 1}
        with pytest.raises(DBAPIError, match="permission denied"):
            execute(reader, f"INSERT INTO journal {copied('4', repr('new'))}")
        with pytest.raises(DBAPIError, match="permission denied"):
            execute(writer, "INSERT INTO schema_version VALUES (99, 0)")
        lab.store.close()


def run(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)
