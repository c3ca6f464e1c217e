"""The rig of devices as a process of its own: killed in the middle, and what the ledger knows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from labmesh.client import LabClient
from messages.errors import CallError
from messages.formulation_algebra import formulation_from
from nodes.asab._stock_samples import sample_of
from nodes.asab._stocks import load_stocks
from tests.nodes.asab.test_lab import ASAB, Lab, lab, parameters, until  # noqa: F401

FLOW = ("electrolyte", "flow")
VIAL = parameters(formulation_from(1.2, 0.4), volume=5e-6)
DEVICES = {"rig": "devices", "devices.vials": 4}


async def call(lab: Lab, service: str, **arguments: Any) -> dict[str, Any]:  # noqa: F811
    return await lab.visitor.caller.call(ASAB, service, arguments, timeout=5)


async def vials(lab: Lab) -> float:  # noqa: F811
    found = await call(lab, "supplies.list")
    [level] = [s["level"] for s in found["supplies"] if s["name"] == "vials"]
    return float(level)


async def test_a_mixture_that_was_killed_is_in_doubt_and_the_next_one_begins_with_cleaning(
    lab: Lab,  # noqa: F811
) -> None:
    await lab.run("clock", rate=2000)
    slow = await lab.run("asab", "--clock=kit/clock", **DEVICES, **{"devices.flow": 2e-9})
    await until(lambda: offered(lab.client))
    first = await lab.client.submit(*FLOW, VIAL)

    world = lab.folder / "kit" / "asab" / "world" / "fluidics.json"

    async def mixing() -> bool:
        steps = (await call(lab, "instrument.journal"))["steps"]
        syringes = json.loads(world.read_text())["fluidics"]["syringes"]
        full = any(volume > 1e-7 for volume, _ in syringes.values())
        return steps[:1] != [] and steps[0]["kind"] == "mix" and full

    await until(mixing)
    assert await vials(lab) == 3
    slow.kill()
    await slow.wait()
    again = await lab.run("asab", "--clock=kit/clock", **DEVICES)
    await again.wait_line("in mid-action: electrolyte/flow")
    told = await call(lab, "instrument.journal")
    [step] = told["in_doubt"]
    assert step["intent"]["sample"] == f"electrolyte-{first.id}-1"
    assert step["intent"]["target"] == "vial"
    # nobody mixes anything until a person has looked
    with pytest.raises(CallError, match="nobody knows how these ended"):
        await call(lab, "life.change", transition="activate")
    await call(
        lab, "instrument.resolve", step=step["id"], outcome="done", by="tester", words="in the vial"
    )
    await call(lab, "life.change", transition="activate")
    held = await lab.client.submit(*FLOW, VIAL)
    result = await held.result()
    assert await vials(lab) == 2
    steps = (await call(lab, "instrument.journal"))["steps"]
    kinds = [s["kind"] for s in reversed(steps) if s["request"] == str(held.id)]
    assert kinds.index("empty") < kinds.index("rinse") < kinds.index("mix")
    assert [s["kind"] for s in steps if s["request"] == str(first.id)].count("mix") == 1
    # down to the bottles, as an operator sees it
    view = await lab.client.query("query.sample", {"id": result.data["sample"]})
    parents = view["sample"]["parents"]
    known = {sample_of(stock): stock for stock in load_stocks()}
    assert set(parents) <= set(known)
    assert len(parents) >= 2
    program = Path(sys.executable).with_name("labmesh")
    shown = await lab.processes.run(
        program, "sample", "show", parents[0], "--json", "--mqtt", lab.place.mqtt, "--site", "kit"
    )
    stock = json.loads(shown.stdout)
    assert stock["sample"]["kind"] == "stock_solution"
    assert result.data["sample"] in stock["sample"]["children"]
    [born] = stock["states"]
    assert born["label"] == "weighed"
    assert born["properties"]["fingerprint"] == known[parents[0]].fingerprint
    assert (born["quantity"], born["author"]) == ("stock_solution", "kit/asab")


async def offered(client: LabClient) -> bool:
    return len((await client.query("query.offers"))["offers"]) == 1
