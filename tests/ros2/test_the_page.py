"""docs/ros2.md promises nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import click

from labmesh.cli._root import root

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "ros2.md"


def section(title: str) -> list[list[str]]:
    """Return the cells of the rows of the table below a heading."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_row_names_its_test_and_every_test_has_a_row() -> None:
    link = re.compile(r"\.\./tests/ros2/(test_\w+\.py)")
    named = set(link.findall(PAGE.read_text(encoding="utf-8")))
    assert all(link.search(row[-1]) for row in section("The graph"))
    there = {file.name for file in (ROOT / "tests" / "ros2").glob("test_*.py")}
    assert named == there - {Path(__file__).name}
    assert len(section("The graph")) == 21, "the features of ROS 2 that we answer for"


def test_every_verb_of_ros2_that_the_page_calls_the_same_is_there() -> None:
    context = click.Context(root)
    checked = 0
    for theirs, ours in section("The command line"):
        words = re.findall(r"`([^`]*)`", theirs)
        if not words or not ours.startswith("the same"):
            continue
        group, _, rest = words[0].partition(" ")
        command = root.get_command(context, group)
        assert command is not None, group
        if rest.startswith("-"):
            continue
        assert isinstance(command, click.Group), group
        for verb in (word.strip() for word in rest.split(",")):
            assert command.get_command(click.Context(command), verb) is not None, (group, verb)
            checked += 1
    assert checked > 30
