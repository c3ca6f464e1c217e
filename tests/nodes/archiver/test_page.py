"""docs/archive.md shows command lines and parameters that there are."""

from __future__ import annotations

import re
from pathlib import Path

import click
import yaml

from labmesh.cli._root import root
from nodes.archiver import ArchiverParameters

PAGE = Path(__file__).parents[3] / "docs" / "archive.md"


def block(kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_page_shows_command_lines_that_there_are() -> None:
    for line in block("sh").splitlines():
        program, *words = line.split()
        assert program == "labmesh"
        command: click.Command = root
        context = click.Context(root)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, line
            command = found
        command.make_context("labmesh", words)


def test_the_page_shows_parameters_that_there_are() -> None:
    (entry,) = yaml.safe_load(block("yaml"))
    assert entry["node"]["run"] == "archiver"
    shown = ArchiverParameters.model_validate(entry["node"]["param"])
    assert shown.campaigns == ("eol",)
    named = set(re.findall(r"`([a-z_]+)`", PAGE.read_text()))
    assert {"publisher", "community", "ca_file", "timeout", "longest_wait"} <= named
    assert named & set(ArchiverParameters.model_fields) >= {"folder", "url", "token_file"}
