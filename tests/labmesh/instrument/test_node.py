"""An instrument on a mesh in memory: stops, resets, doubts, dry runs, calibrations, supplies."""

from __future__ import annotations

import pytest

from labmesh.instrument import Condition
from messages.errors import CallRefusedError, EmergencyStopError
from messages.node import Level, State, Transition
from tests.labmesh.instrument.conftest import ARM, Bench, Benches
from tests.labmesh.memory import until


async def at(bench: Bench, line: str) -> None:
    """Wait until the device has been told a line."""
    await until(lambda: line in bench.lines)


def offers(bench: Bench) -> bool:
    return bool(bench.hub.retained.get("lab1/kit/arm/offer/assembly/arm"))


async def test_an_order_is_done_step_by_step(start: Benches) -> None:
    async with start() as bench:
        assert bench.node.condition is Condition.IDLE
        await bench.give(cells=2)
        result = await bench.result()
        assert result["outcome"] == "resolved"
        assert len(result["data"]["done"]) == 6
        assert bench.node.condition is Condition.IDLE
        assert bench.node.supplies.level("electrolyte") == pytest.approx(0.4e-6)
        assert len(result["samples"]) == 2


@pytest.mark.parametrize("scope", [(), ("kit",), ("kit", "arm")])
async def test_a_stop_reaches_the_device_fails_the_order_and_holds_until_a_person_resets_it(
    start: Benches, scope: tuple[str, ...]
) -> None:
    async with start() as bench:
        node = bench.node
        node.hold.clear()
        request = await bench.give(act="dispense")
        await at(bench, "cell1/dispense")
        assert offers(bench)
        await bench.press(*scope)
        result = await bench.result()
        assert result["outcome"] == "failed"
        assert "emergency stop by kit/ada (Ada): smoke" in result["failure"]["message"]
        assert not result["failure"]["retryable"]
        assert node.condition is Condition.STOPPED
        await until(lambda: bench.lines[-1] == "STOP" and not offers(bench))
        said = bench.diagnostic("condition")
        assert (said.level, "estop reset" in said.remedy) == (Level.ERROR, True)
        story = await bench.call("instrument.journal")
        assert any(str(request) in words for words in story["in_hand"])
        assert [step["key"] for step in story["in_doubt"]] == ["cell1/dispense"]
        # Nothing but a stop is sent, whoever tries.
        told = len(bench.lines)
        await bench.give(cells=1)
        await until(lambda: bool(bench.ledger.of("progress", kind="decline")))
        with pytest.raises(EmergencyStopError, match="emergency stop by kit/ada"):
            await bench.node.tell("move")
        assert bench.lines[told:].count("STOP") == len(bench.lines[told:])
        # A person: first by name, then the step in doubt.
        with pytest.raises(CallRefusedError, match="acknowledged_by"):
            await bench.call("instrument.reset", acknowledged_by="")
        story = await bench.call("instrument.reset", acknowledged_by="Ada", reason="no fire")
        assert (story["condition"], "ready" in bench.lines) == ("fault", True)
        story = await bench.call(
            "instrument.resolve", step=story["in_doubt"][0]["id"], outcome="done", by="Ada"
        )
        assert story["condition"] == "idle"
        await until(lambda: offers(bench))
        await bench.give(cells=1)
        await until(lambda: len(bench.ledger.of("result")) == 2)
        assert bench.ledger.of("result")[-1]["outcome"] == "resolved"


async def test_a_stop_for_others_is_none(start: Benches) -> None:
    async with start() as bench:
        await bench.press("dtu")
        await bench.press("kit", "other")
        await bench.call("node.ping")
        assert bench.node.condition is Condition.IDLE


async def test_whatever_comes_on_a_stop_s_topic_stops(start: Benches) -> None:
    async with start() as bench:
        await bench.ada.transport.publish(bench.ada.topics.stop(), b"garbage", retain=True)
        await until(lambda: bench.node.condition is Condition.STOPPED)
        await until(lambda: "STOP" in bench.lines)
        # Lifting it lets nothing move: that takes a person at the instrument.
        await bench.ada.transport.publish(bench.ada.topics.stop(), b"", retain=True)
        await bench.call("node.ping")
        assert bench.node.condition is Condition.STOPPED


async def test_who_comes_back_to_the_network_hears_what_it_missed(start: Benches) -> None:
    async with start() as bench:
        bench.hub.ban("kit/arm/estop")
        await bench.press("kit")
        assert bench.node.condition is Condition.IDLE
        bench.hub.pardon("kit/arm/estop")
        await until(lambda: bench.node.condition is Condition.STOPPED)
        await until(lambda: "STOP" in bench.lines)


async def test_who_starts_while_a_stop_is_engaged_sends_nothing(start: Benches) -> None:
    async with start() as bench:
        await bench.press()
        await until(lambda: "STOP" in bench.lines)
    async with start(state=State.UNCONFIGURED) as bench:
        assert bench.node.condition is Condition.STOPPED
        for transition in ("configure", "activate"):
            with pytest.raises(CallRefusedError):
                await bench.call("life.change", transition=transition)
        assert not bench.lines
        await bench.call("instrument.reset", acknowledged_by="Ada")
        await bench.call("life.change", transition="configure")
        await bench.call("life.change", transition="activate")
        await at(bench, "home")
    async with start() as bench:  # the stop is still retained, but was acknowledged here
        assert bench.node.condition is Condition.IDLE


async def test_a_process_that_died_in_mid_action_repeats_nothing(start: Benches) -> None:
    async with start() as bench:
        bench.node.hold.clear()
        request = await bench.give(act="crimp")
        await at(bench, "cell1/crimp")
        # As kill -9 leaves it: the file says begun, nobody says how it ended.
        file = bench.node.journal._file
        with file.transaction() as db:
            db.execute("CREATE TABLE died AS SELECT * FROM step")
        bench.node.hold.set()
        await bench.result()
        with file.transaction() as db:
            db.execute("DELETE FROM step")
            db.execute("INSERT INTO step SELECT * FROM died")
    async with start(state=State.INACTIVE) as bench:
        assert bench.node.condition is Condition.FAULT
        await bench.give(request=request, token=2)
        await until(lambda: bool(bench.ledger.of("progress", kind="decline")))
        story = await bench.call("instrument.journal", request=str(request))
        (doubt,) = story["in_doubt"]
        assert (doubt["key"], doubt["intent"]) == ("cell1/crimp", {"cell": 1})
        with pytest.raises(CallRefusedError, match="nobody knows how these ended"):
            await bench.call("life.change", transition="activate")
        resolved = await bench.call(
            "instrument.resolve", step=doubt["id"], outcome="done", by="Ada", words="it is shut"
        )
        assert resolved["step"]["resolved_by"] == "Ada"
        await bench.call("life.change", transition="activate")
        told = len(bench.lines)
        await bench.give(request=request, token=3)
        result = await bench.result()
        assert result["data"]["skipped"] == ["cell1/dispense", "cell1/crimp"]  # fmt: skip
        assert bench.lines[told:] == ["cell1/pick"]


async def test_a_dry_run_leaves_the_same_trail_and_sends_no_byte(start: Benches) -> None:
    async with start() as bench:
        await bench.give(cells=1)
        real = await bench.result()
    async with start(dry_run=True) as bench:
        assert b"Dry run: " in bench.hub.retained["lab1/kit/arm/offer/assembly/arm"]
        await bench.give(cells=1)
        dry = await bench.result()
        assert bytes(bench.node.inner.written) == b""  # type: ignore[union-attr]
        assert dry["data"] == real["data"]
        assert dry["provenance"]["simulated"]
        assert dry["provenance"]["notes"]["dry_run"]
        assert not dry["samples"]
        assert not dry["rating"]["success"]
        assert bench.node.supplies.level("electrolyte") == pytest.approx(0.7e-6)
        trail = [body["kind"] for topic, _, body in bench.ledger.heard if topic.kind == "progress"]
        assert trail.count("accept") == 1


async def test_an_error_nobody_foresaw_is_a_fault_until_a_person_has_looked(
    start: Benches,
) -> None:
    async with start() as bench:
        bench.node.alive = False
        assert bench.node._watch is not None
        await bench.node._watch.look(1e9)
        assert bench.node.condition is Condition.FAULT
        said = bench.diagnostic("condition")
        assert "does not answer" in said.message
        assert said.remedy == "plug it in; then labmesh estop reset kit/arm"
        await bench.give()
        await until(lambda: bool(bench.ledger.of("progress", kind="decline")))
        bench.node.alive = True
        story = await bench.call("instrument.reset", acknowledged_by="Ada")
        assert story["condition"] == "idle"


@pytest.mark.parametrize("policy", ["finish", "park"])
async def test_without_the_mqtt_broker_nothing_new_begins(start: Benches, policy: str) -> None:
    async with start(on_connection_loss=policy, connection_patience=5.0) as bench:
        node, watch = bench.node, bench.node._watch
        assert watch is not None
        node.hold.clear()
        await bench.give(cells=2, act="dispense")
        await at(bench, "cell1/dispense")
        bench.hub.ban("kit/arm/0")
        await watch.look(100.0)
        assert not watch.lost  # it may be back in a moment
        await watch.look(106.0)
        assert watch.lost
        assert node.condition is Condition.BUSY
        node.hold.set()
        if policy == "park":
            await at(bench, "park")
            assert node.condition is Condition.PAUSED
            assert "cell2/pick" not in bench.lines
        else:
            await at(bench, "cell2/crimp")
            await until(lambda: node.condition is Condition.IDLE)
        assert "lost" in node.refuses_orders()
        bench.hub.pardon("kit/arm/0")
        await until(lambda: node.transport.connected)
        await watch.look(130.0)
        result = await bench.result()
        assert result["outcome"] == "resolved"
        assert bench.diagnostic("connection").level is Level.OK
        assert node.condition is Condition.IDLE


async def test_a_pause_holds_between_two_cells(start: Benches) -> None:
    async with start() as bench:
        bench.node.hold.clear()
        await bench.give(cells=2, act="crimp")
        await at(bench, "cell1/crimp")
        await bench.call("instrument.pause", by="Ada", reason="lunch")
        bench.node.hold.set()
        await until(lambda: bench.node.condition is Condition.PAUSED)
        assert "cell2/pick" not in bench.lines
        await bench.call("instrument.resume", by="Ada")
        assert (await bench.result())["outcome"] == "resolved"


async def test_calibrations_are_kept_warned_of_and_refused(start: Benches) -> None:
    async with start(calibrated=False) as bench:
        await until(lambda: bench.diagnostic("calibrations").level is Level.ERROR)
        await bench.give()
        result = await bench.result()
        assert "pump/volume: never calibrated" in result["failure"]["message"]
        record = await bench.call(
            "calibration.record", calibration="pump/volume", who="Ada", method="gravimetric",
            result={"factor": 1.01}, valid_for=3600.0,
        )  # fmt: skip
        await until(
            lambda: "pump/volume expires in 0.0 d" in bench.diagnostic("calibrations").message
        )
        await bench.give()
        await until(lambda: len(bench.ledger.of("result")) == 2)
        notes = bench.ledger.of("result")[-1]["provenance"]["notes"]
        assert notes["calibrations"]["pump/volume"]["id"] == record["id"]
    async with start() as bench:
        (kept,) = (await bench.call("calibration.list"))["calibrations"]
        assert (kept["id"], kept["result"]) == (record["id"], {"factor": 1.01})


async def test_supplies_run_low_are_refilled_and_survive(start: Benches) -> None:
    async with start() as bench:
        await bench.give(cells=4)
        result = await bench.result()
        assert "electrolyte: 3e-07 m3 wanted, left 1e-07" in result["failure"]["message"]
        await until(lambda: bench.diagnostic("supplies").level is Level.WARN)
    async with start() as bench:
        (supply,) = (await bench.call("supplies.list"))["supplies"]
        assert (supply["level"], supply["lot"]) == (pytest.approx(0.1e-6), "E1")
        await bench.call("supplies.refill", name="electrolyte", by="Ada", lot="E2")
        await until(lambda: bench.diagnostic("supplies").level is Level.OK)
        listed = await bench.call("supplies.list", movements=1)
        assert listed["supplies"][0]["lot"] == "E2"
        assert listed["movements"][0]["by"] == "Ada"


async def test_condition_follows_the_lifecycle(start: Benches) -> None:
    async with start() as bench:
        await bench.node._life.change(Transition.DEACTIVATE)  # type: ignore[union-attr]
        assert bench.node.condition is Condition.OFF
        assert str(ARM) == str(bench.node.id)
