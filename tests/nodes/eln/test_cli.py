"""``labmesh eln``: what an operator sees without a mesh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from labmesh.cli._root import root
from tests.labmesh.cli._lab import ROOT, Command
from tests.nodes.eln.conftest import Told
from tests.support.openbis_server import TOKEN, OpenBisServer


@pytest.fixture
def labmesh(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


@pytest.fixture
def server() -> Iterator[OpenBisServer]:
    with OpenBisServer() as server:
        yield server


def test_the_page_shows_command_lines_that_there_are() -> None:
    page = (ROOT / "docs" / "eln.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [line.split() for block in blocks for line in block.splitlines()]
    ours = [words[1:] for words in lines if words[0] == "labmesh"]
    assert len(ours) >= 8
    for words in ours:
        command: click.Command = root
        context = click.Context(root)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, words
            command = found
        command.make_context("labmesh", words)


def test_a_campaign_is_exported(labmesh: Command, conductivity: Told, tmp_path: Path) -> None:
    words = ("eln", "export", "conductivity", "c.eln", "--ledger-file", conductivity.lab.ledger)
    count = len(conductivity.story.samples)
    assert f"c.eln: {count} samples, " in labmesh.text(*words)
    said = labmesh(*words, "--json").json
    assert (tmp_path / said["file"]).is_file()
    assert said["samples"] == count
    assert said["withheld"] == said["restricted"] == 0
    (tmp_path / "said.yaml").write_text("labmesh_crate: 1\ntitel: Salt\n")
    wrong = labmesh(*words, "--description", "said.yaml")
    assert wrong.code == 2
    assert "said.yaml:2" in wrong.err
    nothing = labmesh("eln", "export", "other", "c.eln", *words[4:])
    assert nothing.code == 2
    assert "campaign other has no results" in nothing.err


def test_a_dry_run_shows_the_tree_and_says_how_far_it_was_tried(
    labmesh: Command, server: OpenBisServer, eol: Told, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    words = (
        "eln", "deploy", "eol", "--url", server.url, "--ledger-file", eol.lab.ledger,
        "--dry-run",
    )  # fmt: skip
    assert "there is no token" in labmesh(*words).err
    (tmp_path / "token").chmod(0o600)
    shown = labmesh(*words, "--token-file", "token")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[0].startswith("/LABMESH/CAMPAIGNS/EOL-")
    assert "CYCLING_PROCESS" in shown.out
    assert "never against an openBIS server" in shown.err
    assert TOKEN not in shown.out + shown.err
    assert not server.samples
    said = labmesh(*words, "--token-file", "token", "--json").json
    assert said["dry_run"]
    assert {each["kind"] for each in said["objects"]} == {"CELL", "ELECTROLYTE"}
