"""Batches through the node: what is done, recorded, refused, cancelled, stopped."""

from __future__ import annotations

import numpy as np
import pytest

from messages.assembly import AssemblyTrail
from messages.cell import CellAssemblyOutput
from messages.envelope import validate
from messages.errors import LabmeshError
from messages.model import JsonObject
from messages.safety import Condition, EmergencyStop
from nodes.autobass._layout import PARTS
from nodes.autobass.sim import RLineSimulator
from tests.nodes.autobass.conftest import VIAL, Bench, SimulatedDevices, Start, soon
from tests.nodes.autobass.fast_clock import FastClock

WASHES = 3


def output(result: JsonObject) -> CellAssemblyOutput:
    return validate(CellAssemblyOutput, result["data"], where="data")


def strokes(bench: Bench) -> int:
    """How often the needle has given, washes left out."""
    return len(bench.devices.dispenser.given) - WASHES


async def test_two_cells_dry_and_really_with_everything_on_record(start: Start) -> None:
    """A dry run says the same to people, sends no byte and makes no cell."""
    nowhere = dict.fromkeys(("robot", "rail", "dispenser", "relays", "glovebox"), "")
    async with start(dry_run=True, **nowhere) as bench:
        await bench.give(2)
        result = await bench.result()
        assert result["failure"] is None
        assert result["samples"] == []
        assert bench.trail(result)["dry_run"]
        planned = bench.words()
        keys = [step["key"] for step in bench.trail(result)["steps"]]
        assert not bench.devices.dispenser.given
        assert bench.node.supplies.level("tray/anode") == 64

    async with start() as bench:
        request = await bench.give(2)
        result = await bench.result()
        assert result["failure"] is None
        assert bench.words() == planned
        assert [step["key"] for step in bench.trail(result)["steps"]] == keys
        found = output(result)
        assert result["rating"]["success"]
        assert "2 of 2 cells finished; worst is cell" in result["rating"]["reason"]
        cells = [cell.cell_info.sample for cell in found.batch_output]
        assert cells == [f"cell-{request}-01", f"cell-{request}-02"]
        assert [(s["sample"], s["kind"], s["state"], s["label"]) for s in result["samples"]] == [
            (cell, "coin_cell", 0, "assembled") for cell in cells
        ]
        assert all(s["parents"] == [VIAL] for s in result["samples"])
        assert result["provenance"]["simulated"]
        assert found.lots == {"anode": "A-7", "cathode": "C-3"}

        measured = found.measured
        assert measured is not None
        given = bench.devices.dispenser.given[WASHES:]
        assert len(given) == 4
        per_step = 100e-9 / 48_000
        by_device = np.array([sum(given[:2]), sum(given[2:])]) * per_step
        assert measured.electrolyte_volume == pytest.approx(by_device, rel=1e-9)
        assert measured.placed.all()
        assert (measured.crimp_duration >= 77).all()
        assert (measured.wet_duration < measured.assembly_duration).all()
        # The second AutoBASS takes 188 s a cell, the first one 477 s.
        assert ((measured.assembly_duration > 188) & (measured.assembly_duration < 477)).all()
        assert measured.temperature == pytest.approx([298.15, 298.15])

        trail = AssemblyTrail.model_validate(bench.trail(result))
        assert trail.electrolyte == VIAL
        assert set(trail.calibrations) == {"ml600/volume", "layout/positions"}
        assert trail.calibrations["ml600/volume"]["method"].startswith("none: the devices are")
        of_first = [step for step in trail.steps if step.cell == 1]
        for part in PARTS:
            pick, place = (s for s in of_first if s.part == part and s.kind in ("pick", "place"))
            assert (pick.kind, pick.position) == ("pick", f"tray {part}, pit 1")
            assert place.kind == "place"
            assert place.offset is not None
            assert place.offset.source.startswith("simulated: normal, sigma 0.1 mm")
        anode = next(s for s in of_first if s.part == "anode")
        assert anode.lot == "A-7"
        assert anode.oxygen == pytest.approx(3e-7)
        assert bench.devices.relays.switched[1] == 2
        spelled = found.spelled_out[0]
        assert spelled.cell is not None
        assert spelled.cell.electrolyte_volume == 35e-9
        assert spelled.cell_info.electrolyte_info is not None


async def test_what_is_missing_is_refused_before_anything_moves(start: Start) -> None:
    async with start(assume_vials=False) as bench:
        await bench.give(1)
        failure = (await bench.result())["failure"]
        assert failure["message"] == f"no vial of the rack holds {VIAL}"
        assert f"sample: {VIAL}" in failure["remedy"]
        await bench.call("supplies.refill", name="vial/1", amount=1e-6, sample=VIAL, by="Ada")
        await bench.call("supplies.refill", name="tray/spring", amount=1, by="Ada")
        await bench.give(2)
        result = await bench.result(2)
        assert "tray/spring: 2 1 wanted, left 1" in result["failure"]["message"]
        assert not bench.devices.dispenser.taken


async def test_an_unfit_glovebox_refuses_and_pauses_and_a_cancel_finishes_its_cell(
    start: Start,
) -> None:
    async with start() as bench:
        glovebox, words = bench.devices.glovebox, "antechamber inner is open"
        glovebox.faults.order("door_open")
        await bench.give(1)
        result = await bench.result()
        assert words in result["failure"]["message"]
        assert not bench.devices.dispenser.taken

        glovebox.faults.clear()
        request = await bench.give(3)
        await soon(lambda: strokes(bench) == 1)
        glovebox.faults.order("door_open")
        await soon(lambda: bench.words().count(f"paused: {words}") > 3)
        assert strokes(bench) == 1
        assert words in bench.diagnostic("glovebox").message
        glovebox.faults.clear()
        await soon(lambda: strokes(bench) == 2)
        await bench.cancel(request)
        result = await bench.result(2)
        assert result["outcome"] == "resolved"
        assert result["parameters"]["batch_size"] == 1
        assert [s["label"] for s in result["samples"]] == ["assembled"]
        assert not result["rating"]["success"]
        assert result["rating"]["reason"].startswith("1 of 3 cells finished")
        assert bench.node.supplies.level("post") == 0


async def test_a_cell_that_fails_is_scrapped_and_a_person_is_asked(start: Start) -> None:
    async with start() as bench:
        await bench.give(2)
        await soon(lambda: len(bench.devices.dispenser.taken) == WASHES + 2)
        bench.devices.dispenser.faults.order("blocked")
        result = await bench.result()
        assert "syringe reports an error" in result["failure"]["message"]
        assert [s["label"] for s in result["samples"]] == ["scrapped"]
        assert bench.node.condition is Condition.FAULT
        (one,) = bench.trail(result)["cells"]
        assert one["reason"].startswith("scrapped: ")
        last = bench.trail(result)["steps"][-1]
        assert (last["key"], last["outcome"]) == ("cell01/dispense2", "in_doubt")
        assert bench.node.journal.in_doubt() == []
        status = await bench.call("assembly.status")
        assert status["finished"]
        assert status["on_post"] == "what is left of a cell that was given up"
        assert status["cells"][0]["dispensed"] == pytest.approx(17.5e-9, rel=1e-3)
        assert bench.node.supplies.level("post") == 1
        await bench.call("instrument.reset", acknowledged_by="Ada")
        bench.devices.dispenser.faults.clear()
        await bench.give(1)
        assert "post: 1 1 wanted" in (await bench.result(2))["failure"]["message"]
        await bench.call("assembly.clear", by="Ada")
        assert bench.node.supplies.level("post") == 0


async def test_the_emergency_stop_halts_every_device_and_a_person_resets_it(start: Start) -> None:
    async with start() as bench:
        await bench.give(1)
        await soon(lambda: strokes(bench) == 1)
        stop = EmergencyStop(reason="smoke", by="Ada")
        await bench.ada.send(bench.ada.topics.stop(), stop, retain=True)
        result = await bench.result()
        assert "smoke" in result["failure"]["message"]
        assert [s["label"] for s in result["samples"]] == ["scrapped"]
        assert bench.node.condition is Condition.STOPPED
        assert strokes(bench) == 1

        # What lay on the post is cleared away, and the robot homes itself before the next batch.
        await bench.call("instrument.reset", acknowledged_by="Ada")
        await bench.call("assembly.clear", by="Ada")
        await bench.give(1)
        result = await bench.result(2)
        assert result["failure"] is None
        assert [s["label"] for s in result["samples"]] == ["assembled"]
        assert strokes(bench) == 3


async def test_the_other_dispenser(start: Start) -> None:
    devices = SimulatedDevices(FastClock())
    rline = RLineSimulator(clock=devices.robot.clock)
    vars(devices)["dispenser"] = rline
    async with start(devices=devices, dispenser_kind="rline") as bench:
        await bench.give(1)
        result = await bench.result()
        assert result["failure"] is None
        assert rline.given[WASHES:] == [35, 35]  # steps of 0.5 uL
        assert set(bench.trail(result)["calibrations"]) == {"rline/volume", "layout/positions"}


async def test_a_missing_address_names_its_simulator(start: Start) -> None:
    with pytest.raises(LabmeshError, match="the rail has no address") as caught:
        async with start(rail=""):
            pass
    assert "labmesh sim linax" in caught.value.remedy
