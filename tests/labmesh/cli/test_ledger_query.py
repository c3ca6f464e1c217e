"""``labmesh ledger query``, on a ledger that its writer still has open."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.labmesh.cli._lab import ROOT, Command
from tests.nodes.broker.lab import Lab
from tests.support import PostgresServer, Processes

ENDLESS = "WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT MAX(n) FROM c"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a ledger with three requests, below the data folder of the environment."""
    file = tmp_path / "data" / "kit" / "broker" / "ledger.sqlite"
    file.parent.mkdir(parents=True)
    monkeypatch.setenv("LABMESH_DATA_DIR", str(tmp_path / "data"))
    lab = Lab(file)
    fill(lab)
    yield file
    lab.store.close()


def fill(lab: Lab) -> None:
    lab.settle()
    lab.worker("kit/asab", slots=100)
    for number in range(3):
        lab.request(float(number), campaign="c")


def test_a_table_json_and_csv(labmesh: Command, written: Path) -> None:
    sql = "SELECT campaign, parameters FROM requests ORDER BY parameters"
    table = labmesh.text("ledger", "query", sql)
    assert table.splitlines()[0].split() == ["CAMPAIGN", "PARAMETERS"]
    assert table.count("\n") == 4
    rows = labmesh("ledger", "query", sql, "--json").json
    assert [json.loads(row["parameters"])["x"] for row in rows] == [0, 1, 2]
    text = labmesh.text("ledger", "query", sql, "--csv", "--ledger-file", written)
    assert list(csv.DictReader(io.StringIO(text))) == rows


def test_bodies_are_json_on_demand(labmesh: Command, written: Path) -> None:
    sql = "SELECT body, hash FROM journal WHERE kind = 'request'"
    first = labmesh("ledger", "query", sql, "--json").json[0]
    assert first["body"]["quantity"] == "q"
    assert len(bytes.fromhex(first["hash"])) == 32
    read = list(csv.DictReader(io.StringIO(labmesh.text("ledger", "query", sql, "--csv"))))
    assert json.loads(read[0]["body"]) == first["body"]
    raw = labmesh("ledger", "query", sql, "--json", "--raw").json[0]
    assert bytes.fromhex(raw["body"])


def test_what_is_cut_is_said(labmesh: Command, written: Path) -> None:
    sql = "SELECT uuid FROM requests"
    cut = labmesh("ledger", "query", sql, "--limit", "2", "--json")
    assert len(cut.json) == 2
    assert cut.err == "labmesh: cut after 2 rows; --limit 0 shows all\n"
    whole = labmesh("ledger", "query", sql, "--limit", "0", "--json")
    assert len(whole.json) == 3
    assert whole.err == ""


def test_without_sql_it_lists_the_tables(labmesh: Command, written: Path) -> None:
    text = labmesh.text("ledger", "query")
    assert "requests\n    one request: parameters" in text
    listed = {each["name"]: each for each in labmesh("ledger", "query", "--json").json}
    assert "requesting_tenant_uuid" in listed["requests"]["columns"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["SELECT nonsense FROM requests"], 2, "labmesh: SQL, line 1, column 8: no such column"),
        (["DELETE FROM journal"], 2, "DELETE is refused: a ledger is only read here"),
        ([" "], 2, "the statement is empty"),
        (["SELECT 1", "--csv", "--json"], 2, "exclude each other"),
        (["SELECT 1 AS a, 2 AS a", "--json"], 2, "more than one column is called 'a'"),
        (["SELECT 1", "--database-url", "somewhere"], 2, "is no database URL"),
        ([ENDLESS, "--timeout", "0.2"], 1, "took longer than 0.2 s"),
    ],
)
def test_mistakes_are_one_line(
    labmesh: Command, written: Path, arguments: list[str], code: int, words: str
) -> None:
    answer = labmesh("ledger", "query", *arguments)
    assert answer.code == code
    assert words in answer.err
    assert answer.err.count("\n") == 1


async def test_ctrl_c_ends_a_long_statement(written: Path, processes: Processes) -> None:
    asking = await processes.labmesh("ledger", "query", ENDLESS, "--ledger-file", str(written))
    process = psutil.Process(asking.pid)
    async with asyncio.timeout(30):
        while written not in {Path(each.path) for each in process.open_files()}:
            await asyncio.sleep(0.05)
    asking.interrupt()
    assert await asking.wait() == 130
    assert asking.stdout == []
    assert "Traceback" not in asking.output


def test_a_ledger_in_postgresql(labmesh: Command, postgres: PostgresServer) -> None:
    url = postgres.database()
    lab = Lab(url)
    fill(lab)
    ask = ("ledger", "query", "--database-url", url)
    assert labmesh(*ask, "SELECT campaign FROM requests", "--json").json == [{"campaign": "c"}] * 3
    assert "one request: parameters" in labmesh.text(*ask)
    refused = labmesh(*ask, "COPY journal TO STDOUT")
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    lab.store.close()


async def test_what_the_page_shows_works(written: Path, processes: Processes) -> None:
    page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    chapter = page.partition("## Asking the ledger\n")[2].partition("\n## ")[0]
    blocks = dict(
        re.findall(r"^```(console|python)\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    )
    program = Path(sys.executable).parent
    done = await processes.run(
        "bash", "-euo", "pipefail", "-c",
        blocks["console"].replace("$ ", ""), env={"PATH": f"{program}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert "pending" in done.stdout or "reserved" in done.stdout
    found: dict[str, Any] = {}
    code = blocks["python"].replace("ledger.sqlite", str(written))
    exec(compile(code, "docs/ledger.md", "exec"), found)  # noqa: S102 - our own page
    assert found["frame"]["n"].sum() == 3
