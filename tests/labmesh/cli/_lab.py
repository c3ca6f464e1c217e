"""A small mesh of real processes, and the command line run against it in this process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labmesh.cli import main
from tests.support import MqttBroker

ROOT = Path(__file__).parents[3]
BENCH = "tests.labmesh.cli.fixture_node:BenchNode"
HAND = "tests.labmesh.cli.fixture_node:HandNode"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one invocation said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        """The JSON values on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Command:
    """Runs ``labmesh`` in this process, its streams captured."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Answer:
        """Run it; whatever its exit code."""
        self._capsys.readouterr()
        try:
            code = main([str(each) for each in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        captured = self._capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    def text(self, *arguments: str | Path) -> str:
        """Run it, assert that it succeeds, return stdout."""
        answer = self(*arguments)
        assert answer.code == 0, answer.err
        return answer.out


class Lab:
    """mosquitto, broker node, clock, bench, at site kit."""

    def __init__(self, folder: Path, broker: MqttBroker) -> None:
        self.folder = folder
        self.broker = broker
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def env(self) -> dict[str, str]:
        """Where the mesh is, as environment."""
        return {
            "LABMESH_MQTT": self.broker.url,
            "LABMESH_SITE": "kit",
            "LABMESH_DATA_DIR": str(self.folder / "data"),
        }

    def start(self, program: str, name: str, *more: str) -> None:
        """Start a node; its output goes to a file."""
        command = [sys.executable, "-m", "labmesh.node", program, "--name", name, *more]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.nodes[name] = subprocess.Popen(
                command, env={**os.environ, **self.env}, cwd=ROOT, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """``kill -9``."""
        process = self.nodes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all nodes: the broker node last."""
        order = sorted(self.nodes, key=lambda name: name == "broker")
        for name in order:
            process = self.nodes.pop(name)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{name} did not end:\n{self.log(name)}") from None

    def log(self, name: str) -> str:
        """What a node has said."""
        return (self.folder / f"{name}.log").read_text()

    def await_nodes(self) -> None:
        """Return when all nodes are active and the bench's offers stand."""
        eventually(self._ready, self._logs)

    def _ready(self) -> bool:
        for name, process in self.nodes.items():
            assert process.poll() is None, f"{name} ended:\n{self.log(name)}"
        states = [each["state"] for each in self._ask("node", "list", "--json")]
        if states != ["active"] * len(self.nodes):
            return False
        offers = self._ask("capability", "list", "--json")["offers"]
        return {"total", "mixture"} <= {each["offer"]["quantity"] for each in offers}

    def _ask(self, *arguments: str) -> Any:
        """Ask in a process of its own: fixtures have no captured streams."""
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from labmesh.cli import main; sys.exit(main())",
             *arguments],
            env={**os.environ, **self.env}, capture_output=True, check=False, text=True,
        )  # fmt: skip
        return json.loads(done.stdout) if done.returncode == 0 else []

    def _logs(self) -> str:
        return "\n".join(f"{name}:\n{self.log(name)}" for name in self.nodes)


def eventually(
    found: Callable[[], Any], why: Callable[[], str] = str, seconds: float = 30.0
) -> Any:
    """Return what ``found`` returns once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:g} s\n{why()}")


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Run a lab for as long as the block."""
    with MqttBroker(folder / "mosquitto") as broker:
        lab = Lab(folder, broker)
        try:
            lab.start("broker", "broker")
            lab.start("clock", "clock")
            lab.start(BENCH, "bench")
            lab.await_nodes()
            yield lab
        finally:
            lab.stop()
