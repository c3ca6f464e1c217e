"""The drivers against their simulators, on real ports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labmesh.clock import WallClock
from labmesh.sim import run_simulator
from labmesh.wire import WireError, WireRefusedError, byte_wire, folder_wire
from nodes.asab._conductivity import conductivity
from nodes.asab._density import density
from nodes.asab._measurement import molality_and_share
from nodes.asab._stocks import SYMBOLS
from nodes.asab.devices import Balance, Densimeter, Potentiostat, fit_circuit
from nodes.asab.sim import (
    FLUIDICS,
    STANDARD,
    BalanceOptions,
    BalanceSimulator,
    DensimeterOptions,
    DensimeterSimulator,
    PotentiostatOptions,
    PotentiostatSimulator,
)

FRACTIONS = (0.08, 0.4, 0.52)


class Quick:
    """A clock whose seconds pass at once."""

    simulated = True

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> int:
        return round(self.passed * 1e9)

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds


def fill(world: Path, *, air: float = 0.0, mass: float = 0.0) -> None:
    world.mkdir(exist_ok=True)
    content = {"air": air, "spread": 0.0, "mole_fractions": dict(zip(SYMBOLS, FRACTIONS))}  # noqa: B905
    plain: dict[str, Any] = {
        "cells": {"densimeter": content, "conductivity_cell": content},
        "masses": {"vial": mass},
    }
    (world / FLUIDICS).write_text(json.dumps(plain))


async def test_the_densimeter_measures_what_is_in_its_cell(tmp_path: Path) -> None:
    world, clock = tmp_path / "world", Quick()
    simulator = DensimeterSimulator(DensimeterOptions(world=world), clock=clock)
    async with run_simulator(simulator, {"folder": tmp_path / "dma"}) as server:
        driver = Densimeter(folder_wire(server.address() + "&stable=0"), clock=WallClock())
        await driver.connect()
        fill(world)
        table = await driver.measure("e-1", "DL-25")
        true = density(*molality_and_share(np.array(FRACTIONS)), 298.15)
        assert table.densities.mean() == pytest.approx(true, rel=1e-4)
        assert len(table.rows) == 3  # the Master row is none
        assert table.share(table.viscosities) == 1.0
        assert clock.passed == 360
        assert table.name.startswith("e-1_DL-25_")
        await driver.check("Water")
        simulator.faults.order("ball_stuck:times=1")
        part = await driver.measure("e-2", "DL-25")
        assert part.share(part.viscosities) == pytest.approx(2 / 3)
        assert part.share(part.densities) == 1.0
        fill(world, air=0.2)
        nothing = await driver.measure("e-3", "DL-25")
        assert nothing.share(nothing.densities) == 0.0
        impatient = Densimeter(folder_wire(server.address()), clock=Quick(), patience=-1.0)
        await impatient.connect()
        with pytest.raises(WireError, match=r"no file e-4_DL-99_\*\.csv"):
            await impatient.measure("e-4", "DL-99")
        assert simulator.refused == ["e-4.lims: no method DL-99"]
        assert simulator.checks == ["Water"]


async def test_the_potentiostat_takes_a_spectrum_of_what_is_in_its_cell(tmp_path: Path) -> None:
    world, clock = tmp_path / "world", Quick()
    options = PotentiostatOptions(world=world, noise=5e-4)
    simulator = PotentiostatSimulator(options, clock=clock)
    async with run_simulator(simulator) as server:
        driver = Potentiostat(byte_wire(server.address()), clock=clock)
        assert (await driver.connect()).startswith("espico")
        fill(world)
        true = conductivity(*molality_and_share(np.array(FRACTIONS)), 298.15)
        spectrum = await driver.spectrum()
        assert spectrum.frequency[[0, -1]] == pytest.approx([200e3, 100])
        assert (spectrum.impedance.imag[-1]) < 0
        fit = fit_circuit(spectrum)
        assert options.cell_constant / fit.resistance == pytest.approx(true, rel=3e-3)
        (world / STANDARD).write_text(json.dumps({"conductivity_cell": 1.28246}))
        fit = fit_circuit(await driver.spectrum())
        assert options.cell_constant / fit.resistance == pytest.approx(1.28246, rel=3e-3)
        simulator.faults.order("overload")
        with pytest.raises(WireError, match="overloads"):
            await driver.spectrum()
        simulator.faults.clear()
        simulator.faults.order("garbage:times=5")
        with pytest.raises(WireError):
            await driver.spectrum()
        simulator.faults.clear()
        simulator.faults.order("contact")
        loose = fit_circuit(await driver.spectrum())
        assert loose.consistency > 0.05
        simulator.faults.clear()
        beyond = Potentiostat(driver._wire, clock=clock, amplitude=0.5)
        with pytest.raises(WireRefusedError, match="error 4004"):
            await beyond.spectrum()
        await driver.close()


async def test_a_recorded_session_replays_without_the_potentiostat(tmp_path: Path) -> None:
    world, clock, session = tmp_path / "world", Quick(), tmp_path / "potentiostat.wire"
    fill(world)
    simulator = PotentiostatSimulator(PotentiostatOptions(world=world), clock=clock)
    found = []
    async with run_simulator(simulator) as server:
        for address, record in ((server.address(), session), (f"replay://{session}", None)):
            driver = Potentiostat(byte_wire(address, record=record), clock=clock)
            await driver.connect()
            found.append(fit_circuit(await driver.spectrum()))
            await driver.close()
    assert found[0] == found[1]


async def test_the_balance_weighs_the_vial(tmp_path: Path) -> None:
    world, clock = tmp_path / "world", Quick()
    simulator = BalanceSimulator(BalanceOptions(world=world), clock=clock)
    async with run_simulator(simulator) as server:
        driver = Balance(byte_wire(server.address()), clock=clock, patience=3.0)
        await driver.connect()
        fill(world)
        await driver.tare()
        assert await driver.weigh() == pytest.approx(0.0, abs=5e-7)
        fill(world, mass=0.0061234)
        assert await driver.weigh() == pytest.approx(0.0061234, abs=5e-7)
        simulator.faults.order("draught")
        with pytest.raises(WireError, match="does not come to rest"):
            await driver.weigh()
        simulator.faults.clear()
        simulator.faults.order("overload")
        with pytest.raises(WireError, match="no reading"):
            await driver.weigh()
        await driver.close()


async def test_a_dry_run_sends_nothing() -> None:
    clock = Quick()
    assert await Balance(None, clock=clock).weigh() is None
    assert (await Densimeter(None, clock=clock).measure("a", "b")).rows == ()
    assert len((await Potentiostat(None, clock=clock).spectrum()).frequency) == 0
    with pytest.raises(ValueError, match="no name for the densimeter"):
        await Densimeter(None, clock=clock).measure("a b", "c")
