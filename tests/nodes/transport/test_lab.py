"""Transports with real processes: MQTT broker, ledger, transport node, courier; and kill -9."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from labmesh import RequestFailedError
from labmesh.cli import main
from labmesh.client import RequestHandle
from labmesh.mosquitto import Program
from labmesh.security import write_private
from messages.errors import CallError, LabmeshError
from messages.ids import NodeId
from messages.ledger import Result, SampleStep
from messages.logistics import ChatAddress, JobState, TransportJob, TransportOutput
from messages.node import NodeEvent
from messages.query import ResultView
from nodes.transport._client import ChatClient
from nodes.transport._people import People, token_file
from tests.docs.test_pages import ROOT, blocks
from tests.mesh.conftest import Lab, lab_of
from tests.nodes.transport.conftest import PIN
from tests.nodes.transport.jobs import HERE, THERE
from tests.support import MqttBroker, Processes, Running

PAGE = "docs/transport.md"
TRANSPORT = ("transport", "transport_service")
NODE = NodeId("kit", "transport")
COURIER = "simulated-courier"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(
    mosquitto_program: Program, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lab]:
    """One lab for all tests here; each leaves the transport node running."""
    folder = tmp_path_factory.mktemp("lab")
    processes = Processes(folder)
    try:
        with MqttBroker(folder / "mosquitto") as mqtt:
            async with lab_of(mqtt, processes, folder / "data") as made:
                People(made.folder / "kit" / "transport").add("ada", PIN)
                yield made
            await processes.close()
    finally:
        await processes.close()


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


async def test_a_killed_node_asks_nothing_twice(lab: Lab) -> None:
    hook = lab.folder / "told"
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
        await chat.ask("scan v-1")
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
    await start(lab, simulated_people=f"[{COURIER}]")

    async def both_cancelled() -> bool:
        return len(await jobs(lab, JobState.CANCELLED)) == 2

    await until(both_cancelled)
    assert not await jobs(lab, JobState.OPEN)
    assert len({job.request for job in await jobs(lab)}) == 3


async def _settled(lab: Lab) -> bool:
    return all(job.settled for job in await jobs(lab))


async def _moved(lab: Lab, sample: str) -> bool:
    return bool((await last(lab, sample))["location"] == "kit / shelf")


async def fails(handle: RequestHandle) -> str:
    with pytest.raises(RequestFailedError) as caught:
        await handle.result(timeout=20)
    return str(caught.value)


async def test_refusals_problems_and_a_simulated_courier(lab: Lab) -> None:
    await births(lab, "w-1", "w-2")
    await births(lab, "far-1", at="dtu / shelf")
    await births(lab, "odd-1", label="unknown")
    assert "knows no sample ghost" in await fails(await ask(lab, "w-1", "ghost"))
    assert "is not at kit / asab / vial 3: the ledger says dtu / shelf" in await fails(
        await ask(lab, "far-1")
    )
    assert "labmesh sample resolve odd-1" in await fails(await ask(lab, "odd-1"))

    # What was dropped has a state that blocks automation, and a place nobody knows.
    handle = await ask(lab, "w-1")
    (job,) = await until(lambda: jobs(lab, JobState.OPEN))
    assert f"w-1 is being carried: job {job.number}" in await fails(await ask(lab, "w-1"))
    async with ada(lab) as chat:
        await chat.ask(f"pick {job.number} w-1")
        await chat.ask(f"problem {job.number}; it fell; ?")
    assert "ada does not know where w-1 is: it fell" in await fails(handle)
    state = await last(lab, "w-1")
    assert (state["label"], state["location"]) == ("unknown", "")

    # A courier that is killed on its way, and its successor: the same job, the same walk.
    flags = ("--param=walk=0.4", "--param=handle=0", "--param=wrong_code=1", "--param=seed=3")
    killed = await lab.start("courier", "courier", *flags)
    assert token_file(lab.folder / "kit" / "transport", COURIER).stat().st_mode & 0o077 == 0
    handle = await ask(lab, "w-2")
    await until(lambda: jobs(lab, JobState.CARRIED))
    killed.kill()
    await killed.wait()
    courier = await lab.start("courier", "courier", *flags)
    result = await handle.result(timeout=30)
    assert result.provenance.simulated
    assert result.data["executant"] == COURIER
    assert result.rating is not None
    assert result.rating.reason == "1 wrong codes were read"
    assert (await last(lab, "w-2"))["properties"]["simulated"]
    courier.terminate()
    assert await courier.wait() == 0


async def test_the_page_is_right(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """docs/transport.md: what it says to type, typed in its order."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("MQTT", lab.place.mqtt), ("SITE", "kit"), ("DATA_DIR", str(lab.folder))):
        monkeypatch.setenv(f"LABMESH_{name}", value)
    launch, send, people, chat, labels, acts, script = (
        text.splitlines() for _, text in blocks(PAGE, "sh")
    )
    move = next(text for _, text in blocks(PAGE, "yaml") if "samples:" in text)
    Path("move.yaml").write_text(move)
    asked = yaml.safe_load(move)
    await births(lab, "vial-3", at="kit / asab")
    first = max(job.number for job in await jobs(lab)) + 1

    async def typed(lines: list[str]) -> str:
        said = []
        for line in lines:
            words = [str(first) if word == "1" else word for word in shlex.split(line)]
            assert words[0] == "labmesh"
            capsys.readouterr()
            code = await asyncio.to_thread(main, words[1:])
            captured = capsys.readouterr()
            assert code == 0, f"$ {line}\n{captured.out}{captured.err}"
            said.append(captured.out)
        return "\n".join(said)

    await typed(send)
    await until(lambda: jobs(lab, JobState.OPEN))
    pin = (await typed(people)).partition("PIN (shown once): ")[2].splitlines()[0]
    write_private(Path("pin"), pin)
    await typed(labels)
    assert Path("rack-1.svg").stat().st_size > 1000
    shown = await typed(acts)
    assert f"job {first} is delivered at kit / autobass / rack 2" in shown
    assert asked["instructions"] in shown
    (job,) = [job for job in await jobs(lab) if job.number == first]
    assert job.due is not None
    assert job.due - job.created == int(asked["within"] * 1e9)

    # The script at the port, and what it prints.
    await births(lab, "vial-4")
    there = {"address": "kit", "detail_1": "autobass", "detail_2": "rack 1"}
    here = {"address": "kit", "detail_1": "asab", "detail_2": "vial 4"}
    await ask(lab, "vial-4", origin=here, destination=there)
    await until(lambda: jobs(lab, JobState.OPEN))
    assert script[0].startswith(r"printf 'hello ada %s\nlist\nbye\n' ")
    reply = await lab.visitor.caller.call(NODE, "transport.chat", {}, timeout=5)
    reader, writer = await asyncio.open_connection("127.0.0.1", reply["port"])
    writer.write(f"hello ada {pin}\nlist\nbye\n".encode())
    printed = (await reader.read()).decode().replace(f"job {first + 1} ", "job 2 ")
    writer.close()
    (transcript,) = [text for _, text in blocks(PAGE, "text")]
    assert printed == transcript

    check = [*shlex.split(launch[0])[1:], "--check"]
    monkeypatch.chdir(ROOT)
    assert await asyncio.to_thread(main, check) == 0
    assert chat == ["labmesh transport chat --person ada"]  # typed in test_terminal.py
