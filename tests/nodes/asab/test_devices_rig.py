"""The rig of devices in this process: real drivers, simulators on real ports, a real journal."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from labmesh import LabmeshError, OrderError, OrderVoidError
from labmesh.instrument import CalibrationExpiredError
from labmesh.sim import run_simulator
from messages.electrolyte import (
    ConductivityInput,
    DensityInput,
    ElectrolyteInput,
    ElectrolytePropertiesInput,
    ViscosityInput,
)
from messages.formulation_algebra import formulation_from
from nodes.asab import AsabNode, PlanInput
from nodes.asab._conductivity import conductivity
from nodes.asab._density import density
from nodes.asab._devices_rig import DevicesRig
from nodes.asab._services import CalibrateInput
from nodes.asab._viscosity import viscosity
from nodes.asab.fluidics import SimulatedBus
from nodes.asab.sim import (
    STANDARD,
    BalanceOptions,
    BalanceSimulator,
    DensimeterOptions,
    DensimeterSimulator,
    PotentiostatOptions,
    PotentiostatSimulator,
    look,
)
from tests.nodes.asab.conftest import Desk, Start

RATE = 10000.0
MIX = formulation_from(1.0, 0.3)


class FastClock:
    """Time of the experiment at `RATE` seconds a second."""

    simulated = True
    _begin = time.monotonic()

    def now(self) -> int:
        return 1_750_000_000 * 10**9 + round((time.monotonic() - self._begin) * RATE * 1e9)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / RATE)


class Rig:
    """A node with the rig of devices, and the simulators of its instruments."""

    def __init__(self, node: AsabNode, simulators: dict[str, Any], world: Path) -> None:
        self.node = node
        self.simulators = simulators
        self.world = world
        assert isinstance(node._rig, DevicesRig)
        self.rig = node._rig

    @property
    def bus(self) -> SimulatedBus:
        bus = self.rig.devices.bus
        assert isinstance(bus, SimulatedBus)
        return bus

    @property
    def liquid(self) -> float:
        """m3 of liquid in everything that is no bottle of stock."""
        vessels = self.bus.world.vessels
        return vessels["waste"].volume + vessels["vial"].volume


@pytest.fixture
def rig(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("labmesh.node._runtime.WallClock", FastClock)

    @asynccontextmanager
    async def running(**changes: Any) -> AsyncIterator[Rig]:
        world, clock = tmp_path / "world", FastClock()
        made: dict[str, Any] = {
            "densimeter": DensimeterSimulator(DensimeterOptions(world=world), clock=clock),
            "potentiostat": PotentiostatSimulator(
                PotentiostatOptions(world=world, noise=5e-4), clock=clock
            ),
            "balance": BalanceSimulator(BalanceOptions(world=world), clock=clock),
        }
        async with AsyncExitStack() as stack:
            addresses = {}
            for name, simulator in made.items():
                ports = {"folder": tmp_path / "dma"} if name == "densimeter" else {}
                server = await stack.enter_async_context(run_simulator(simulator, ports))
                addresses[name] = server.address() + ("&stable=0" if ports else "")
            devices: dict[str, Any] = {
                "world": str(world), **addresses
            } | changes.pop("devices", {})  # fmt: skip
            parameters = {"rig": "devices", "devices": devices} | changes
            node = await stack.enter_async_context(start(**parameters))
            yield Rig(node, made, world)

    return running


async def test_all_of_one_sample_with_every_device(rig: Any, desk: Desk) -> None:
    async with rig() as lab:
        desk.attached.clear()
        order = desk.order(ElectrolytePropertiesInput(formulation=MIX))
        output = await lab.node.properties(order)
        # what went through the cells went to the waste, and the line is clean and dry
        assert lab.rig.dirty() == ""
        assert look(lab.world, "densimeter").air > 0.99
    assert output.density.value == pytest.approx(density(1.0, 0.3, 298.15), rel=2e-3)
    assert output.viscosity.value == pytest.approx(viscosity(1.0, 0.3, 298.15), rel=2e-2)
    assert output.conductivity.value == pytest.approx(conductivity(1.0, 0.3, 298.15), rel=2e-2)
    assert output.cell_constant.value == 105.3
    for quantity in (output.density, output.viscosity, output.conductivity):
        assert 0 < quantity.uncertainty / quantity.value < 0.02
        assert "simulated" in quantity.quality.reason
    assert len(output.conductivity_repeats) == len(output.density_repeats) == 3
    assert {name.split("_")[-1] for name in desk.attached} == {"Measurement.csv", "impedance.json"}
    fits = order.notes["readings"]["conductivity"]["fits"]
    assert len(fits) == 3
    assert order.notes["calibrations"]["conductivity_cell/cell_constant"]["who"] == "simulation"
    [step] = order.story()["samples"]
    assert step.label == "measured"
    assert all(parent.startswith("stock-") for parent in step.parents)
    assert len(step.parents) >= 2


async def test_a_vial_is_weighed_and_the_book_follows_the_liquid(rig: Any, desk: Desk) -> None:
    async with rig() as lab:
        supplies = lab.node.supplies
        asked = PlanInput(formulation=formulation_from(1.2, 0.4), volume=8e-6, target="vial")
        plan = (await lab.node.formulation_plan(asked)).handling
        assert plan is not None
        assert "one of 10 mL would do it in one" in plan.remarks[0]
        assert plan.mixture + plan.wasted > 8e-6
        assert lab.node.journal.recent() == []
        order = desk.order(ElectrolyteInput(formulation=formulation_from(1.2, 0.4), volume=8e-6))
        output = await lab.node.electrolyte(order)
        assert output.volume.value == pytest.approx(8e-6, rel=5e-3)
        assert "weighed" in order.story()["rating"].reason
        assert order.story()["rating"].rating >= 4
        # 8 mL is more than a syringe of 5 mL gives in one stroke of the largest share
        assert lab.bus.world.vessels["vial"].volume == pytest.approx(8e-6, rel=5e-3)
        assert supplies.level("vials") == 15
        for name, volume in plan.taken.items():
            assert supplies.level(f"stock/{name}") == pytest.approx(1e-3 - volume, abs=1e-11)
        for name in ("lipf6_ec_emc", "lipf6_emc", "ec_emc", "emc"):
            bottle = next(v.name for v in lab.bus.rig.vessels if v.fluid == name)
            there = lab.bus.world.vessels[bottle].volume
            assert supplies.level(f"stock/{name}") == pytest.approx(there, abs=2e-9)
        assert supplies.level("rinse") == pytest.approx(
            lab.bus.world.vessels["bottle5"].volume, abs=2e-9
        )
        assert supplies.level("waste") >= lab.bus.world.vessels["waste"].volume - 2e-9
        assert lab.bus.world.spilled == {}
        # a vial is not lost for want of a balance
        lab.simulators["balance"].faults.order("overload")
        order = desk.order(ElectrolyteInput(formulation=formulation_from(1.2, 0.4), volume=1e-6))
        output = await lab.node.electrolyte(order)
        assert output.volume.value == pytest.approx(1e-6, rel=1e-3)
        assert "not weighed: " in order.story()["rating"].reason


async def test_density_viscosity_and_conductivity_one_by_one(rig: Any, desk: Desk) -> None:
    async with rig() as lab:
        asked: dict[str, Any] = {"formulation": MIX, "temperature": 313.15}
        dense = await lab.node.density(desk.order(DensityInput(**asked)))
        assert dense.density.value == pytest.approx(density(1.0, 0.3, 313.15), rel=2e-3)
        order = desk.order(ViscosityInput(**asked))
        lab.simulators["densimeter"].faults.order("ball_stuck:times=1")
        viscous = await lab.node.viscosity(order)
        assert viscous.viscosity.value == pytest.approx(viscosity(1.0, 0.3, 313.15), rel=2e-2)
        assert order.story()["rating"].rating <= 3
        assert "67% of the readings are valid" in order.story()["rating"].reason
        ionic = await lab.node.conductivity(desk.order(ConductivityInput(formulation=MIX)))
        assert ionic.conductivity.value == pytest.approx(conductivity(1.0, 0.3, 298.15), rel=2e-2)
        with pytest.raises(OrderError, match="no method for 300 K"):
            await lab.node.density(desk.order(DensityInput(formulation=MIX, temperature=300.0)))
        lab.simulators["densimeter"].faults.order("bubble")
        with pytest.raises(OrderError, match="no density was measured: 0% of the readings"):
            await lab.node.density(desk.order(DensityInput(**asked)))
        assert lab.rig.dirty() == ""
        limits = lab.node.limitations("conductivity", "two_electrode")
        assert limits["properties"]["temperature"] == {"enum": [298.15]}


async def test_one_sample_does_not_taste_of_the_one_before(rig: Any, desk: Desk) -> None:
    async with rig() as lab:
        strong, none = formulation_from(1.4, 0.3), formulation_from(0.0, 0.3)
        await lab.node.density(desk.order(DensityInput(formulation=strong)))
        order = desk.order(DensityInput(formulation=none))
        pure = await lab.node.density(order)
        assert pure.density.value == pytest.approx(density(0.0, 0.3, 298.15), rel=2e-3)


async def test_what_would_run_out_is_refused_before_anything_moves(rig: Any, desk: Desk) -> None:
    async with rig(stock_volume=1.5e-6, devices={"waste_volume": 2e-6}) as lab:
        with pytest.raises(OrderError, match="stock/lipf6_ec_emc") as caught:
            await lab.node.density(desk.order(DensityInput(formulation=MIX)))
        assert "waste: " in caught.value.what
        assert lab.liquid == 0.0
        assert lab.node.journal.recent() == []


async def test_a_cell_is_calibrated_with_kcl(rig: Any, desk: Desk) -> None:
    async with rig(devices={"cell_constant": 0.0, "hardware": True}) as lab:
        with pytest.raises(CalibrationExpiredError, match="never calibrated"):
            await lab.node.conductivity(desk.order(ConductivityInput(formulation=MIX)))
        await lab.node.reset(by="tester")
        (lab.world / STANDARD).write_text(json.dumps({"conductivity_cell": 1.28246}))
        found = await lab.node.cell_calibrate(CalibrateInput(who="tester"))
        (lab.world / STANDARD).unlink()
        assert found.cell_constant == pytest.approx(105.3, rel=2e-3)
        order = desk.order(ConductivityInput(formulation=MIX))
        ionic = await lab.node.conductivity(order)
        assert ionic.cell_constant.value == found.cell_constant
        notes = order.notes["calibrations"]["conductivity_cell/cell_constant"]
        assert (notes["id"], notes["who"]) == (found.id, "tester")


async def test_a_retracted_order_stops_the_pumps_and_leaves_a_clean_line(
    rig: Any, desk: Desk
) -> None:
    async with rig() as lab:
        order = desk.order(DensityInput(formulation=MIX))
        task = asyncio.create_task(lab.node.density(order))
        async with asyncio.timeout(10):
            while not (desk.said and desk.said[-1].text.startswith("mixing")):
                await asyncio.sleep(0.002)
        order.void("not needed any more")
        with pytest.raises(OrderVoidError):
            await task
        assert lab.rig.dirty() == ""
        assert all(store.volume < 1e-12 for store in lab.bus.world.syringes.values())
        assert lab.node.journal.in_doubt() == []
        again = await lab.node.density(desk.order(DensityInput(formulation=MIX)))
        assert again.density.value == pytest.approx(density(1.0, 0.3, 298.15), rel=2e-3)


async def test_a_dry_run_promises_moves_nothing_and_says_the_same(rig: Any, desk: Desk) -> None:
    async with rig() as lab:
        await lab.node.properties(desk.order(ElectrolytePropertiesInput(formulation=MIX)))
        said = [progress.text for progress in desk.said]
        desk.said.clear()
    async with rig(dry_run=True) as lab:
        levels = {supply.name: supply.level for supply in lab.node.supplies.all()}
        order = desk.order(ElectrolytePropertiesInput(formulation=MIX))
        output = await lab.node.properties(order)
        assert {s.name: s.level for s in lab.node.supplies.all()} == levels
        assert order.story()["samples"] == ()
    assert output.density.value == pytest.approx(density(1.0, 0.3, 298.15), rel=2e-3)
    assert order.story()["rating"].rating == 0
    assert "dry run" in order.story()["rating"].reason
    # the first has primed the lines, which the second finds primed
    assert [text for text in desk.texts if "impedance" not in text] == [
        text for text in said if "impedance" not in text and "filling" not in text
    ]


async def test_an_emergency_stop_stops_the_pumps_and_the_mixture_is_in_doubt(
    rig: Any, desk: Desk
) -> None:
    async with rig(devices={"flow": 1e-9}) as lab:
        request = uuid4()
        order = desk.order(DensityInput(formulation=MIX), request=request)
        task = asyncio.create_task(lab.node.density(order))
        async with asyncio.timeout(10):
            while not (desk.said and desk.said[-1].text.startswith("mixing")):
                await asyncio.sleep(0.002)
        async with asyncio.timeout(10):
            while not any(pump.is_pumping() for pump in lab.bus._pumps.values()):
                await asyncio.sleep(0)
        await lab.node.halt()
        assert not any(pump.is_pumping() for pump in lab.bus._pumps.values())
        with pytest.raises(LabmeshError, match="emergency stop"):
            await task
        [step] = lab.node.journal.in_doubt()
        assert step.kind == "mix"
        assert step.intent["sample"].startswith("electrolyte-")
        assert str(request) in lab.rig.dirty()
