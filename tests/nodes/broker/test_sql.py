"""SQL on the ledger's tables, in SQLite and PostgreSQL: it reads, and whatever else is refused."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy import text as sql_text
from sqlalchemy.pool import NullPool

from messages.errors import ConfigurationError, LabmeshError
from nodes.broker import LedgerReader
from nodes.broker._sql_catalogue import ABOUT
from tests.nodes.broker.lab import Lab
from tests.support import PostgresServer

LONG = {
    "sqlite": "WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT MAX(n) FROM c",
    "postgresql": "SELECT COUNT(*) FROM generate_series(1, 1000000000) a(n), journal",
}
"""A statement that does not end by itself."""


@pytest.fixture
def full(lab: Lab) -> Lab:
    lab.worker("kit/asab", slots=100)
    for number in range(3):
        lab.request(float(number), campaign="c")
    for worker, order in lab.orders()[:2]:
        lab.result(order, worker)
    return lab


@pytest.fixture
def reader(full: Lab) -> Any:
    with LedgerReader(full.url) as opened:
        yield opened


def kind(lab: Lab) -> str:
    return lab.url.partition(":")[0].partition("+")[0]


def test_it_answers(reader: LedgerReader) -> None:
    found = reader.sql("SELECT status, COUNT(*) AS n FROM requests GROUP BY status ORDER BY n;")
    assert found.columns == ("status", "n")
    assert sum(row[1] for row in found.rows) == 3
    assert not found.cut
    cte = reader.sql("WITH r AS (SELECT * FROM requests) SELECT campaign FROM r", limit=2)
    assert cte.rows == [("c",), ("c",)]
    assert cte.cut
    assert not reader.sql("SELECT campaign FROM requests", limit=3).cut
    assert reader.sql("SELECT uuid FROM requests WHERE 1 = 0").columns == ("uuid",)


def test_bodies_are_decoded(reader: LedgerReader) -> None:
    asked = "SELECT body, hash FROM journal WHERE kind = 'request' ORDER BY \"offset\""
    body, digest = reader.sql(asked).rows[0]
    assert body["quantity"] == "q"
    assert isinstance(digest, bytes)
    assert isinstance(reader.sql(asked, decode=False).rows[0][0], bytes)


def test_a_data_frame(reader: LedgerReader) -> None:
    frame = reader.frame("SELECT uuid, priority FROM requests")
    assert list(frame.columns) == ["uuid", "priority"]
    assert frame["priority"].tolist() == [5, 5, 5]
    assert reader.frame("SELECT uuid FROM requests WHERE 1 = 0").empty


def test_every_table_has_its_words(reader: LedgerReader) -> None:
    tables = reader.tables()
    assert {table.name for table in tables} == ABOUT.keys()
    for table in tables:
        assert table.about
        listed = ", ".join(f'"{name}"' for name in table.columns)
        reader.sql(f"SELECT {listed} FROM {table.name}", limit=1)  # noqa: S608


BOTH = [
    "DELETE FROM journal",
    "UPDATE requests SET status = 'resolved'",
    "INSERT INTO tenants VALUES ('a', 'b', 1)",
    "DROP TABLE artifacts",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE TEMP TABLE mine (a INTEGER)",
    "ALTER TABLE artifacts ADD COLUMN a INTEGER",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT a",
    "SELECT 1; DELETE FROM artifacts",
    "SELECT 1; SELECT 2",
    "COMMIT; DROP TABLE artifacts",
    "/* SELECT */ DELETE FROM artifacts",
    "SELECT 1 /* ; */ ; DROP TABLE artifacts --",
    "WITH gone AS (DELETE FROM artifacts RETURNING *) SELECT * FROM gone",
    "WITH old AS (SELECT 1) DELETE FROM artifacts",
]

OF = {
    "sqlite": [
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "SELECT * FROM pragma_table_info('requests')",
        "ATTACH '{folder}/mine' AS mine",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '{folder}/mine'",
        "REINDEX",
        "ANALYZE",
        "REPLACE INTO tenants VALUES ('a', 'b', 1)",
        "CREATE VIRTUAL TABLE mine USING fts5(a)",
        "EXPLAIN DELETE FROM artifacts",
        "SELECT load_extension('{folder}/mine')",
    ],
    "postgresql": [
        "COPY journal TO PROGRAM 'cat > {folder}/mine'",
        "COPY journal TO '{folder}/mine'",
        "COPY (SELECT 1) TO STDOUT",
        "DO $$ BEGIN DELETE FROM artifacts; END $$",
        "CALL pg_sleep(1)",
        "SET transaction_read_only = off",
        "SET TRANSACTION READ WRITE",
        "SELECT 1 INTO mine",
        "SELECT * FROM requests FOR UPDATE",
        "LOCK TABLE requests",
        "TRUNCATE artifacts",
        "NOTIFY mine",
        "VACUUM",
        "REFRESH MATERIALIZED VIEW mine",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT pg_catalog.set_config('transaction_read_only', 'off', false)",
        "SELECT \"set_config\"('transaction_read_only', 'off', false)",
        "SELECT U&\"set\\005fconfig\"('transaction_read_only', 'off', false)",
        "SELECT pg_terminate_backend/**/(pid) FROM pg_stat_activity",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT lo_export(1, '{folder}/mine')",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT query_to_xml('SELECT pg_' || 'sleep(1)', true, true, '')",
        "SELECT pg_notify('a', 'b')",
        "DECLARE labmesh_query CURSOR FOR SELECT 1",
        "PREPARE mine AS DELETE FROM artifacts",
    ],
}


def contents(lab: Lab) -> dict[str, Any]:
    with create_engine(lab.url, poolclass=NullPool).connect() as connection:
        return {
            table: connection.execute(sql_text(f"SELECT * FROM {table}")).fetchall()  # noqa: S608
            for table in ABOUT
        }


def test_nothing_can_be_written(full: Lab, tmp_path: Path, postgres: PostgresServer) -> None:
    """As the owner of the tables, and in PostgreSQL as superuser, too."""
    before = contents(full)
    urls = [full.url]
    if kind(full) == "postgresql":
        urls.append(postgres.superuser_url(full.url))
    here = {file.name for file in tmp_path.iterdir()}
    for url in urls:
        with LedgerReader(url) as reader:
            for statement in BOTH + OF[kind(full)]:
                with pytest.raises(ConfigurationError) as refused:
                    reader.sql(statement.format(folder=tmp_path), seconds=20)
                assert refused.value.where.startswith("SQL"), statement
                assert refused.value.remedy, statement
            assert reader.sql("SELECT COUNT(*) FROM requests").rows == [(3,)]
    assert contents(full) == before
    assert {file.name for file in tmp_path.iterdir()} <= here | {"ledger_1.sqlite-shm"}


@pytest.mark.parametrize(
    ("statement", "column", "word"),
    [
        ("SELECT uuid FORM requests WHERE", 18, "requests"),
        ("SELECT nonsense FROM requests", 8, "nonsense"),
        ("SELECT uuid FROM\n  nowhere", 3, "nowhere"),
        ("SELECT nothing(uuid) FROM requests", 8, "nothing"),
        ("SELECT uuid FROM requests WHERE )", 33, ")"),
    ],
)
def test_errors_name_the_position(
    reader: LedgerReader, statement: str, column: int, word: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        reader.sql(statement)
    line = statement.count("\n") + 1
    assert refused.value.where == f"SQL, line {line}, column {column}"
    assert word in refused.value.what


def test_a_statement_may_take_so_long(full: Lab, reader: LedgerReader) -> None:
    with pytest.raises(LabmeshError, match=r"took longer than 0\.2 s"):
        reader.sql(LONG[kind(full)], seconds=0.2)
    assert reader.sql("SELECT 1").rows == [(1,)]


def test_a_long_statement_is_interrupted_and_hinders_nobody(
    full: Lab, reader: LedgerReader
) -> None:
    said: list[str] = []

    def ask() -> None:
        with pytest.raises(LabmeshError) as stopped:
            reader.sql(LONG[kind(full)])
        said.append(stopped.value.what)

    asking = threading.Thread(target=ask)
    asking.start()
    before = len(full.store.rows(0, 1000))
    full.request(9.0)
    assert len(full.store.rows(0, 1000)) > before
    assert reader.query("ledger.head")["offset"] >= before
    deadline = time.monotonic() + 30
    while asking.is_alive() and time.monotonic() < deadline:
        reader.interrupt()
        asking.join(0.1)
    assert said == ["the statement was interrupted"]
