"""Real cyclers from a node's parameters: private logins, dry runs without a byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labmesh.clock import ManualClock
from labmesh.sim import run_simulator
from messages.errors import ConfigurationError, LabmeshError
from nodes.cycler._backends import open_backend
from nodes.cycler._driver import ChannelState, Job
from nodes.cycler._parameters import CyclerParameters
from nodes.cycler.wires import (
    ArbinCycler,
    ArbinSimulator,
    NewareCycler,
    NewareSimulator,
    fingerprint,
)
from nodes.cycler.wires._arbin_sim import ArbinOptions
from tests.nodes.cycler.wires.test_arbin import PROTOCOL, WORD, job


def parameters(backend: str, **more: Any) -> CyclerParameters:
    return CyclerParameters.model_validate({"backend": backend, "channels": 4, **more})


def backend(p: CyclerParameters, folder: Path) -> Any:
    return open_backend(p, ManualClock(), folder, lambda wire: wire)


async def test_each_backend_is_opened_by_its_address(tmp_path: Path) -> None:
    login = tmp_path / "login.json"
    login.write_text(json.dumps({"username": "lab", "password": WORD}))
    login.chmod(0o600)
    folders = {"step_folder": str(tmp_path), "step_folder_there": "C:\\s", "results_there": "C:\\r"}
    options = ArbinOptions(channels=4, username="lab", password=WORD)
    async with run_simulator(ArbinSimulator(options)) as server:
        cycler = backend(parameters("arbin", address=server.address()), tmp_path)
        assert isinstance(cycler, ArbinCycler)
        await cycler.open()
        assert cycler.name == "Arbin SIM001 (CTI)"
        await cycler.close()
    async with run_simulator(NewareSimulator()) as server:
        cycler = backend(parameters("neware", address=server.address(), **folders), tmp_path)
        assert isinstance(cycler, NewareCycler)
        await cycler.open()
        assert len(await cycler.channels()) == 16
        await cycler.close()


def test_a_login_is_asked_for_and_must_be_private(tmp_path: Path) -> None:
    p = parameters("arbin", address="tcp://mits:9031")
    with pytest.raises(
        ConfigurationError, match="no login for the cycler: No such file.*chmod 600"
    ):
        backend(p, tmp_path)
    login = tmp_path / "login.json"
    login.write_text("{}")
    login.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read this password; chmod 600"):
        backend(p, tmp_path)
    login.chmod(0o600)
    with pytest.raises(ConfigurationError, match="does not say username and password"):
        backend(p, tmp_path)
    with pytest.raises(ConfigurationError, match="BTS gets its steps as files; name step_folder"):
        backend(parameters("neware", address="tcp://bts:502"), tmp_path)


async def test_a_dry_run_checks_as_the_real_one_and_sends_nothing(tmp_path: Path) -> None:
    schedules = {fingerprint(PROTOCOL): "formation.sdx"}
    cycler = backend(parameters("arbin", dry_run=True, schedules=schedules), tmp_path)
    assert cycler.simulated
    assert cycler.name.startswith("dry run of Arbin (CTI): virtual cycler")
    await cycler.open()
    await cycler.start(1, job())
    assert (await cycler.status(1)).state is ChannelState.RUNNING
    other = PROTOCOL.model_copy(update={"method": PROTOCOL.method * 2})
    with pytest.raises(LabmeshError, match="MITS has no schedule for protocol"):
        await cycler.start(2, Job("t", "c", other))
    await cycler.halt()
    await cycler.close()
