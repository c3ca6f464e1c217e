"""``labmesh fair check`` of a recorded lab, as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labmesh.fair import REQUIREMENTS
from labmesh.fair._found import CHECKS, Found
from tests.labmesh.cli._lab import Command
from tests.support.recorded_lab import CONDUCTIVITY, EOL, recorded_lab

QUICK = ("--only", "8", "--only", "14")
"""Requirements that need neither graph nor crate."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_lab(EOL, tmp_path_factory.mktemp("eol")).ledger


def test_the_table_says_what_holds_and_what_remains(labmesh: Command, ledger: Path) -> None:
    text = labmesh.text("fair", "check", "eol", *QUICK, "--commands", "--ledger-file", ledger)
    lines = text.splitlines()
    assert lines[0].split() == ["NO", "REQUIREMENT", "VERDICT", "EVIDENCE", "COMMAND"]
    assert "labmesh campaign replay eol" in lines[1]
    assert "proposals: 1" in lines[1]
    assert "what this does not show" in lines
    assert lines[-1] == "2 holds"


def test_json(labmesh: Command, ledger: Path) -> None:
    told = labmesh("fair", "check", "eol", *QUICK, "--json", "--ledger-file", ledger).json
    assert [each["number"] for each in told] == [8, 14]
    assert {each["verdict"] for each in told} == {"holds"}
    assert told[0]["requirement"] == REQUIREMENTS[7].words


def test_the_exit_code_is_1_where_one_fails(
    labmesh: Command, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHECKS, 14, lambda _exhibit: Found({"results": 3}, ["it has no time"]))
    answer = labmesh("fair", "check", "eol", *QUICK, "--ledger-file", ledger)
    assert answer.code == 1
    assert "14  it has no time" in answer.out
    assert answer.out.splitlines()[-1] == "1 holds, 1 fails"
    assert "campaign eol: 1 of 2 requirements fail: 14" in answer.err
    told = labmesh("fair", "check", "eol", *QUICK, "--json", "--ledger-file", ledger)
    assert told.code == 1
    assert [each["verdict"] for each in json.loads(told.out)] == ["holds", "fails"]


def test_what_a_person_says_counts(labmesh: Command, tmp_path: Path) -> None:
    lab = recorded_lab(CONDUCTIVITY, tmp_path)
    mine = tmp_path / "crate.yaml"
    mine.write_text("labmesh_crate: 1\nkeywords: [electrolyte]\nrights_holder: Ada's lab\n")
    options = ("--only", "23", "--only", "28", "--ledger-file", lab.ledger)
    told = labmesh("fair", "check", "conductivity", "--description", mine, "--json", *options).json
    assert told[1]["evidence"] == {"owners": 1}
    assert told[1]["remains"] == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "no campaign nothing"),
        (("eol", "--only", "29"), "29 is not in the range 1<=x<=28"),
        (("eol", "--description", "absent.yaml"), "absent.yaml"),
    ],
)
def test_mistakes_are_named(
    labmesh: Command, ledger: Path, words: tuple[str, ...], said: str
) -> None:
    answer = labmesh("fair", "check", *words, "--ledger-file", ledger)
    assert answer.code == 2
    assert said in answer.err
