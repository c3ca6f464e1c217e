"""One process writes a ledger, whatever anybody starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from messages.ledger import Request
from nodes.broker import open_ledger
from nodes.broker._door import Parcel
from nodes.broker.store import LedgerTakenError, SqlStore, lock_holder, sqlite_url
from tests.nodes.broker.conftest import POSTGRESQL_NIGHTLY
from tests.nodes.broker.lab import LEDGER, Lab
from tests.support import MqttBroker, PostgresServer, Processes, Running

ROOT = Path(__file__).parents[3]

HOLD = """
import sys
from nodes.broker.store import SqlStore
store = SqlStore(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
import time
while True: time.sleep(60)
"""

TAKE_TURNS = """
import sys
from pathlib import Path
from nodes.broker.store import SqlStore
from tests.nodes.broker.lab import Lab
SqlStore.__init__.__kwdefaults__["patience"] = 60.0
for turn in range(5):
    lab = Lab(sys.argv[1])
    lab.worker(f"kit/w{sys.argv[2]}-{turn}")
    lab.store.close()
"""


@pytest.fixture
async def holder(processes: Processes, database_url: str) -> Running:
    """A process that writes the ledger."""
    found = await processes.start(
        sys.executable, "-c", HOLD, database_url, env={"PYTHONPATH": str(ROOT)}, name="holder"
    )
    await found.wait_line("held")
    return found


def take(url: str, patience: float = 0.2) -> None:
    SqlStore(url, patience=patience).close()


def terminate(postgres: PostgresServer, url: str, store: SqlStore) -> None:
    """Cut a store's connection at the server."""
    pid = store._connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
    admin = create_engine(postgres.superuser_url(url), poolclass=NullPool)
    with admin.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})


async def test_a_second_writer_is_refused_and_told_who_is_the_first(
    holder: Running, database_url: str
) -> None:
    with pytest.raises(LedgerTakenError, match="another process writes this ledger") as caught:
        take(database_url)
    words = str(caught.value)
    assert f"pid {holder.pid} on {socket.gethostname()[:30]}" in words
    assert "stop that one first" in words
    # Readers are not concerned; a rebuild writes.
    with open_ledger(database_url) as reader:
        assert reader.query("ledger.head")["offset"] == -1
        with pytest.raises(LedgerTakenError):
            reader.rebuild()
    holder.kill()
    await holder.wait()
    take(database_url, patience=10)


@POSTGRESQL_NIGHTLY
async def test_writers_that_crowd_take_turns(processes: Processes, database_url: str) -> None:
    crowd = [
        await processes.start(
            sys.executable, "-c", TAKE_TURNS, database_url, str(number),
            env={"PYTHONPATH": str(ROOT)}, name=f"writer {number}",
        )
        for number in range(4)
    ]  # fmt: skip
    for writer in crowd:
        assert await writer.wait(90) == 0, writer.output
    with open_ledger(database_url) as reader:
        assert reader.verify().sound
        # A capability, and each of 20 workers' offers.
        assert reader.verify().entries == 21


def test_two_that_write_without_the_lock_cannot_make_two_histories(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Lab(database_url)
    first.worker("kit/a")
    monkeypatch.setattr("nodes.broker.store._store.WriterLock", NoLock)
    second = Lab(database_url)
    assert first.request().accepted
    # Its own next entry has an offset that is another's by now.
    with pytest.raises(DBAPIError):
        second.store.commit([first.outcomes[-1].said[0].row])
    second.worker("kit/b")
    first.worker("kit/c")
    first.store.close()
    second.check()
    second.store.close()
    with open_ledger(database_url) as reader:
        assert reader.verify().sound


class NoLock:
    """What is left when the lock is circumvented."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def release(self) -> None: ...


@POSTGRESQL_NIGHTLY
async def test_a_second_broker_node_ends_with_one_sentence(
    holder: Running, mqtt_broker: MqttBroker, processes: Processes, database_url: str
) -> None:
    second = await processes.start(
        sys.executable, "-m", "labmesh.node", "broker", "--site", "kit", "--name", "other",
        "--mqtt", mqtt_broker.url, "--data-dir", str(processes.cwd / "data"),
        "--param", f"database_url={database_url}", env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert await second.wait() == 2, second.output
    assert f"another process writes this ledger: pid {holder.pid} on" in second.output
    assert "Traceback" not in second.output


# -- SQLite ---------------------------------------------------------------------------------


def test_the_lock_is_of_the_file_not_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "alias.sqlite").symlink_to("ledger.sqlite")
    store = SqlStore(sqlite_url(tmp_path / "real" / "ledger.sqlite"))
    for other in ("link/ledger.sqlite", "real/alias.sqlite", "real/../real/ledger.sqlite"):
        with pytest.raises(LedgerTakenError):
            take(f"sqlite:///{tmp_path}/{other}")
    store.close()


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever let go has removed it, and the next one has locked a new file by that name."""
    flock, removed = fcntl.flock, 0

    def too_late(descriptor: int, operation: int) -> None:
        nonlocal removed
        flock(descriptor, operation)
        if removed < 3:
            removed += 1
            (tmp_path / "ledger.sqlite-lock").unlink()

    monkeypatch.setattr("fcntl.flock", too_late)
    store = SqlStore(sqlite_url(tmp_path / "ledger.sqlite"))
    assert removed == 3
    assert (tmp_path / "ledger.sqlite-lock").exists()
    store.close()


def test_a_ledger_at_rest_leaves_no_lock_and_a_copy_is_not_locked(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    store = SqlStore(sqlite_url(file))
    (tmp_path / "copy").mkdir()
    for part in tmp_path.glob("ledger.sqlite*"):
        shutil.copy(part, tmp_path / "copy")
    take(sqlite_url(tmp_path / "copy" / "ledger.sqlite"))
    store.close()
    assert list(tmp_path.glob("ledger.sqlite*")) == [file]


# -- PostgreSQL -----------------------------------------------------------------------------


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.database()


def test_who_loses_the_connection_loses_the_lock_and_who_took_it_keeps_it(
    url: str, postgres: PostgresServer
) -> None:
    lab = Lab(url)
    lab.worker("kit/a")
    entries = lab.ledger.head.offset + 1
    lab.store._lock._patience = 0.2
    terminate(postgres, url, lab.store)
    other = Lab(url)
    for _ in range(2):
        with pytest.raises((OperationalError, LedgerTakenError)):
            lab.request()
    with pytest.raises(LedgerTakenError):
        lab.ledger.prove()
    assert other.ledger.head.offset + 1 == entries
    other.store.close()
    # What it remembers may be wrong by now: it does not come back, though the lock is free again.
    with pytest.raises(LedgerTakenError):
        lab.request()
    lab.store.close()


def test_a_refusal_that_no_commit_vouches_for_is_not_said_without_the_lock(
    url: str, postgres: PostgresServer
) -> None:
    lab = Lab(url)
    lab.worker("kit/a")
    lab.store._lock._patience = 0.2
    parcel = Parcel(f"lab1/kit/a/request/{LEDGER}/q/m", b"no message at all")
    assert lab.apply(parcel).problems
    terminate(postgres, url, lab.store)
    other = Lab(url)
    with pytest.raises((OperationalError, LedgerTakenError)):
        lab.apply(parcel)
    other.store.close()
    lab.store.close()


def test_after_a_restart_of_the_server_the_lock_is_taken_again(
    url: str, postgres: PostgresServer
) -> None:
    lab = Lab(url)
    lab.worker("kit/a")
    postgres.restart()
    with pytest.raises(OperationalError):
        lab.request()
    assert lab.request().accepted
    with pytest.raises(LedgerTakenError):
        take(url)
    lab.check()
    lab.store.close()


def test_a_last_connection_of_ones_own_is_no_other_writer(url: str) -> None:
    """The server may not have noticed yet that it is gone, and would keep its lock for long."""
    store = SqlStore(url)
    store._lock._patience = 10
    with store._engine.connect() as connection:
        assert str(os.getpid()) in str(lock_holder(connection))
    with pytest.raises(OperationalError):
        store.prove()
    store.close()


def test_ledgers_of_two_schemas_have_two_locks(url: str, postgres: PostgresServer) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA two"))
    one = SqlStore(url)
    query = {"options": "-csearch_path=two"}
    two_url = make_url(url).update_query_dict(query).render_as_string(hide_password=False)
    two = SqlStore(two_url)
    with pytest.raises(LedgerTakenError):
        take(two_url)
    one.close()
    two.close()


def test_what_was_written_though_the_connection_broke_is_said(
    url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(url)
    lab.worker("kit/a")
    connection = lab.store._connection
    commit = type(connection).commit

    def commit_and_lose(self: Connection) -> None:
        commit(self)
        monkeypatch.undo()
        terminate(postgres, url, lab.store)
        self.exec_driver_sql("SELECT 1")

    monkeypatch.setattr(type(connection), "commit", commit_and_lose)
    request = Request(quantity="q", method="m", parameters={"x": 1.0})
    parcel = lab.parcel("kit/opt", "request", request, "q", "m")
    with pytest.raises(OperationalError):
        lab.apply(parcel)
    said = lab.apply(parcel).said  # as the engine does: the same batch again
    assert [p.row.offset for p in said] == [2, 3]
    assert said[1].order is not None
    assert lab.apply(parcel).said == []
    lab.check()
    lab.store.close()
