"""docs/fair.md and the commands that the check names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from labmesh.cli._root import root
from labmesh.fair import REQUIREMENTS

PAGE = (Path(__file__).parents[2] / "docs" / "fair.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def test_the_list_has_every_requirement() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == [each.number for each in REQUIREMENTS]
    assert all(all(cells) for cells in rows)


@pytest.mark.parametrize("line", [*LINES, *sorted({each.command for each in REQUIREMENTS})])
def test_every_command_is_one(line: str) -> None:
    for part in line.split("&&"):
        program, *words = shlex.split(part)
        assert program == "labmesh"
        command: click.Command = root
        context = click.Context(root)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, part
            command = found
        command.make_context("labmesh", words)


def test_the_example_is_python() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    compile(block, "docs/fair.md", "exec")
