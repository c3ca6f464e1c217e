"""Transports with real processes: MQTT broker, ledger, transport node, courier; and kill -9."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from labmesh import RequestFailedError
from labmesh.client import RequestHandle
from messages.errors import CallError, LabmeshError
from messages.ids import NodeId
from messages.ledger import Result, SampleStep
from messages.logistics import ChatAddress, JobState, TransportJob, TransportOutput
from messages.node import NodeEvent
from messages.query import ResultView
from nodes.transport._client import ChatClient
from nodes.transport._people import People, token_file
from tests.mesh.conftest import Lab, lab_of
from tests.nodes.transport.conftest import PIN
from tests.nodes.transport.jobs import HERE, THERE
from tests.support import MqttBroker, Processes, Running

TRANSPORT = ("transport", "transport_service")
NODE = NodeId("kit", "transport")


@pytest.fixture
async def lab(mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab_of(mqtt_broker, processes, tmp_path / "data") as made:
        People(made.folder / "kit" / "transport").add("ada", PIN)
        yield made


async def start(lab: Lab, **parameters: Any) -> Running:
    flags = [f"--param={name}={value}" for name, value in parameters.items()]
    node = await lab.start("transport", "transport", *flags, wait=False)
    await node.wait_line("active serves")  # what is retained may be of an earlier life
    return node


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(20):
        while True:
            with suppress(CallError):
                if found := await condition():
                    return found
            await asyncio.sleep(0.02)


@asynccontextmanager
async def ada(lab: Lab) -> AsyncIterator[ChatClient]:
    reply = await lab.visitor.caller.call(NODE, "transport.chat", {}, timeout=5)
    address = ChatAddress.model_validate(reply)
    async with ChatClient(address.host, address.port) as chat:
        await chat.hello("ada", PIN)
        yield chat


async def jobs(lab: Lab, state: JobState | None = None) -> list[TransportJob]:
    reply = await lab.visitor.caller.call(NODE, "transport.jobs", {"over": True}, timeout=2)
    found = [TransportJob.model_validate(each) for each in reply["jobs"]]
    return [job for job in found if state is None or job.state is state]


async def births(lab: Lab, *samples: str, label: str = "formulated", at: str = HERE.text) -> None:
    """Put samples into the ledger, as a result that nobody asked for makes them."""
    output = TransportOutput(
        success=True, samples=samples, actual_new_location=HERE, executant="a test"
    )
    steps = tuple(
        SampleStep(sample=each, kind="electrolyte", state=0, label=label, location=at)
        for each in samples
    )
    asked = {"samples": list(samples), "origin": THERE.model_dump(),
             "destination": HERE.model_dump()}  # fmt: skip
    result = Result(quantity=TRANSPORT[0], method=TRANSPORT[1], parameters=asked,
                    outcome="resolved", data=output.model_dump(), samples=steps)  # fmt: skip

    async def taken() -> bool:
        with suppress(LabmeshError):  # until the ledger has read the offer
            await lab.client.post_result(result)
            return True
        return False

    await until(taken)


async def ask(lab: Lab, *samples: str, **more: Any) -> RequestHandle:
    asked = {"samples": samples, "origin": HERE.model_dump(), "destination": THERE.model_dump()}
    return await lab.client.submit(*TRANSPORT, asked | more, attempts=20, wait=True)


async def last(lab: Lab, sample: str) -> dict[str, Any]:
    view = await lab.client.query("query.sample", {"id": sample})
    states: list[dict[str, Any]] = view["states"]
    assert [each["state"] for each in states] == list(range(len(states)))
    return states[-1]


async def results(lab: Lab) -> list[ResultView]:
    found = [each async for each in lab.client.results(quantity="transport")]
    return [each for each in found if each.author == str(NODE)]


async def test_a_killed_node_asks_nothing_twice(lab: Lab, tmp_path: Path) -> None:
    hook = tmp_path / "told"
    told = f"[{{kind: command, events: [offered], argv: [sh, -c, 'echo $0 >> {hook}', '{{job}}']}}]"
    node = await start(lab, notifiers=told)
    heard: list[str] = []
    await lab.visitor.mesh.on_message(
        lab.visitor.mesh.topics.of(NODE, "event", "transport"), NodeEvent,
        lambda event, _header, _topic: heard.append(event.values["what"]),
    )  # fmt: skip
    await births(lab, "v-1", "v-2", "v-3")
    handle = await ask(lab, "v-1", "v-2")
    await until(lambda: jobs(lab, JobState.OPEN))
    async with ada(lab) as chat:
        await chat.ask("take 1")
        await chat.ask("pick 1 v-1")
        node.kill()
        await node.wait()
    node = await start(lab, notifiers=told)
    async with ada(lab) as chat:
        assert (await chat.ask("list mine")).jobs[0].codes == ("v-1",)
        await chat.ask("scan v-2")
        node.kill()
        await node.wait()
    node = await start(lab, notifiers=told)
    async with ada(lab) as chat:
        assert (await chat.ask("list")).jobs[0].state is JobState.CARRIED
        await chat.ask("done 1")
        node.kill()  # between the word and the ledger's receipt of it, or after
        await node.wait()
    node = await start(lab, notifiers=told)
    result = await handle.result(timeout=30)
    output = TransportOutput.model_validate(result.data)
    assert (output.success, output.executant, output.scanned) == (True, "ada", True)
    assert output.picked_up is not None
    assert output.delivered is not None
    assert output.picked_up < output.delivered
    assert result.rating is not None
    assert result.rating.rating == 5
    assert not result.provenance.simulated
    for sample in ("v-1", "v-2"):
        state = await last(lab, sample)
        assert (state["state"], state["label"]) == (1, "formulated")
        assert state["location"] == "kit / autobass"
        assert state["properties"] == {
            "moved": True, "from": "kit / asab / vial 3", "by": "ada", "scanned": True,
        }  # fmt: skip
    assert len(await results(lab)) == 1
    reply = await lab.visitor.caller.call(NODE, "transport.job", {"job": "1"}, timeout=2)
    assert [each["what"] for each in reply["events"]] == [
        "asked", "taken", "scanned", "picked_up", "delivered",
    ]  # fmt: skip
    assert hook.read_text() == "1\n", "people were asked once"
    await until(lambda: _settled(lab))
    assert "offered" in heard

    # Cancelled while somebody has it in hand: the ledger learns where it went all the same.
    handle = await ask(lab, "v-3")
    await until(lambda: jobs(lab, JobState.OPEN))
    async with ada(lab) as chat:
        await chat.ask("pick 2 v-3")
        await lab.until_status(handle.id, "running")
        await handle.cancel("not needed", timeout=10)
        await until(lambda: jobs(lab, JobState.RECALLED))
        await chat.ask("done 2; kit / shelf")
    await until(lambda: _moved(lab, "v-3"))
    (late,) = [each for each in await results(lab) if each.request is None]
    assert (late.data["success"], late.data["actual_new_location"]["detail_1"]) == (False, "shelf")
    assert late.provenance.notes["request"] == str(handle.id)

    # Cancelled while the node is away: nobody is sent when it comes back.
    handle = await ask(lab, "v-3", origin={"address": "kit", "detail_1": "shelf"})
    await until(lambda: jobs(lab, JobState.OPEN))
    node.kill()
    await node.wait()
    await handle.cancel("not needed", timeout=10)
    node = await start(lab, notifiers=told)
    assert len(await until(lambda: jobs(lab, JobState.CANCELLED))) == 2
    assert not await jobs(lab, JobState.OPEN)


async def _settled(lab: Lab) -> bool:
    return all(job.settled for job in await jobs(lab))


async def _moved(lab: Lab, sample: str) -> bool:
    return bool((await last(lab, sample))["location"] == "kit / shelf")


async def fails(handle: RequestHandle) -> str:
    with pytest.raises(RequestFailedError) as caught:
        await handle.result(timeout=20)
    return str(caught.value)


async def test_refusals_problems_and_a_simulated_courier(lab: Lab) -> None:
    courier = "simulated-courier"
    await start(lab, simulated_people=f"[{courier}]")
    await births(lab, "v-1", "v-2")
    await births(lab, "far-1", at="dtu / shelf")
    await births(lab, "odd-1", label="unknown")
    assert "knows no sample ghost" in await fails(await ask(lab, "v-1", "ghost"))
    assert "is not at kit / asab / vial 3: the ledger says dtu / shelf" in await fails(
        await ask(lab, "far-1")
    )
    assert "labmesh sample resolve odd-1" in await fails(await ask(lab, "odd-1"))

    # What was dropped has a state that blocks automation, and a place nobody knows.
    handle = await ask(lab, "v-1")
    await until(lambda: jobs(lab, JobState.OPEN))
    assert "v-1 is being carried: job 1" in await fails(await ask(lab, "v-1"))
    async with ada(lab) as chat:
        await chat.ask("pick 1 v-1")
        await chat.ask("problem 1; it fell; ?")
    assert "ada does not know where v-1 is: it fell" in await fails(handle)
    state = await last(lab, "v-1")
    assert (state["label"], state["location"]) == ("unknown", "")

    # A courier that is killed on its way, and its successor: the same job, the same walk.
    flags = ("--param=walk=0.4", "--param=handle=0", "--param=wrong_code=1", "--param=seed=3")
    killed = await lab.start("courier", "courier", *flags)
    assert token_file(lab.folder / "kit" / "transport", courier).stat().st_mode & 0o077 == 0
    handle = await ask(lab, "v-2")
    await until(lambda: jobs(lab, JobState.CARRIED))
    killed.kill()
    await killed.wait()
    await lab.start("courier", "courier", *flags)
    result = await handle.result(timeout=30)
    assert result.provenance.simulated
    assert result.data["executant"] == courier
    assert result.rating is not None
    assert result.rating.reason == "1 wrong codes were read"
    assert (await last(lab, "v-2"))["properties"]["simulated"]
