"""The database: append-only, rebuildable, and clear about what is wrong with it."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import DBAPIError, OperationalError

from messages.errors import ConfigurationError
from messages.ids import new_id
from messages.ledger import FromState, ProgressKind, SampleStep
from nodes.broker import Ledger, open_ledger
from nodes.broker.store import SqlStore, sqlite_url
from nodes.broker.store import _tables as t
from tests.nodes.broker.conftest import POSTGRESQL_NIGHTLY
from tests.nodes.broker.lab import PARAMETERS, Lab, content, execute


def random_history(lab: Lab, seed: int, steps: int) -> None:
    """Whatever may happen, in any order, legal or not."""
    dice = random.Random(seed)
    workers = ["kit/a", "kit/b", "uu/c"]
    epochs = dict.fromkeys(workers, 1)
    lab.worker("kit/a", slots=2, worker="instrument")
    lab.worker("kit/b", worker="instrument")
    lab.worker("uu/c", limitations={"properties": {"x": {"maximum": 3}}})
    requests, results, samples = [new_id()], [new_id()], {"s-0": -1}
    for step in range(steps):
        standing = {r.order.token for r in lab.ledger.books.live.values() if r.order}
        orders = [o for o in lab.orders() if o[1].token in standing or dice.random() < 0.05]
        given_ = dice.choice(orders or [None])
        match dice.randrange(15):
            case 0 | 1 | 2:
                requests.append(new_id())
                sample = dice.choice(list(samples))
                lab.request(
                    dice.choice([1.0, 4.0, 11.0]), uuid=requests[-1],
                    author=dice.choice(["kit/opt", "dtu/opt"]),
                    campaign=dice.choice([None, "a", "b"]), priority=dice.randrange(10),
                    wait=dice.random() < 0.5,
                    attempts=dice.randrange(1, 4),
                    from_state=FromState(sample=sample, state=max(samples[sample], 0))
                    if dice.random() < 0.3 else None,
                )  # fmt: skip
            case 3 | 4 | 5 if given_:
                lab.progress(given_[1], given_[0])
            case 6 if given_:
                lab.progress(given_[1], given_[0], ProgressKind.DECLINE)
            case 7 | 8 | 9:
                sample = dice.choice([*samples, f"s-{step}"])
                last = samples.get(sample, -1)
                results.append(new_id())
                node = given_[0] if given_ else "kit/a"
                steps_ = (
                    SampleStep(
                        sample=sample, kind="cell", state=last + 1, label="formed",
                        expects_state=None if last < 0 else last,
                        parents=("p-1", "p-2") if last < 0 else (),
                    ),
                )  # fmt: skip
                receipt = lab.result(
                    given_[1] if given_ and dice.random() < 0.8 else None, node, uuid=results[-1],
                    samples=steps_ if dice.random() < 0.5 else (),
                )  # fmt: skip
                view = [s for s in lab.outcomes[-1].said if s.row.kind == "sample"]
                if receipt.accepted and view:
                    samples[sample] = last + 1
            case 10 if given_:
                lab.fail(given_[1], given_[0], retryable=dice.random() < 0.5)
            case 11:
                lab.cancel(dice.choice(requests), dice.choice(["kit/opt", "dtu/opt"]))
            case 12:
                held = [UUID(r.id) for r in lab.ledger.books.live.values() if r.status == "held"]
                lab.decide(dice.choice(held or requests), dice.choice(["release", "abandon"]))
                lab.amend(dice.choice(results), dice.choice(["amended", "deleted"]), "kit/a")
            case 13:
                node = dice.choice(workers)
                epochs[node] += dice.randrange(2)
                lab.online(
                    node, epoch=epochs[node], state=dice.choice(["online", "lost", "offline"])
                )
                lab.lifecycle(node)
                if dice.random() < 0.3:
                    kind = "model" if node == "uu/c" else "instrument"
                    lab.offer(node, slots=dice.randrange(1, 4), worker=kind)
            case _:
                lab.wait(dice.choice([0.1, 3.0, 20.0]))


@POSTGRESQL_NIGHTLY
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_a_rebuild_from_the_journal_changes_nothing(
    new_database: Callable[[], str], seed: int
) -> None:
    lab = Lab(new_database())
    lab.settle()
    random_history(lab, seed, 80)
    lab.check()
    before = content(lab.url)
    live = live_of(lab.ledger)
    assert lab.store.rebuild() == lab.ledger.head.offset + 1
    assert content(lab.url) == before
    # What the ledger holds in memory is what a new process reads.
    lab.reopen()
    assert live_of(lab.ledger) == live
    lab.store.close()


def live_of(ledger: Ledger) -> dict[str, tuple[Any, ...]]:
    return {
        r.id: (r.offset, r.status, r.begun, r.sample, r.attempts, r.order)
        for r in ledger.books.live.values()
    }


def test_rebuild_repairs_projections_that_were_tampered_with(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.request()
    before = content(lab.url)
    execute(lab.url, "UPDATE requests SET status = 'resolved'", "DELETE FROM orders")
    assert content(lab.url) != before
    lab.store.close()
    with open_ledger(lab.url) as reader:
        assert reader.rebuild() == 4
    lab.open()
    assert content(lab.url) == before


def test_the_tables_are_those_of_the_migrations(lab: Lab) -> None:
    engine = create_engine(lab.url)
    found = inspect(engine)
    for table in (t.JOURNAL, t.FORWARDED, *t.PROJECTIONS):
        columns = [column["name"] for column in found.get_columns(table.name)]
        assert columns == [column.name for column in table.columns], table.name
        key = found.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns], table.name
    engine.dispose()


def test_the_database_is_set_up_to_keep_its_word(lab: Lab) -> None:
    connection = lab.store._connection
    words = (
        (("PRAGMA journal_mode", "wal"), ("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1))
        if connection.dialect.name == "sqlite"
        else (("SHOW synchronous_commit", "on"), ("SHOW fsync", "on"))
    )
    for asked, answer in words:
        assert connection.exec_driver_sql(asked).scalar() == answer
    lab.store.end_reading()


def test_a_newer_schema_is_refused_by_writer_and_reader(database_url: str) -> None:
    SqlStore(database_url).close()
    execute(database_url, "INSERT INTO schema_version VALUES (99, 0)")
    for opening in (lambda: SqlStore(database_url), lambda: open_ledger(database_url)):
        with pytest.raises(ConfigurationError, match="schema version 99, newer than") as caught:
            opening()
        assert caught.value.remedy == "update Labmesh"


def test_what_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        open_ledger(tmp_path / "nowhere.sqlite")
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        open_ledger(garbage)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        SqlStore(sqlite_url(garbage))
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE t (a)")
    with pytest.raises(ConfigurationError, match="no ledger in this database"):
        open_ledger(other)
    with pytest.raises(ConfigurationError, match="unable to open"):
        SqlStore(sqlite_url(tmp_path / "no" / "folder.sqlite"))
    with pytest.raises(ConfigurationError, match="no database by this URL"):
        SqlStore("nonsense://x")


def test_a_read_only_file_is_found_out_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    SqlStore(sqlite_url(path)).close()
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    program = (
        "import os\n"
        "from messages.errors import ConfigurationError\n"
        "from nodes.broker.store import SqlStore, sqlite_url\n"
        "if os.geteuid() == 0:\n"
        "    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"try: SqlStore(sqlite_url({str(path)!r}))\n"
        "except ConfigurationError as error: print(error)\n"
    )
    for folder in tmp_path.parents:
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    tmp_path.chmod(0o755)
    assert "readonly database" in found.stdout, found.stderr
    assert "check that the path exists and is writable" in found.stdout


def test_a_database_that_does_not_work_loses_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.worker("kit/asab")
    broken = True

    def full(*_: object) -> None:
        if broken:
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk is full"))

    commit = lab.store.commit

    def commit_or_fail(*arguments: Any) -> None:
        full()
        commit(*arguments)

    monkeypatch.setattr(lab.store, "commit", commit_or_fail)
    head = lab.ledger.head
    identity = new_id()
    with pytest.raises(OperationalError, match="disk is full"):
        lab.request(uuid=identity)
    with pytest.raises(OperationalError, match="disk is full"):
        lab.offer("kit/asab", slots=3)
    assert lab.ledger.head == head
    assert lab.ledger.books.live == {}
    broken = False
    lab.offer("kit/asab", slots=3)
    assert lab.request(uuid=identity).accepted
    assert lab.order().request == identity
    assert lab.read("query.offers")["offers"][0]["offer"]["slots"] == 3


def test_readers_do_not_stop_the_writer(lab: Lab) -> None:
    lab.worker("kit/asab")
    with open_ledger(lab.url) as reader:
        connection = reader._connection
        connection.exec_driver_sql("SELECT count(*) FROM journal").scalar()
        assert lab.request().accepted
        connection.rollback()
        assert reader.query("ledger.head")["offset"] == lab.ledger.head.offset
        with pytest.raises(DBAPIError, match="readonly|query_only|read-only"):
            connection.exec_driver_sql("DELETE FROM requests")
        connection.rollback()


def test_the_watermark_is_no_projection(lab: Lab) -> None:
    lab.worker("kit/asab")
    lab.apply(forwarded=1)
    lab.store.rebuild()
    assert lab.store.forwarded() == 1
    lab.store.end_reading()
    assert [p.row.offset for p in lab.ledger.unsaid(2)] == []
    lab.request()
    said = lab.ledger.unsaid(2)
    assert [p.row.offset for p in said] == [2, 3]
    assert said == lab.outcomes[-1].said or [p.party for p in said] == ["kit/opt", "kit/opt"]
    assert said[1].order is not None
    assert said[1].order[1].parameters == {"x": 1.0}


def test_schemas_with_arrays(lab: Lab) -> None:
    schema = {**PARAMETERS, "properties": {"x": {"type": "object"}}}
    lab.worker("kit/asab", "spectrum", "m", parameters_schema=schema)
    array = {"dtype": "<f8", "shape": [1], "data": bytes(8)}
    assert lab.request(array, quantity="spectrum").accepted
    assert lab.order().parameters["x"]["data"] == bytes(8)
    view = lab.read("query.requests")["requests"][0]
    assert view["parameters"]["x"]["data"] == bytes(8)


def test_numbers_as_large_as_messages_may_have_them(lab: Lab) -> None:
    lab.worker("kit/asab", version=2**31 - 1, slots=2**31 - 1)
    assert lab.request().accepted
    assert lab.read("query.offers")["offers"][0]["offer"]["slots"] == 2**31 - 1
    lab.reopen()
    assert lab.ledger.catalogue.capabilities["q", "m"].version == 2**31 - 1
