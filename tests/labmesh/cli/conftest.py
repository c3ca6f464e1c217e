"""The command line in this process, and a mesh for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labmesh.mosquitto import Program
from tests.labmesh.cli._house import House, running_house
from tests.labmesh.cli._lab import Command, Lab, running_lab


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No mesh from outside, and an empty directory."""
    for name in ("MQTT", "SITE", "REALM", "LEDGER", "CLOCK", "DATA_DIR", "DEBUG"):
        monkeypatch.delenv(f"LABMESH_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def labmesh(capsys: pytest.CaptureFixture[str]) -> Command:
    """``labmesh``, run in this process."""
    return Command(capsys)


@pytest.fixture(scope="module")
def running(mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One mesh for the tests of a module."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The module's mesh, found by the environment."""
    for name, value in running.env.items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture(scope="session")
def running_nodes(
    mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """One mesh of nodes in this process for everybody who only looks, or tidies up."""
    with running_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(running_nodes: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The house, found by the environment."""
    for name, value in running_nodes.env.items():
        monkeypatch.setenv(name, value)
    return running_nodes
