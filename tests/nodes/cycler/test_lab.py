"""The cycler as a process of its own, with a real MQTT broker and a real ledger."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from labmesh import RefusedError, RequestFailedError
from labmesh.client import LabClient, Visitor, requester, visit
from labmesh.place import Place
from messages.cycling import CapacityOutput
from messages.errors import CallError
from messages.ids import NodeId
from messages.ledger import Failure, FromState, Result, SampleStep
from messages.protocol import CyclingProtocol
from messages.query import ResultView
from nodes.cycler._frozen import canonical, fingerprint
from tests.support import MqttBroker, Processes
from tests.support.processes import Running

CYCLER, HARVESTER = NodeId("kit", "cycler"), NodeId("kit", "harvester")
CAPACITY = ("capacity", "cycling")
CC = "constant_current"
SHORT = {
    "record": {"time_s": 10},
    "method": [
        {"step": "tag", "tag": "a"},
        {"step": CC, "rate_C": 2, "until_voltage_V": 4.0},
        {"step": CC, "rate_C": -2, "until_voltage_V": 3.2},
        {"step": "loop", "loop_to": "a", "cycle_count": 2},
    ],
}
"""Not good for a cell, but over within an hour or so."""
LONG = {"cycling_protocol": "cycling_c2", "number_cycles": 200, "formation_cycles": None}


@dataclass
class Lab:
    """A broker node on a fast clock, and somebody who asks."""

    place: Place
    folder: Path
    processes: Processes
    visitor: Visitor
    client: LabClient

    async def run(self, program: str, *options: str, **parameters: Any) -> Running:
        return await self.processes.labmesh(
            "run", program, f"--site={self.place.site}", f"--mqtt={self.place.mqtt}",
            f"--data-dir={self.folder}", *options,
            *(f"--param={name}={value}" for name, value in parameters.items()), name=program,
        )  # fmt: skip

    async def cycler(self) -> Running:
        return await self.run("cycler", "--clock=kit/clock", channels=4, rows_per_file=100)

    async def call(self, node: NodeId, service: str, **arguments: Any) -> dict[str, Any]:
        return await self.visitor.caller.call(node, service, arguments, timeout=5)

    async def offered(self, count: int) -> bool:
        return len((await self.client.query("query.offers"))["offers"]) >= count


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return when the condition holds; a node that is not yet there or active says no."""
    async with asyncio.timeout(30):
        while True:
            with suppress(CallError):
                if await condition():
                    return
            await asyncio.sleep(0.05)


@pytest.fixture
async def lab(mqtt_broker: MqttBroker, tmp_path: Path, processes: Processes) -> AsyncIterator[Lab]:
    place = Place(mqtt=mqtt_broker.url, site="kit")
    async with visit(place, "tester") as visitor:
        lab = Lab(place, tmp_path / "data", processes, visitor, None)  # type: ignore[arg-type]
        broker = await lab.run("broker")
        await lab.run("clock", rate=4000)
        await broker.wait_line("ledger open")
        async with requester(visitor) as client:
            lab.client = client
            yield lab


def asked(cell: str, **values: Any) -> dict[str, Any]:
    return {
        "cycling_protocol": "short", "number_cycles": 1, "formation_cycles": 1, "protocol": SHORT,
        "cell_info": {"sample": cell}, "location": {"address": "kit"},
    } | values  # fmt: skip


async def states(lab: Lab, cell: str) -> list[str]:
    view = await lab.client.query("query.sample", {"id": cell})
    return [state["label"] for state in view["states"]]


async def test_a_life_with_channels(lab: Lab, tmp_path: Path) -> None:
    """Reservation, several cells at once, kill -9 in the middle, the harvester, a refusal."""
    cycler = await lab.cycler()
    await until(lambda: lab.offered(2))
    with pytest.raises(RefusedError, match="number_required_channels"):
        await lab.client.submit("cycling_channel", "service", {"number_required_channels": 5})
    kept = await lab.client.request("cycling_channel", "service", {"number_required_channels": 2})
    name = kept.data["reservation_id"]

    # Two cells at once on reserved channels; the process dies while they run.
    handles = [
        await lab.client.submit(*CAPACITY, asked(cell, reservation_id=name)) for cell in ("a", "b")
    ]

    async def both_run() -> bool:
        found = (await lab.call(CYCLER, "channel.list"))["channels"]
        return [each["state"] for each in found].count("running") == 2

    await until(both_run)
    cycler.kill()
    await cycler.wait()
    cycler = await lab.cycler()
    await cycler.wait_line("in mid-action: capacity/cycling")
    await lab.call(CYCLER, "life.change", transition="activate")
    for handle in handles:

        async def held(handle: Any = handle) -> bool:
            view = await lab.client.query("query.request", {"id": str(handle.id)})
            return bool(view["request"]["status"] == "held")

        await until(held)
        await lab.client.decide(handle.id, "release", person="somebody")
    results: list[ResultView] = [await handle.result(timeout=60) for handle in handles]
    for result in results:
        # the very tests that ran before, found again: one record a line, none missing
        assert result.provenance.notes["found_again"]
        assert result.provenance.simulated
        await whole(lab, result, tmp_path)
        assert CapacityOutput.model_validate(result.data).discharge_capacity.size == 2
        assert result.rating is not None
        assert result.rating.rating == 5
        assert result.parameters["protocol"]["sample"]["capacity_mAh"] == pytest.approx(7.7)
    assert {result.data["channel_list"][0] for result in results} == {1, 2}
    assert await states(lab, "a") == ["received", "formed", "discharged"]

    # A formed cell is no new one.
    formation = asked("a", cycling_protocol="formation", number_cycles=0, protocol=None)
    with pytest.raises(RequestFailedError, match=r"in state assembled.* state 2 \(discharged\)"):
        await lab.client.request(*CAPACITY, formation)

    # The channel's protection ends a test: a failure with what was measured.
    handle = await lab.client.submit(*CAPACITY, asked("c"))

    async def one_runs() -> bool:
        found = (await lab.call(CYCLER, "channel.list"))["channels"]
        return any(each["cell"] == "c" and each["state"] == "running" for each in found)

    await until(one_runs)
    found = (await lab.call(CYCLER, "channel.list"))["channels"]
    [channel] = [each["channel"] for each in found if each["cell"] == "c"]
    await lab.call(CYCLER, "cycler.fault", kind="channel_trip", channel=channel)
    with pytest.raises(RequestFailedError, match="ended early: tripped"):
        await handle.result(timeout=30)
    assert (await states(lab, "c"))[-1] == "interrupted"

    # The emergency stop: the channel rests, the request has failed, the channel is free again.
    handle = await lab.client.submit(*CAPACITY, asked("d", protocol=None, **LONG))

    async def long_runs() -> bool:
        found = (await lab.call(CYCLER, "channel.list"))["channels"]
        return any(each["cell"] == "d" and each["state"] == "running" for each in found)

    await until(long_runs)
    stopped = await lab.processes.labmesh(
        "estop", "--reason=smoke", f"--site={lab.place.site}", f"--mqtt={lab.place.mqtt}",
    )  # fmt: skip
    with pytest.raises(RequestFailedError, match="smoke"):
        await handle.result(timeout=30)
    assert await stopped.wait() == 0
    found = (await lab.call(CYCLER, "channel.list"))["channels"]
    assert not any(each["state"] == "running" or each["request"] for each in found)
    assert (await states(lab, "d"))[-1] == "interrupted"

    await harvested(lab, tmp_path / "raw", results)


async def test_a_stale_a_concurrent_and_a_changed_protocol_are_refused(lab: Lab) -> None:
    """Two cyclers of one lab agree on what runs on which cell, and what a name stands for."""
    await lab.cycler()
    await lab.processes.labmesh(
        "run", "cycler", "--name=second", "--site=kit", f"--mqtt={lab.place.mqtt}",
        f"--data-dir={lab.folder}", "--clock=kit/clock", "--param=channels=4", name="second",
    )  # fmt: skip
    await until(lambda: lab.offered(4))
    born = [
        SampleStep(sample=cell, kind="coin_cell", state=0, label=label)
        for cell, label in (("y", "assembled"), ("lost", "unknown"))
    ]
    made = Result(
        quantity="stock_solution", method="weighing", parameters={}, samples=tuple(born),
        outcome="failed", failure=Failure(message="made for a test"),
    )  # fmt: skip
    await lab.client.post_result(made)

    # Concurrent: a protocol runs on x; a second one goes to the other cycler, and is refused.
    handle = await lab.client.submit(*CAPACITY, asked("x", protocol=None, **LONG))

    async def x_runs() -> bool:
        view = await lab.client.query("query.request", {"id": str(handle.id)})
        return bool(view["request"]["status"] == "running")

    await until(x_runs)
    with pytest.raises(RequestFailedError) as caught:
        await lab.client.request(*CAPACITY, asked("x"), timeout=30)
    words = str(caught.value)
    assert f"'cycling_c2' runs on x now: request {handle.id} at kit/" in words
    assert "requests that name the state they begin from (from_state) wait for one another" in words

    # Stale: whoever counts on a state that is not the last one is refused, now or at his turn.
    start = FromState(sample="y", state=0)
    result = await lab.client.request(*CAPACITY, asked("y"), from_state=start, timeout=30)
    found = (await lab.client.query("query.sample", {"id": "y"}))["states"]
    assert [state["label"] for state in found] == ["assembled", "formed", "discharged"]
    mark = fingerprint(canonical(CyclingProtocol.model_validate(SHORT)))
    assert result.provenance.notes["protocol_hash"] == mark
    assert found[-1]["properties"]["protocol"] == "short"
    assert found[-1]["properties"]["protocol_hash"] == mark
    channel = result.data["channel_list"][0]
    assert found[-1]["location"].endswith(f" / channel {channel}")
    with pytest.raises(RefusedError, match=r"sample 'y' is in state 2, not 0; begin from its last"):
        await lab.client.submit(*CAPACITY, asked("y"), from_state=start)
    last = FromState(sample="y", state=2)
    two = [await lab.client.submit(*CAPACITY, asked("y"), from_state=last) for _ in range(2)]
    assert (await two[0].result(timeout=30)).outcome == "resolved"
    with pytest.raises(RequestFailedError, match="moved on to state 4; the request begins from 2"):
        await two[1].result(timeout=30)

    # Refused before anything began: the cell is what it was.
    here = FromState(sample="y", state=4)
    other = asked("y", protocol=None, cycling_protocol="none")
    with pytest.raises(RequestFailedError, match="there is no protocol 'none'"):
        await lab.client.request(*CAPACITY, other, from_state=here, timeout=30)
    assert len(await states(lab, "y")) == 5

    # Changed: the name "short" stands for what was run under it.
    changed = {**SHORT, "record": {"time_s": 11}}
    with pytest.raises(RequestFailedError) as caught:
        await lab.client.request(*CAPACITY, asked("z", protocol=changed), timeout=30)
    assert f"protocol 'short' is frozen: this lab has run it with fingerprint {mark[:12]}" in str(
        caught.value
    )
    assert "give the changed protocol a new name" in str(caught.value)
    frozen = await lab.client.query("query.results", {"quantity": "cycling_protocol"})
    assert {each["data"]["name"] for each in frozen["results"]} == {"cycling_c2", "short"}

    # Unknown: the cycler asks for a person, too, where no state is named.
    with pytest.raises(RequestFailedError, match="labmesh sample resolve lost --label LABEL"):
        await lab.client.request(*CAPACITY, asked("lost"), timeout=30)


async def whole(lab: Lab, result: ResultView, folder: Path) -> None:
    """Assert that the table has every record once, and comes from raw files named by sha256."""
    files = result.data["files"]
    assert len(files["raw"]) > 1
    assert {each["sha256"] for each in files["raw"]} <= {each.sha256 for each in result.artifacts}
    to = folder / f"{result.id}.parquet"
    table = pl.read_parquet(await lab.client.artifact(files["table"]["sha256"], to=to))
    assert table["record_index"].to_list() == list(range(1, table.height + 1))
    assert table["test_time_second"].is_sorted()


async def harvested(lab: Lab, folder: Path, results: list[ResultView]) -> None:
    """Assert that a watched folder comes into the ledger, each content once."""
    raw = lab.folder / "kit" / "cycler" / "virtual" / "raw"
    folder.mkdir()
    parts = [each["name"] for each in results[0].data["files"]["raw"]]
    for part in parts:
        shutil.copy(raw / part, folder)  # its content belongs to a cycling order already
    text = (raw / parts[0]).read_text(encoding="utf-8")
    (folder / "cell-9_foreign.csv").write_text(
        "\n".join(text.splitlines()[:80]) + "\n", encoding="utf-8"
    )
    (folder / "notes.csv").write_text("bread,butter\n1,2\n")
    await lab.run(
        "harvester", watch=f"[{folder}]", settle=0, interval=0.2, timezone="UTC",
        sample="^(cell-[0-9]+)_",
    )  # fmt: skip

    async def settled() -> bool:
        found = (await lab.call(HARVESTER, "harvest.files"))["files"]
        return len(found) > 3 and all(f["state"] in ("imported", "unreadable") for f in found)

    await until(settled)
    found = {Path(f["path"]).name: f for f in (await lab.call(HARVESTER, "harvest.files"))["files"]}
    assert {found[part]["result"] for part in parts} == {str(results[0].id)}
    assert found["notes.csv"]["state"] == "unreadable"
    assert found["notes.csv"]["words"]
    foreign = await lab.client.result(found["cell-9_foreign.csv"]["result"])
    assert foreign.request is None
    assert (foreign.quantity, foreign.method) == ("cycling_data", "import")
    assert foreign.parameters["sample"] == "cell-9"
    assert foreign.data["records"] == 79
    assert foreign.data["files"]["raw"][0]["sha256"] == foreign.parameters["sha256"]
