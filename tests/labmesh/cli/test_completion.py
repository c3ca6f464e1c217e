"""Completion, as the shell asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from labmesh.cli._complete import VARIABLE
from labmesh.cli._root import root
from tests.labmesh.cli._lab import Command

ROOT = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).with_name("labmesh")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is little on a loaded machine; the words are the same."""
    monkeypatch.setattr("labmesh.cli._complete._PATIENCE", 20.0)


def completed(*words: str) -> list[str]:
    """Return what a shell would be offered for the last word."""
    asked = BashComplete(root, {}, "labmesh", VARIABLE)
    return [item.value for item in asked.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(shell: str, labmesh: Command) -> None:
    assert "_LABMESH_COMPLETE=" + shell in labmesh.text("completion", shell).replace(" ", "")
    assert labmesh("completion", "tcsh").code == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("node", "info", "th"), ["therm"]),
        (("param", "get", "kit/th"), ["kit/therm"]),
        (("param", "set", "therm", "per"), ["period="]),
        (("service", "call", "heater", "heater."), ["heater.wish"]),
        (("topic", "echo", "~kit/therm/data/"), ["~kit/therm/data/temperature"]),
        (("action", "info", "war"), ["warmth/by_fire"]),
        (("request", "send", "warmth", "b"), ["by_fire"]),
        (("interface", "show", "Miles"), ["Milestone@1"]),
    ],
)
@pytest.mark.usefixtures("house")
def test_names_come_from_the_mesh(words: tuple[str, ...], expected: list[str]) -> None:
    assert completed(*words) == expected


def test_what_needs_no_mesh_and_what_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed("top") == ["topic"]
    assert "hz" in completed("topic", "")
    assert "--filter" in completed("topic", "echo", "--fi")
    file = str(ROOT / "launch" / "lab.launch.yaml")
    assert completed("launch", file, "sim_r") == ["sim_rate:="]
    assert completed("node", "info", "x") == []
    monkeypatch.setenv("LABMESH_MQTT", "mqtt://127.0.0.1:1")
    monkeypatch.setenv("LABMESH_SITE", "kit")
    monkeypatch.setattr("labmesh.cli._complete._PATIENCE", 0.5)
    assert completed("node", "info", "") == []


def test_a_shell_asks_a_process() -> None:
    done = subprocess.run(
        [PROGRAM], capture_output=True, text=True, check=True,
        env={**os.environ, "_LABMESH_COMPLETE": "bash_complete", "COMP_WORDS": "labmesh gra",
             "COMP_CWORD": "1"},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("plain,graph\n", "")
