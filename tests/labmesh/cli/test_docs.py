"""docs/cli.md: every verb is there, and its examples run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from labmesh.cli._root import root
from labmesh.mosquitto import Program
from messages.formulation_algebra import formulation_from
from tests.labmesh.cli._lab import ROOT, Lab, running_lab

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(console|sh)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [
    line.removeprefix("$ ") for _, text in BLOCKS for line in text.splitlines() if line.strip()
]
CONSOLE = [
    line.removeprefix("$ ")
    for kind, text in BLOCKS
    for line in text.splitlines()
    if kind == "console"
]


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command that is no group."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from commands(below, (*path, name))


def invocations(line: str) -> Iterator[list[str]]:
    """Yield the arguments of every ``labmesh`` in a line of shell."""
    for piece in re.split(r"\$\(|\)|\|\||\|", line):
        words = shlex.split(piece.partition(" > ")[0])
        if words and words[0] == "labmesh":
            yield words[1:]


def test_every_verb_has_an_example() -> None:
    shown = {tuple(words[:length]) for line in EXAMPLES for words in invocations(line)
             for length in (1, 2, 3)}  # fmt: skip
    # The names of simulators stand below `sim` as arguments do.
    wanted = (path for path in commands(root) if path[0] != "sim" or path[1] == "list")
    missing = [" ".join(path) for path in wanted if path not in shown]
    assert not missing


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_a_command_line(line: str) -> None:
    for words in invocations(line):
        if "--version" in words:
            continue
        # A variable, or another command, stands for what only the running mesh knows.
        rest = [re.sub(r"\$\w+", "0", word) for word in words]
        command: click.Command = root
        context = click.Context(root)
        while isinstance(command, click.Group):
            if command.invoke_without_command and rest[0].startswith("-"):
                break
            found = command.get_command(context, rest.pop(0))
            assert found is not None, words
            command = found
        if "$(" not in line:
            command.make_context("labmesh", rest)


@pytest.fixture(scope="module")
def asab_lab(mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with the simulated ASAB on simulated time."""
    with running_lab(tmp_path_factory.mktemp("asab")) as lab:
        lab.start("asab", "asab", "--clock", "kit/clock")
        lab.await_nodes()
        yield lab


@pytest.mark.timeout(300)
def test_the_examples_run(asab_lab: Lab, tmp_path: Path) -> None:
    formulation = formulation_from(1.0, 0.3).model_dump(mode="json")
    (tmp_path / "formulation.yaml").write_text(yaml.safe_dump({"formulation": formulation}))
    (tmp_path / "all.sh").write_text("\n".join(CONSOLE))
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "all.sh"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, **asab_lab.env,
             "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}\n{asab_lab.log('asab')}"
    assert "Traceback" not in done.stderr
    assert "conductivity" in done.stdout
    assert "all sound" in done.stdout
