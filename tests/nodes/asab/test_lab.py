"""The ASAB as a process of its own, with a real MQTT broker and a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from labmesh import RefusedError, RequestFailedError
from labmesh.client import LabClient, Visitor, requester, visit
from labmesh.place import Place
from messages.chemistry import DMC, LIPF6, Formulation
from messages.errors import CallError
from messages.formulation_algebra import formulation_from
from messages.ids import NodeId
from tests.nodes.asab.conftest import QUICK
from tests.support import MqttBroker, Processes
from tests.support.processes import Running

ASAB = NodeId("kit", "asab")
CONDUCTIVITY = ("conductivity", "two_electrode")


@dataclass
class Lab:
    """A broker node, and somebody who asks."""

    place: Place
    folder: Path
    processes: Processes
    visitor: Visitor
    client: LabClient

    async def asab(self, *, wait: str = "", **parameters: Any) -> Running:
        """Start a quick ASAB; return when it has said a line, or the ledger has its offers."""
        node = await self.run("asab", **(QUICK | parameters))
        if wait:
            await node.wait_line(wait)
            return node
        await until(self.has_offers)
        return node

    async def run(self, program: str, *options: str, **parameters: Any) -> Running:
        return await run(self.processes, program, self.place, self.folder, *options, **parameters)

    async def has_offers(self) -> bool:
        return len((await self.client.query("query.offers"))["offers"]) == 5

    async def levels(self) -> dict[str, float]:
        answer = await self.visitor.caller.call(ASAB, "stock.levels", {}, timeout=5)
        return {stock["name"]: stock["volume"] for stock in answer["stocks"]}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return when the condition holds; a node that is not yet there or active says no."""
    async with asyncio.timeout(20):
        while True:
            with suppress(CallError):
                if await condition():
                    return
            await asyncio.sleep(0.05)


async def run(
    processes: Processes, program: str, place: Place, folder: Path, *options: str, **parameters: Any
) -> Running:
    return await processes.labmesh(
        "run", program, f"--site={place.site}", f"--mqtt={place.mqtt}", f"--data-dir={folder}",
        *options, *(f"--param={name}={value}" for name, value in parameters.items()), name=program,
    )  # fmt: skip


@pytest.fixture
async def lab(mqtt_broker: MqttBroker, tmp_path: Path, processes: Processes) -> AsyncIterator[Lab]:
    place, folder = Place(mqtt=mqtt_broker.url, site="kit"), tmp_path / "data"
    broker = await run(processes, "broker", place, folder)
    await broker.wait_line("ledger open")
    async with visit(place, "tester") as visitor, requester(visitor) as client:
        yield Lab(place, folder, processes, visitor, client)


def parameters(formulation: Formulation, **rest: float) -> dict[str, Any]:
    return {"formulation": formulation.model_dump(mode="json"), **rest}


GOOD = parameters(formulation_from(1.0, 0.3))


async def test_all_that_it_serves_goes_through_the_ledger(lab: Lab) -> None:
    await lab.asab(seed=3)
    conductivity = await lab.client.request(*CONDUCTIVITY, GOOD, campaign="c")
    assert conductivity.data["conductivity"]["value"] == pytest.approx(0.878, rel=0.05)
    assert conductivity.provenance.simulated
    assert conductivity.provenance.parameters["seed"] == 3
    assert sum(conductivity.provenance.notes["stock_volumes"].values()) == pytest.approx(
        3e-6, abs=4e-9
    )
    assert conductivity.rating is not None
    assert conductivity.rating.rating == 5
    density = await lab.client.request("density", "vibrating_tube_densimetry", GOOD)
    assert density.data["viscosity"]["unit"] == "Pa.s"
    asked = parameters(formulation_from(1.2, 0.4), volume=5e-6)
    vial = await lab.client.request("electrolyte", "flow", asked)
    sample = await lab.client.query("query.sample", {"id": vial.data["sample"]})
    assert sample["states"][-1]["label"] == "formulated"
    for parent in sample["sample"]["parents"]:
        stock = await lab.client.query("query.sample", {"id": parent})
        assert stock["sample"]["kind"] == "stock_solution"
        assert vial.data["sample"] in stock["sample"]["children"]
    assert len(sample["sample"]["parents"]) >= 2
    viscosity = await lab.client.request("viscosity", "rolling_ball", GOOD)
    assert viscosity.data["viscosity"]["value"] == pytest.approx(2.6e-3, rel=0.25)
    everything = await lab.client.request("electrolyte_properties", "flow", GOOD)
    assert len(everything.samples) == 1
    assert everything.data["conductivity"]["value"] == pytest.approx(0.878, rel=0.05)
    assert everything.data["density"]["value"] == pytest.approx(1186, rel=0.02)


async def test_what_cannot_be_is_refused_at_the_door_or_fails_with_a_reason(lab: Lab) -> None:
    await lab.asab()
    with pytest.raises(RefusedError):
        await lab.client.submit(*CONDUCTIVITY, parameters(Formulation.of({LIPF6: 0.1, DMC: 0.9})))
    with pytest.raises(RefusedError, match="400"):
        await lab.client.submit(*CONDUCTIVITY, GOOD | {"temperature": 400.0})
    with pytest.raises(RequestFailedError, match="nearest feasible one is LiPF6"):
        await lab.client.request(*CONDUCTIVITY, parameters(formulation_from(2.5, 0.8)))


async def test_orders_wait_for_the_one_line(lab: Lab) -> None:
    await lab.asab(formulate_duration=0.2)
    asked = [
        lab.client.request(*CONDUCTIVITY, GOOD, campaign="c"),
        lab.client.request(*CONDUCTIVITY, GOOD, campaign="c"),
        lab.client.request("density", "vibrating_tube_densimetry", GOOD),
    ]
    results = await asyncio.gather(*asked)
    spans = sorted((r.provenance.begun or 0, r.provenance.ended or 0) for r in results)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    values = {r.data["conductivity"]["value"] for r in results[:2]}
    assert len(values) == 2


async def test_simulated_minutes_pass_in_simulated_time(lab: Lab) -> None:
    await lab.run("clock", rate=300)
    await lab.run("asab", "--clock=kit/clock")
    await until(lab.has_offers)
    result = await lab.client.request(*CONDUCTIVITY, GOOD)
    assert result.provenance.begun is not None
    assert result.provenance.ended is not None
    assert result.provenance.ended - result.provenance.begun >= (240 + 3 * 90 + 180) * 10**9


async def test_a_crash_in_mid_action_is_never_repeated_by_itself(lab: Lab) -> None:
    asab = await lab.asab(formulate_duration=600.0)
    handle = await lab.client.submit(*CONDUCTIVITY, GOOD, campaign="c")

    async def begun() -> bool:
        return (await lab.levels())["emc"] < 1e-3

    await until(begun)
    taken = await lab.levels()
    asab.kill()
    await asab.wait()
    await lab.asab(wait="in mid-action: conductivity/two_electrode")
    assert await lab.levels() == taken

    async def held() -> bool:
        view = await lab.client.query("query.request", {"id": str(handle.id)})
        return bool(view["request"]["status"] == "held")

    await until(held)
    await lab.visitor.caller.call(ASAB, "life.change", {"transition": "activate"}, timeout=5)
    other = await lab.client.request(*CONDUCTIVITY, parameters(formulation_from(1.1, 0.4)))
    assert other.data["conductivity"]["value"] > 0
    after = await lab.levels()
    assert after["emc"] < taken["emc"]
    # only a person's word makes it mix that electrolyte again
    await lab.client.decide(handle.id, "release", person="somebody")
    result = await handle.result()
    assert result.provenance.notes["occurrence"] == 0
    assert (await lab.levels())["emc"] == pytest.approx(after["emc"] + taken["emc"] - 1e-3)
