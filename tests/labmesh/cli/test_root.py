"""The command itself: lazy, clear about mistakes, quiet when interrupted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import click
import pytest

from labmesh.cli import main
from labmesh.cli._root import VERBS, root
from messages.errors import LabmeshError
from tests.labmesh.cli._lab import Command
from tests.support import MqttBroker, Processes

HEAVY = ("numpy", "pydantic", "paho", "rich", "yaml", "sqlalchemy", "labmesh.client", "asyncio")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"], []])
def test_nothing_heavy_is_imported_for_help(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom labmesh.cli import main\n"
        f"main({arguments!r})\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_shows_every_verb_with_its_line(labmesh: Command) -> None:
    text = labmesh.text("--help")
    for name, lazy in VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(lazy.help)}$", text, re.MULTILINE), name


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_can_be_imported_and_has_help(name: str, labmesh: Command) -> None:
    command = root.get_command(click.Context(root), name)
    assert isinstance(command, click.Command)
    answer = labmesh(name, "--help")
    assert answer.code == 0, answer.err
    assert answer.out.lower().startswith("usage: labmesh")


def test_every_command_says_what_it_does() -> None:
    def check(command: click.Command, path: str) -> None:
        assert command.help, path
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                check(below, f"{path} {name}")

    check(root, "labmesh")


def test_version(labmesh: Command) -> None:
    assert re.fullmatch(r"labmesh \d+\.\d+\.\d+\n", labmesh.text("--version"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nod", "list"], "no command 'nod'; did you mean node?"),
        (["node", "lst"], "did you mean list?"),
        (["node", "list", "--jsn"], "see `labmesh node list --help`"),
        (["node", "info"], "Missing argument 'NODE'"),
        (["clock", "rate", "fast"], "'fast' is not a valid float"),
        (["node", "list"], "no mesh is known"),
        (["node", "list", "--mqtt", "mqtt://127.0.0.1:1", "--site", "Kit"], "site 'Kit'"),
        (["run", "brokr", "--mqtt", "mqtt://127.0.0.1:1", "--site", "kit"], "no node is called"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(
    labmesh: Command, arguments: list[str], said: str
) -> None:
    answer = labmesh(*arguments)
    assert said in answer.err
    assert answer.err.startswith("labmesh: ")
    if "Kit" not in arguments:
        assert answer.err.count("\n") == 1
    assert answer.out == ""
    if "Kit" not in arguments:
        assert answer.code == 2


def test_an_absent_mqtt_broker_is_one_clear_sentence(labmesh: Command) -> None:
    answer = labmesh(
        "node", "list", "--mqtt", "mqtt://127.0.0.1:1", "--site", "kit", "--patience", "0.5"
    )
    assert answer.code == 1
    assert re.fullmatch(r"labmesh: no connection to the MQTT broker at 127.0.0.1:1.*\n", answer.err)


def test_debug_raises_what_is_otherwise_one_line(
    labmesh: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert labmesh("interface", "show", "Nothing").code == 2
    with pytest.raises(LabmeshError, match="no message type or capability 'Nothing'"):
        labmesh("--debug", "interface", "show", "Nothing")
    monkeypatch.setenv("LABMESH_DEBUG", "1")
    with pytest.raises(LabmeshError):
        labmesh("interface", "show", "Nothing")


def test_a_fault_of_ours_is_one_line_too(labmesh: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from labmesh.cli import interface

    def broken() -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(interface, "models", broken)
    answer = labmesh("interface", "list")
    assert answer.code == 1
    assert answer.err.startswith("labmesh: ZeroDivisionError: oh; ")
    assert "Traceback" not in answer.err


def test_run_lists_the_programs(labmesh: Command) -> None:
    assert labmesh("run", "--list", "--json").json["broker"] == "nodes.broker:BrokerNode"
    assert "nodes.clock:ClockNode" in labmesh.text("run", "--list")


def test_run_shows_the_help_of_running_a_node(labmesh: Command) -> None:
    assert "--params-file" in labmesh.text("run", "--help")


@pytest.mark.parametrize("verb", ["list", "list --json"])
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, verb: str) -> None:
    program = Path(sys.executable).with_name("labmesh")
    done = subprocess.run(
        ["bash", "-c", f"{program} interface {verb} | true"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.stderr == ""


async def test_ctrl_c_ends_quietly_with_130(processes: Processes, mqtt_broker: MqttBroker) -> None:
    url = mqtt_broker.url
    echo = await processes.labmesh("topic", "echo", "~#", "--mqtt", url, "--site", "kit", "--json")
    pub = await processes.labmesh(
        "topic", "pub", "event/hi", "Milestone@1", "{task: a, done: 1}",
        "--retain", "--mqtt", url, "--site", "kit",
    )  # fmt: skip
    assert await pub.wait() == 0
    await echo.wait_line('"task": "a"')
    echo.signal(signal.SIGINT)
    assert await echo.wait() == 130
    assert echo.stderr == []


def on_a_terminal(*arguments: str, columns: int) -> str:
    """Run ``labmesh`` on a pseudo-terminal and return what appeared there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    program = Path(sys.executable).with_name("labmesh")
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [program, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # Linux: EIO once the other end is closed
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert process.wait(30) == 0
    return shown.decode()


def test_colour_only_on_a_terminal(labmesh: Command) -> None:
    assert "\x1b[1m" in on_a_terminal("interface", "list", columns=100)
    assert "\x1b" not in labmesh.text("interface", "list")


def test_a_narrow_terminal_breaks_prose_only() -> None:
    shown = on_a_terminal("interface", "show", "Result", columns=60)
    assert "\nprovenance.source.retrieved  " in shown


def test_an_output_that_lacks_a_character_gets_the_rest(tmp_path: Path) -> None:
    script = "from labmesh.cli import main\nmain(['--version'])\nprint('\\u00b1')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=tmp_path,
    )
    assert done.stdout.splitlines()[-1] == b"?"


def test_a_bad_name_on_the_command_line_is_a_mistake_of_the_caller(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["node", "list", "--mqtt", "mqtt://127.0.0.1:1", "--site", "KIT"]) == 2
    assert "site 'KIT' is not a valid name" in capsys.readouterr().err
