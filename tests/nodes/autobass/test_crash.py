"""kill -9 in mid-assembly, through real processes: what was in hand is said, none is repeated."""

from __future__ import annotations

from typing import Any

import pytest

from labmesh.listing import retained
from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.model import JsonObject
from messages.node import Diagnostic, State
from tests.mesh.conftest import Lab, lab  # noqa: F401 - a fixture
from tests.nodes.autobass.conftest import VIAL, SimulatedDevices, Start, batch, flat_layout, soon
from tests.nodes.autobass.fast_clock import FastClock

PROGRAM = "tests.nodes.autobass.quick_node:QuickNode"
WASHES = 3


async def test_kill_in_mid_assembly(lab: Lab) -> None:  # noqa: F811
    devices = SimulatedDevices(FastClock())

    async def call(service: str, **arguments: Any) -> JsonObject:
        robot = NodeId("kit", "robot")
        return await lab.visitor.caller.call(robot, service, arguments, timeout=10)

    async with devices.on() as addresses:
        flags = [
            flag
            for name, value in {
                **addresses, "expired_calibration": "flag", "simulated": "true",
                "assume_vials": "true", "layout_file": str(flat_layout(lab.folder)),
            }.items()
            for flag in ("--param", f"{name}={value}")
        ]  # fmt: skip
        node = await lab.start(PROGRAM, "robot", *flags)
        await lab.until_offered("autobass_assembly")
        handle = await lab.client.submit("cell_assembly", "autobass_assembly", batch(1))
        # The first half of the electrolyte is in the cell, but no process has noted it.
        await soon(lambda: len(devices.dispenser.given) == WASHES + 1)
        node.kill()
        await node.wait()

        node = await lab.start(PROGRAM, "robot", *flags, wait=False)
        await lab.until_state("robot", State.INACTIVE, node)
        await lab.until_status(handle.id, "held")
        status = await call("assembly.status")
        (cell,) = status["cells"]
        assert not status["finished"]
        assert status["on_post"].startswith("cell 1: anode_case, anode_spacer, anode")
        assert any(f"labmesh request release {handle.id}" in c for c in status["choices"])
        (doubt,) = cell["in_doubt"]
        assert f"17.5 uL of {VIAL} into cell01" in doubt
        in_doubt = (await call("instrument.journal"))["in_doubt"]
        assert [step["key"] for step in in_doubt] == ["cell01/dispense1"]

        # A person has looked: the anode is wet.
        await call("instrument.resolve", step=in_doubt[0]["id"], outcome="done", by="Ada")
        await call("life.change", transition="activate")
        await lab.until_state("robot", State.ACTIVE, node)
        mesh = lab.visitor.mesh
        topic = mesh.topics.of(NodeId("kit", "robot"), "node", "diag", "in-hand")
        (diagnostic,) = [found for _, found in await retained(mesh, topic, Diagnostic)]
        assert "on the post: cell 1" in diagnostic.message
        assert "with 17.5 uL" in diagnostic.message

        await lab.client.decide(handle.id, "release", person="Ada")
        result = await handle.result(timeout=60)
        # Both halves were given once, and the crimper had one stroke.
        assert len(devices.dispenser.given) == WASHES + 2
        assert devices.relays.switched[1] == 1
        assert [step.label for step in result.samples] == ["assembled"]
        assert "1 by hand (-1)" in result.data["batch_output"][0]["rating"]["reason"]

        # Killed once more, and this time nobody goes on: the ledger learns what became of the cell.
        handle = await lab.client.submit("cell_assembly", "autobass_assembly", batch(1))
        await soon(lambda: len(devices.dispenser.given) == WASHES + 3)
        node.kill()
        await node.wait()
        node = await lab.start(PROGRAM, "robot", *flags, wait=False)
        await lab.until_state("robot", State.INACTIVE, node)
        await lab.until_status(handle.id, "held")
        with pytest.raises(LabmeshError, match=r"is held; labmesh request abandon"):
            await call("assembly.report", by="Ada")
        await lab.client.decide(handle.id, "abandon", person="Ada")
        told = await call("assembly.report", by="Ada")
        assert told["cells"] == [f"cell-{handle.id}-01"]
        sample = (await lab.client.query("query.sample", {"id": told["cells"][0]}))["sample"]
        assert sample["label"] == "scrapped"
        assert sample["parents"] == [VIAL]
        assert (await call("assembly.status"))["finished"]


async def test_a_cell_is_given_up_and_the_batch_goes_on(start: Start) -> None:
    """A node that was ended in mid-assembly, in order: the cell in hand is scrapped by a person."""
    async with start() as bench:
        devices = bench.devices
        request = await bench.give(2)
        await soon(lambda: len(devices.dispenser.given) == WASHES + 1)
    async with start(state=State.INACTIVE, devices=devices) as bench:
        status = await bench.call("assembly.status")
        assert "cell 1: anode_case, anode_spacer, anode" in status["on_post"]
        for wrong in ({"cell": 2}, {"cell": 1, "by": ""}):
            with pytest.raises(LabmeshError, match=r"not in hand|by"):
                await bench.call("assembly.scrap", **{"by": "Ada", **wrong})
        status = await bench.call("assembly.scrap", cell=1, by="Ada", reason="the anode slipped")
        assert [cell["label"] for cell in status["cells"]] == ["scrapped"]
        assert bench.node.journal.in_doubt() == []
        assert bench.node.supplies.level("post") == 0
        await bench.call("life.change", transition="activate")
        await bench.give(2, request=request, token=2)
        result = await bench.result()
        assert result["failure"] is None
        assert [s["label"] for s in result["samples"]] == ["scrapped", "assembled"]
        one, two = result["data"]["batch_output"]
        assert one["rating"]["reason"] == "scrapped: the anode slipped"
        assert two["rating"]["success"]
        assert len(devices.dispenser.given) == WASHES + 3
