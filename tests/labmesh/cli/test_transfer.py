"""``labmesh ledger backup|restore|export|import`` as a person runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from labmesh.cli import main
from nodes.broker.store import sqlite_url
from tests.nodes.broker.lab import Lab, journal
from tests.support import PostgresServer, Processes

PAGE = Path(__file__).parents[3] / "docs" / "ledger.md"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger where a launch in ``tmp_path`` would have left it."""
    file = tmp_path / ".labmesh" / "kit" / "broker" / "ledger.sqlite"
    file.parent.mkdir(parents=True)
    lab = Lab(file)
    lab.worker("kit/asab")
    lab.request()
    lab.store.close()
    return file


def shown() -> list[str]:
    """Every command of the page's last two chapters, in order."""
    page = PAGE.read_text(encoding="utf-8")
    chapters = page[page.index("## Backup and restore") :]
    return re.findall(r"^labmesh ledger .*$", chapters, re.MULTILINE)


def labmesh(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run it in this process; return its exit code and what it said."""
    code = main([str(each) for each in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_commands_of_the_page(
    ledger: Path,
    tmp_path: Path,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = journal(sqlite_url(ledger))
    places = {"lab": postgres.schema(), "lab2": postgres.schema(), "lab3": postgres.schema()}
    for folder in ("backups", "archive"):
        (tmp_path / folder).mkdir()
    # The second command of the page backs up what lives in PostgreSQL.
    assert labmesh(capsys, "ledger", "export", "seed.ledger")[0] == 0
    assert labmesh(capsys, "ledger", "import", "seed.ledger", places["lab"])[0] == 0
    heads = set()
    commands = shown()
    assert len(commands) == 7
    for command in commands:
        line = re.sub(r" /(backups|archive)/", rf" {tmp_path}/\1/", command)
        line = re.sub(r"postgresql\S*@db.kit.example/(\w+)", lambda found: places[found[1]], line)
        if line.endswith("ledger.sqlite"):
            ledger.rename(tmp_path / "lost.sqlite")
        code, out, err = labmesh(capsys, *shlex.split(line)[1:])
        assert code == 0, f"$ {line}\n{err}"
        where, head = out.splitlines()
        assert where.endswith(f": {len(whole)} entries")
        heads.add(head)
    assert heads == {f"head {len(whole) - 1} {whole[-1][-1].hex()}"}
    for place in (*places.values(), *map(sqlite_url, (ledger, tmp_path / "copy.sqlite"))):
        assert journal(place) == whole


def test_errors_are_one_line_and_nothing_is_left(
    ledger: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("precious")
    code, out, _ = labmesh(capsys, "ledger", "export", "e.ledger", "--json")
    assert code == 0
    assert json.loads(out)["entries"] == 4
    packed = (tmp_path / "e.ledger").read_bytes()
    (tmp_path / "bad.ledger").write_bytes(packed[:-200])
    for arguments, expected, words in (
        (("backup", "there"), 2, "there is a file of this name"),
        (("export", "there"), 2, "there is a file of this name"),
        (("backup", "b", "--database-url", "mysql://x/y"), 2, "no database by this URL"),
        (
            ("backup", "b", "--database-url", "postgresql://nobody@127.0.0.1:1/x"),
            2,
            "check that the PostgreSQL server runs",
        ),
        (("restore", "e.ledger", "r.sqlite"), 2, "file is not a database"),
        (("restore", "nowhere", "r.sqlite"), 2, "there is no such file"),
        (("import", "there", "i.sqlite"), 2, "no exported ledger"),
        (("import", "bad.ledger", "i.sqlite"), 1, "entry 3 is not sound"),
    ):
        code, out, err = labmesh(capsys, "ledger", *arguments)
        assert (code, out) == (expected, ""), err
        assert words in err
        assert len(err.splitlines()) == 1, err
    assert {file.name for file in tmp_path.iterdir()} == {
        ".labmesh", "there", "e.ledger", "bad.ledger", "i.sqlite"
    }  # fmt: skip
    assert (tmp_path / "there").read_text() == "precious"
    code, _, err = labmesh(capsys, "ledger", "import", "e.ledger", "i.sqlite")
    assert code == 0
    assert "3 entries were there already" in err
    assert journal(sqlite_url(tmp_path / "i.sqlite")) == journal(sqlite_url(ledger))


async def test_ctrl_c_leaves_nothing_behind(
    processes: Processes, ledger: Path, tmp_path: Path
) -> None:
    """A named pipe as the file: the command waits for its middle while it is interrupted."""
    export = await processes.labmesh("ledger", "export", "e.ledger")
    assert await export.wait() == 0
    os.mkfifo(tmp_path / "slow.ledger")
    slow = await processes.labmesh("ledger", "import", "slow.ledger", "i.sqlite")
    with (tmp_path / "slow.ledger").open("wb", buffering=0) as pipe:
        pipe.write((tmp_path / "e.ledger").read_bytes()[:-100])
        slow.interrupt()
    assert await slow.wait() in {1, 130}, slow.output
    assert "Traceback" not in slow.output
    again = await processes.labmesh("ledger", "import", "e.ledger", "i.sqlite")
    assert await again.wait() == 0, again.output
    assert journal(sqlite_url(tmp_path / "i.sqlite")) == journal(sqlite_url(ledger))


def test_a_ledger_in_postgresql_is_verified_and_rebuilt(
    ledger: Path,
    tmp_path: Path,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    url = postgres.schema()
    assert labmesh(capsys, "ledger", "restore", ledger, url)[0] == 0
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE requests SET priority = 9"))
    engine.dispose()
    code, _, err = labmesh(capsys, "ledger", "verify", "--projections", "--database-url", url)
    assert code == 1
    assert "priority is 9" in err
    assert labmesh(capsys, "ledger", "rebuild", "--database-url", url)[0] == 0
    code, out, _ = labmesh(capsys, "ledger", "verify", "--projections", "--database-url", url)
    assert (code, "all sound" in out) == (0, True)
    code, _, err = labmesh(
        capsys, "ledger", "verify", "--database-url", url, "--ledger-file", ledger
    )
    assert code == 2
    assert "exclude each other" in err
