"""The PostgreSQL server of the tests: what is committed outlives it, it outlives no test run."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.support import PostgresServer, Processes

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal
from tests.support.postgres import PostgresServer, find_postgres
server = PostgresServer(find_postgres())
print("pid", server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_committed_survives_a_kill(postgres: PostgresServer) -> None:
    url = postgres.database()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (7)"))
    before = postgres.pid
    postgres.kill()
    assert postgres.pid is None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=postgres.port, user="labmesh")
    engine.dispose()
    postgres.start()
    assert postgres.pid not in {None, before}
    with engine.begin() as connection:
        for statement, value in (
            ("SELECT a FROM t", 7),
            ("SHOW fsync", "on"),
            ("SHOW synchronous_commit", "on"),
            ("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", False),
        ):
            assert connection.execute(text(statement)).scalar_one() == value
    engine.dispose()


async def test_it_ends_with_a_test_run_that_is_killed(processes: Processes) -> None:
    run = await processes.start(
        sys.executable, "-c", PROGRAM, env={"PYTHONPATH": str(ROOT)}, name="test run"
    )
    line = await run.wait_line(r"^pid \d+$")
    pid = int(line.split()[1])
    await run.wait()
    deadline = time.monotonic() + 30
    while lives(pid):
        assert time.monotonic() < deadline, "the server outlived the test run that started it"
        await asyncio.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
