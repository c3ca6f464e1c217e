"""``labmesh access`` as a person types it, in a mesh and from the file that it left."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from messages.access import today
from nodes.broker._node import vocabulary
from tests.labmesh.cli._lab import ROOT, Command
from tests.labmesh.cli._lab import Lab as Mesh
from tests.nodes.broker.lab import Lab
from tests.nodes.broker.test_access import birth, declare

PAGE = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")


def of_the_page() -> list[list[str]]:
    """The page's commands, with a day that is still to come."""
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    day = (today() + timedelta(days=150)).isoformat()
    lines = re.sub(r"\d{4}-\d\d-\d\d", day, block).splitlines()
    return [shlex.split(line)[1:] for line in lines]


def test_the_commands_of_the_page(lab: Mesh, labmesh: Command) -> None:
    said = [labmesh(*words) for words in of_the_page()]
    assert [answer.code for answer in said] == [0] * len(said), [a.err for a in said]
    assert said[0].out == "campaign eol-2027 is confidential, says Ada\n"
    assert "it stays at site" in said[0].err
    assert "what has left does not come back" in said[0].err
    for word in ("restricted", "ada@example.org", "Cells AG", "by       sample cell-7"):
        assert word in said[3].out
    assert [line.split()[1] for line in said[4].out.splitlines()[1:]] == [
        "eol-2027", "eol-2026", "cell-7",
    ]  # fmt: skip
    assert "eol-2026" not in said[5].out
    listed = labmesh("access", "list", "--json").json
    assert [each["level"] for each in listed] == ["confidential", "public", "restricted"]
    result = listed[2]["result"]
    shown = labmesh("access", "show", "result", result[:13], "--json").json
    assert shown["access"]["by"] == ["sample cell-7"]
    again = labmesh("access", "set", "result", result[:13], "--level", "public", "--json").json
    assert again["name"] == result


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--level", "restricted"], "names a contact"),
        (["--level", "public", "--embargo-until", "2001-01-01", "--contact", "x"], "is over"),
        (["--level", "public", "--embargo-until", "2101-01-01", "--contact", "x"], "a reason"),
        (["--level", "public", "--embargo-until", "soon", "--contact", "x"], "embargo.until"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(
    labmesh: Command, more: list[str], words: str
) -> None:
    answer = labmesh("access", "set", "campaign", "eol", "--person", "Ada", *more)
    assert answer.code == 2
    assert words in answer.err


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Any]:
    """A ledger where a launch in ``tmp_path`` would have left it."""
    file = tmp_path / ".labmesh" / "kit" / "broker" / "ledger.sqlite"
    file.parent.mkdir(parents=True)
    lab = Lab(file, dict(vocabulary()))
    lab.worker("kit/asab")
    lab.result(None, "kit/asab", samples=(birth("vial"),), campaign="eol")
    lab.result(None, "kit/asab", samples=(birth("cell", "vial"),))
    yield lab
    lab.store.close()


def test_a_file_answers_too(ledger: Lab, labmesh: Command) -> None:
    listed = labmesh("access", "list")
    assert "everything is public" in listed.out + listed.err
    assert "nothing declared" in labmesh.text("access", "show", "sample", "cell")
    declare(ledger, "campaign", "eol", "confidential")
    told = labmesh("access", "show", "sample", "cell", "--json").json
    assert told["access"]["level"] == "confidential"
    assert told["access"]["by"] == ["campaign eol"]
    assert told["declarations"] == []


def test_a_confidential_ledger_is_exported_only_on_demand(
    ledger: Lab, labmesh: Command, tmp_path: Path
) -> None:
    assert labmesh("ledger", "export", tmp_path / "open.gz").code == 0
    declare(ledger, "campaign", "eol", "confidential")
    refused = labmesh("ledger", "export", tmp_path / "closed.gz")
    assert refused.code == 2
    assert "the ledger holds what is confidential: campaign eol" in refused.err
    assert "--confidential" in refused.err
    assert not (tmp_path / "closed.gz").exists()
    assert labmesh("ledger", "export", tmp_path / "closed.gz", "--confidential").code == 0
    backup = labmesh("ledger", "backup", tmp_path / "backup.sqlite")
    assert backup.code == 0
    assert "keep it at this site" in backup.err
    declare(ledger, "campaign", "eol", "public")
    assert labmesh("ledger", "export", tmp_path / "again.gz").code == 0
