"""``labmesh launch``: the flags, the exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labmesh.cli.launch import command
from labmesh.launch import launch_schema
from messages.errors import ConfigurationError

MISTAKES = Path(__file__).with_name("mistakes")


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LABMESH_DATA_DIR", raising=False)
    file = tmp_path / "sound.yaml"
    file.write_text(
        "labmesh_launch: 1\n"
        "launch:\n"
        "  - arg: {name: rate, default: 3.0, description: how fast}\n"
        "  - mqtt_broker: embedded\n"
        "  - node: {run: clock, param: {rate: $(var rate)}}\n"
    )
    return file


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


def test_check(sound: Path) -> None:
    result = run(sound, "--check")
    assert (result.exit_code, result.output) == (0, f"{sound}: sound, 1 node\n")
    assert not (sound.parent / ".labmesh").exists()


def test_check_finds_what_an_argument_breaks(sound: Path) -> None:
    result = run(sound, "--check", "rate:=-2")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "sound.yaml:5:32: parameter 'rate' of 'clock': "
        "Input should be greater than or equal to 0, not -2.0"
    )


def test_mistakes_as_json() -> None:
    result = run(MISTAKES / "unknown_key.yaml", "--check", "--json")
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert Path(problem["file"]).name == "unknown_key.yaml"
    assert (problem["line"], problem["column"]) == (7, 7)
    assert problem["what"] == "node has no key 'paramx'"
    assert problem["remedy"] == "did you mean 'param'?"


def test_print(sound: Path) -> None:
    result = run(sound, "--print", "rate:=4")
    assert result.exit_code == 0
    assert "node lab/clock: clock\n  rate = 4.0\n" in result.output


def test_print_as_json(sound: Path) -> None:
    plan = json.loads(run(sound, "--print", "--json").output)
    assert plan["steps"][0]["parameters"] == {"rate": 3.0}


@pytest.mark.parametrize("flag", ["--args", "-s", "--show-args"])
def test_args(sound: Path, flag: str) -> None:
    assert run(sound, flag).output == "rate (float; rate:=3.0)\n    how fast\n"


def test_args_of_a_file_that_requires_some(tmp_path: Path) -> None:
    file = tmp_path / "needs.yaml"
    file.write_text("labmesh_launch: 1\nlaunch: [arg: {name: who}, log: $(var who)]\n")
    assert run(file, "--args").output == "who (text; required)\n"


def test_schema() -> None:
    assert json.loads(run("--schema").output) == launch_schema()


def test_no_file(tmp_path: Path) -> None:
    result = run("--data-dir", tmp_path)
    assert result.exit_code == 2
    assert "name a launch file" in result.stderr


def test_a_word_that_is_no_argument(sound: Path) -> None:
    result = run(sound, "rate=3")
    assert result.exit_code == 2
    assert result.stderr == "command line: 'rate=3' is not an argument; write it as name:=value\n"


@pytest.mark.parametrize("verb", ["status", "restart x", "reload", "stop"])
def test_verbs_speak_with_a_launch(tmp_path: Path, verb: str) -> None:
    result = run(*verb.split(), "--data-dir", tmp_path)
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception).startswith(f"{tmp_path}: no launch runs with this data folder")


def test_a_file_that_is_called_like_a_verb(sound: Path) -> None:
    sound.rename(sound.with_name("stop"))
    assert run("./stop", "--check").output == "stop: sound, 1 node\n".replace(
        "stop:", f"{sound.with_name('stop')}:"
    )
    assert "Of a running launch" in run("--help").output
    assert "asked again, it hurries" in run("stop", "--help").output
