"""The ledger is read when the mesh has ended."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from labmesh.mosquitto import Program
from tests.labmesh.cli._lab import Command, running_lab


@pytest.fixture(scope="module")
def ended(mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder of a mesh that has ended, and the URL it had."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("ended")
    with running_lab(folder) as lab:
        for terms in ("[1]", "[2, 3]"):
            subprocess.run(
                [Path(sys.executable).with_name("labmesh"), "request", "send", "total",
                 "addition", "-s", f"terms={terms}", "--campaign", "past", "--wait"],
                env={"PATH": "/usr/bin:/bin", **lab.env}, check=True, capture_output=True,
            )  # fmt: skip
        url = lab.broker.url
    return folder / "data", url


@pytest.fixture
def data(ended: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, in the environment; no mesh is named."""
    copy = tmp_path / "data"
    shutil.copytree(ended[0], copy)
    monkeypatch.setenv("LABMESH_DATA_DIR", str(copy))
    return copy


READS = [
    ("request", "list"),
    ("result", "list"),
    ("capability", "list"),
    ("capability", "show", "total/addition"),
    ("campaign", "list"),
    ("campaign", "show", "past"),
    ("ledger", "tail"),
    ("ledger", "show", "0"),
    ("ledger", "head"),
    ("ledger", "stats"),
]


@pytest.mark.parametrize("verb", READS, ids=" ".join)
def test_reads_fall_back_to_the_file_and_say_so(
    labmesh: Command, data: Path, verb: tuple[str, ...]
) -> None:
    file = data / "kit" / "broker" / "ledger.sqlite"
    answer = labmesh(*verb)
    assert answer.code == 0, answer.err
    assert answer.out
    assert answer.err.startswith("labmesh: no mesh is known")
    assert answer.err.endswith(f"; reading the file {file}\n")
    assert answer.err.count("\n") == 1
    named = labmesh(*verb, "--json", "--ledger-file", file)
    assert named.code == 0
    assert named.err == ""
    assert named.out == labmesh(*verb, "--json").out


def test_a_dead_mqtt_broker_is_named_as_the_reason(
    labmesh: Command, data: Path, ended: tuple[Path, str]
) -> None:
    where = ("--mqtt", ended[1], "--site", "kit", "--patience", "0.5")
    answer = labmesh("request", "list", *where)
    assert answer.code == 0
    assert answer.err.startswith("labmesh: no connection to the MQTT broker at 127.0.0.1")
    assert "reading" in answer.err


def test_show_by_beginning(labmesh: Command, data: Path) -> None:
    for noun in ("request", "result"):
        one = labmesh(noun, "list", "--json").json[0]
        assert one["id"] in labmesh.text(noun, "show", one["id"][:20])


def test_writing_needs_the_mesh(labmesh: Command, data: Path) -> None:
    answer = labmesh("request", "send", "total", "addition", "-s", "terms=[1]")
    assert answer.code == 2
    assert "no mesh is known" in answer.err
    follow = labmesh("ledger", "tail", "-f")
    assert follow.code == 1
    assert "a file cannot be followed" in follow.err


def test_no_file_either_is_said_with_the_reason(
    labmesh: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABMESH_DATA_DIR", str(tmp_path / "empty"))
    answer = labmesh("request", "list")
    assert answer.code == 2
    assert "no mesh is known" in answer.err
    assert f"there is no ledger file below {tmp_path / 'empty'} either" in answer.err
    missing = labmesh("request", "list", "--ledger-file", tmp_path / "nowhere")
    assert "no such ledger file" in missing.err


def test_of_several_ledgers_one_must_be_chosen(labmesh: Command, data: Path) -> None:
    shutil.copytree(data / "kit" / "broker", data / "dtu" / "broker")
    answer = labmesh("ledger", "head")
    assert answer.code == 2
    assert "there are 2 ledgers" in answer.err
    assert labmesh("ledger", "head", "--ledger", "dtu/broker").code == 0


def test_verify_finds_what_was_changed(labmesh: Command, data: Path) -> None:
    assert "all sound" in labmesh.text("ledger", "verify")
    file = data / "kit" / "broker" / "ledger.sqlite"
    with sqlite3.connect(file) as database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE journal SET author = 'kit/somebody' WHERE offset = 2")
    database.close()
    answer = labmesh("ledger", "verify")
    assert answer.code == 1
    assert "entry 2 is not sound" in answer.err
    verdict = labmesh("ledger", "verify", "--json")
    assert verdict.code == 1
    assert '"bad": 2' in verdict.out


def test_verify_compares_the_tables_where_asked_to(labmesh: Command, data: Path) -> None:
    assert "every table is what the journal makes of it" in labmesh.text(
        "ledger", "verify", "--projections"
    )
    file = data / "kit" / "broker" / "ledger.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE requests SET priority = 9")
    database.close()
    assert "all sound" in labmesh.text("ledger", "verify")
    answer = labmesh("ledger", "verify", "--projections")
    assert answer.code == 1
    assert "table requests, row" in answer.err
    assert "priority is 9" in answer.err
    assert "labmesh ledger rebuild" in answer.err
    assert labmesh("ledger", "rebuild").code == 0
    assert labmesh("ledger", "verify", "--projections", "--json").json["differs"] == ""


def test_what_is_no_ledger_is_said(labmesh: Command, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello " * 1000)
    answer = labmesh("ledger", "head", "--ledger-file", tmp_path / "text")
    assert answer.code in (1, 2)
    assert str(tmp_path / "text") in answer.err
    assert answer.err.count("\n") == 1


def test_rebuild_restores_tables_from_the_journal(labmesh: Command, data: Path) -> None:
    file = data / "kit" / "broker" / "ledger.sqlite"
    before = labmesh("request", "list", "--json").json
    with sqlite3.connect(file) as database:
        database.execute("UPDATE requests SET status = 'pending'")
    database.close()
    assert {each["status"] for each in labmesh("request", "list", "--json").json} == {"pending"}
    entries = labmesh("ledger", "head", "--json").json["offset"] + 1
    assert labmesh("ledger", "rebuild", "--json").json == {"file": str(file), "entries": entries}
    assert labmesh("request", "list", "--json").json == before
    assert f"tables rebuilt from {entries} entries" in labmesh.text("ledger", "rebuild")
