"""Processes die, lines break: nothing is lost or done twice. Real kills of real processes."""

from __future__ import annotations

import asyncio
import signal

from messages.node import State
from tests.mesh.conftest import ECHO, Lab, diary
from tests.support import Running


async def test_a_model_that_dies_is_asked_again_and_answers(lab: Lab, echo: Running) -> None:
    handle = await lab.client.submit("speech", "echo", {"text": "hello", "seconds": 3})
    await lab.until_status(handle.id, "running")
    echo.kill()
    await echo.wait()
    await lab.start(ECHO, "echo")
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.data["text"] == "hello"
    assert [c.after.value for c in handle.changes].count("running") == 2


async def test_an_instrument_that_dies_in_mid_action_is_held_and_not_repeated(
    lab: Lab, echo: Running
) -> None:
    handle = await lab.client.submit("speech", "megaphone", {"text": "hello", "seconds": 30})
    await lab.until_status(handle.id, "running")
    async with asyncio.timeout(5):
        while not diary(lab):
            await asyncio.sleep(0.05)
    echo.kill()
    await echo.wait()
    await lab.until_status(handle.id, "held")

    again = await lab.start(ECHO, "echo", "--param", f"diary={lab.folder}/diary.txt", wait=False)
    await again.wait_line("was in mid-action: speech/megaphone for kit/asker")
    await lab.until_state("echo", State.INACTIVE)
    assert await lab.status(handle.id) == "held"
    assert len(diary(lab)) == 1


async def test_an_instrument_whose_code_breaks_is_not_repeated_but_a_model_is(
    lab: Lab, echo: Running
) -> None:
    for method, tries in (("megaphone", 1), ("echo", 3)):
        handle = await lab.client.submit("speech", method, {"text": "crash"})
        final = await asyncio.wait_for(handle.done(), 30)
        assert final.after.value == "failed"
        assert "ZeroDivisionError: oh" in final.message
        assert [c.after.value for c in handle.changes].count("running") == tries
    assert len(diary(lab)) == 1
    assert echo.code is None


async def test_a_worker_told_to_stop_gives_its_order_back(lab: Lab, echo: Running) -> None:
    handle = await lab.client.submit("speech", "megaphone", {"text": "hello", "seconds": 2})
    await lab.until_status(handle.id, "running")
    echo.terminate()
    assert await echo.wait() == 0
    assert await lab.until_status(handle.id, "pending", "held") == "pending"
    await lab.start(ECHO, "echo", "--param", f"diary={lab.folder}/diary.txt")
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.data["text"] == "HELLO"


async def test_the_broker_node_dies_and_comes_back_without_losing_or_repeating(
    lab: Lab, echo: Running
) -> None:
    broker = next(p for p in lab.processes.all if p.name == "broker")
    handles = [
        await lab.client.submit("speech", "megaphone", {"text": f"n{n}", "seconds": 0.4})
        for n in range(4)
    ]
    broker.kill()
    await broker.wait()
    await asyncio.sleep(0.5)
    await lab.start("broker", "broker")
    results = await asyncio.wait_for(asyncio.gather(*(h.result() for h in handles)), 40)
    assert sorted(r.data["text"] for r in results) == ["N0", "N1", "N2", "N3"]
    assert sorted(line.split()[1] for line in diary(lab)) == ["n0", "n1", "n2", "n3"]


async def test_an_outage_of_the_mqtt_broker_in_mid_measurement_costs_nothing(
    lab: Lab, echo: Running
) -> None:
    """The lease of the megaphone (1.5 s) is over long before the MQTT broker is back."""
    handles = [
        await lab.client.submit("speech", "megaphone", {"text": f"n{n}", "seconds": 1})
        for n in range(3)
    ]
    await lab.until_status(handles[0].id, "running")
    lab.mqtt.kill()
    await asyncio.sleep(4)
    lab.mqtt.restart()
    results = await asyncio.wait_for(asyncio.gather(*(h.result() for h in handles)), 60)
    assert [r.data["text"] for r in results] == ["N0", "N1", "N2"]
    assert sorted(line.split()[1] for line in diary(lab)) == ["n0", "n1", "n2"]


async def test_a_frozen_worker_is_fenced_when_it_wakes_too_late(lab: Lab, echo: Running) -> None:
    """A person released the request while its worker was frozen; another did it meanwhile."""
    handle = await lab.client.submit("speech", "echo", {"text": "a", "seconds": 1})
    await lab.until_status(handle.id, "running")
    echo.signal(signal.SIGSTOP)
    second = await lab.start(ECHO, "echo-two")
    result = await asyncio.wait_for(handle.result(), 60)
    assert result.author == "kit/echo-two"
    echo.signal(signal.SIGCONT)
    await asyncio.sleep(3)
    final = await lab.client.query("query.request", {"id": str(handle.id)})
    assert final["request"]["result"] == str(result.id)
    assert second.code is None


async def test_a_retracted_request_stops_its_worker(lab: Lab, echo: Running) -> None:
    handle = await lab.client.submit("speech", "megaphone", {"text": "hello", "seconds": 20})
    await lab.until_status(handle.id, "running")
    await handle.cancel("changed my mind")
    assert (await handle.done()).after.value == "retracted"
    other = await lab.client.request("speech", "megaphone", {"text": "next", "seconds": 0.1})
    assert other.data["text"] == "NEXT"


async def test_a_node_says_when_the_ledger_does_not_answer(lab: Lab, echo: Running) -> None:
    handle = await lab.client.submit("speech", "echo", {"text": "a", "seconds": 2})
    await lab.until_status(handle.id, "running")
    broker = next(p for p in lab.processes.all if p.name == "broker")
    broker.kill()
    await broker.wait()
    await echo.wait_line("no receipt from kit/broker for 10 s .*labmesh node list", timeout=40)
    await lab.start("broker", "broker")
    await echo.wait_line("kit/broker answers again", timeout=40)
    assert (await asyncio.wait_for(handle.result(), 40)).data["text"] == "a"
