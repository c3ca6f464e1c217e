"""``labmesh degradation``: what an operator sees without a mesh."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from labmesh.cli._root import root
from nodes.degradation._published_models import published_models
from tests.labmesh.cli._lab import ROOT, Command
from tests.nodes.degradation.cells import virtual_table


@pytest.fixture
def labmesh(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    monkeypatch.chdir(tmp_path)
    virtual_table().write_parquet("cell.parquet")
    return Command(capsys)


def test_the_page_shows_command_lines_that_there_are() -> None:
    page = (ROOT / "docs" / "degradation.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        program, *words = line.split()
        assert program == "labmesh"
        command: click.Command = root
        context = click.Context(root)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, line
            command = found
        command.make_context("labmesh", words)


def test_a_table_is_predicted(labmesh: Command) -> None:
    shown = labmesh.text("degradation", "predict", "cell.parquet", "--simulated")
    assert re.search(r"^in domain +no$", shown, re.MULTILINE)
    assert "the cell is simulated" in shown
    answer = labmesh("degradation", "predict", "cell.parquet", "--simulated", "--json").json
    assert answer["model"].startswith("trajectory@")
    assert answer["interval_low"] < answer["end_of_life"]["value"] < answer["interval_high"]
    assert len(answer["capacity_trajectory"]) == len(answer["trajectory_cycles"]) <= 200
    assert answer["notes"]["formation_cycles"] == 2
    again = labmesh("degradation", "predict", "cell.parquet", "--json").json
    assert again["interval_high"] / again["interval_low"] > (
        2 * answer["interval_high"] / answer["interval_low"]
    )  # a real cell may have knees


def test_a_card_predicts_from_its_file(labmesh: Command, tmp_path: Path) -> None:
    Path("card.json").write_text(published_models()[0].document())
    options = ("cell.parquet", "--cathode", "LFP", "--model", "card.json", "--json")
    answer = labmesh("degradation", "predict", *options).json
    (why,) = answer["notes"]["why_outside"].items()
    assert why[0] == published_models()[0].card.name
    assert why[1].startswith("not known: ")
    Path("card.json").write_text("{}")
    refused = labmesh("degradation", "predict", *options)
    assert refused.code == 2
    assert "it is no whole model card" in refused.err


def test_what_is_no_table_is_one_sentence(labmesh: Command) -> None:
    refused = labmesh("degradation", "predict", "absent.parquet")
    assert refused.code == 1
    assert "labmesh cycler read FILE -o TABLE.parquet" in refused.err
    assert "Traceback" not in refused.err


def test_a_card_is_trained_again_and_compared(labmesh: Command) -> None:
    document = published_models()[0].document()
    Path("card.json").write_text(document)
    told = labmesh("degradation", "reproduce", "card.json", "--json").json
    assert told["same"] is True
    assert told["card"] == told["again"] == published_models()[0].card.name
    Path("card.json").write_text(document.replace('"tau": 10.0', '"tau": 0.1'))
    done = labmesh("degradation", "reproduce", "card.json")
    assert done.code == 1
    assert "trained again predicts otherwise" in done.err
