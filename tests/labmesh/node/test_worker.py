"""The worker against a ledger that does everything a ledger, an operator and a network can do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from labmesh import Node, NodeParameters, Order, OrderError, OrderVoidError, capability
from labmesh.node import NodeOptions
from labmesh.place import Place
from labmesh.store import InHand, NodeStore
from labmesh.transport import MemoryHub
from messages.ids import NodeId, new_id
from messages.ledger import FromState, OrderCancel
from messages.ledger import Order as WireOrder
from messages.model import Model, Text
from messages.node import State, Transition
from tests.labmesh.memory import LEDGER, FakeLedger, fake_ledger, until
from tests.labmesh.node.conftest import running

ME = NodeId("kit", "worker")


class Say(Model):
    text: Text = ""


class Said(Model):
    text: Text
    number: float = 0.0


class ActNode(Node[NodeParameters]):
    """Does what the text of an order says, one handler for instrument and model."""

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.go = asyncio.Event()
        self.resting: asyncio.Event | None = None
        self.rests = asyncio.Event()

    async def on_deactivate(self) -> None:
        self.rests.set()
        if self.resting is not None:
            await self.resting.wait()

    @capability("act", "model", slots=9)
    async def model(self, order: Order[Say]) -> Said:
        """A model."""
        return await self._act(order)  # type: ignore[no-any-return]

    @capability("act", "pump", worker="instrument", resource="pump", lease=0.3)
    async def pump(self, order: Order[Say]) -> Said:
        """An instrument with a resource."""
        return await self._act(order)  # type: ignore[no-any-return]

    @capability("act", "lamp", worker="instrument")
    async def lamp(self, order: Order[Say]) -> Said:
        """An instrument without one."""
        return await self._act(order)  # type: ignore[no-any-return]

    async def _act(self, order: Order[Say]) -> Any:
        text = order.parameters.text
        self.begun.append(text)
        try:
            return await self._say(order, text)
        finally:
            self.ended.append(text)

    async def _say(self, order: Order[Say], text: str) -> Any:  # noqa: PLR0912
        match text.partition(" ")[0]:
            case "wait":
                await self.go.wait()
            case "steps":
                while not self.go.is_set():
                    await order.feedback(1.0000001, "x" * 5000)
                    await asyncio.sleep(0.01)
            case "stubborn":
                while not self.go.is_set():
                    with suppress(asyncio.CancelledError):
                        await self.go.wait()
            case "tidy":
                try:
                    await self.go.wait()
                except asyncio.CancelledError:
                    return Said(text="came to rest")
            case "cancelled":
                raise asyncio.CancelledError
            case "void":
                raise OrderVoidError("says the handler")
            case "crash":
                raise ZeroDivisionError("oh")
            case "nothing":
                return None
            case "nan":
                return Said.model_construct(text="x", number=float("nan"))
            case "refused" | "broken":
                order.untouched = True
                if text == "broken":
                    order.untouched = False
                raise OrderError("not this one")
            case "notes":
                order.note(array=object(), nul="a\0b", fine=1, nan=float("nan"))
        return Said(text=text)


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub.named("worker")


@pytest.fixture
async def ledger(hub: MemoryHub) -> AsyncIterator[FakeLedger]:
    async with fake_ledger(hub) as made:
        yield made


@pytest.fixture
def options(tmp_path: Path) -> NodeOptions:
    place = Place(mqtt="memory://worker", site="kit", ledger=LEDGER)
    return NodeOptions(place=place, name="worker", data_dir=tmp_path)


@asynccontextmanager
async def node_of(options: NodeOptions, state: State = State.ACTIVE) -> AsyncIterator[ActNode]:
    node = ActNode(options)
    async with running(node, state):
        yield node


def order(
    text: str,
    method: str = "model",
    *,
    request: UUID | None = None,
    token: int = 1,
    attempt: int = 1,
) -> WireOrder:
    return WireOrder(
        request=request or new_id(), attempt=attempt, token=token, requester="kit/asker",
        quantity="act", method=method, parameters={"text": text}, lease=0.3,
    )  # fmt: skip


async def give(ledger: FakeLedger, made: WireOrder) -> WireOrder:
    await ledger.say("order", made, str(made.request), to=ME)
    return made


async def void(ledger: FakeLedger, made: WireOrder, reason: str = "retracted") -> None:
    message = OrderCancel(request=made.request, token=made.token, reason=reason)
    await ledger.say("void", message, str(made.request), to=ME)


async def result(ledger: FakeLedger) -> dict[str, Any]:
    await until(lambda: bool(ledger.of("result")))
    return ledger.of("result")[-1]


def accepts(ledger: FakeLedger) -> int:
    return len(ledger.of("progress", kind="accept"))


def silent_on(ledger: FakeLedger, *kinds: str) -> None:
    ledger.answer = lambda topic, body: None if {topic.kind, body.get("kind")} & set(kinds) else ""


async def until_idle(node: ActNode) -> None:
    await until(lambda: not node._running.worker or not node._running.worker.busy)


@pytest.mark.parametrize("method", ["model", "pump", "lamp"])
async def test_an_order_is_done_and_leaves_nothing_in_hand(
    ledger: FakeLedger, options: NodeOptions, method: str
) -> None:
    async with node_of(options) as node:
        await give(ledger, order("hello", method))
        assert (await result(ledger))["data"]["text"] == "hello"
        await until_idle(node)
        assert await node._running.store.in_hand() == []
        assert node._running.health()["orders_done"] == 1
        # A model that is done at once says that it began by its result; an instrument asks first.
        assert accepts(ledger) == (0 if method == "model" else 1)


async def test_a_lease_is_renewed_only_while_the_nodes_work_goes_on(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    def beats() -> int:
        return len(ledger.of("progress", kind="heartbeat"))

    async with node_of(options) as node:
        node.beat(60.0)
        await give(ledger, order("wait"))
        await until(lambda: beats() >= 2)
        node.beat(1e-6)  # due already, and does not come: the driver's loop hangs
        assert not node.works
        before = beats()
        await asyncio.sleep(0.35)  # three and a half beats of a lease of 0.3 s
        assert beats() == before
        node.beat(60.0)
        await until(lambda: beats() > before)
        node.go.set()
        await result(ledger)


async def test_an_order_told_again_is_done_once(ledger: FakeLedger, options: NodeOptions) -> None:
    async with node_of(options) as node:
        made = await give(ledger, order("wait"))
        await give(ledger, made)
        await until(lambda: node.begun == ["wait"])
        node.go.set()
        await until_idle(node)
        await give(ledger, made)
        await give(ledger, order("next"))
        await until(lambda: len(ledger.of("result")) == 2)
        assert node.begun == ["wait", "next"]


async def test_an_instrument_waits_for_the_ledgers_word_and_heeds_a_no(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    silent_on(ledger, "accept")
    async with node_of(options) as node:
        made = await give(ledger, order("a", "pump"))
        await until(lambda: accepts(ledger) == 1)
        assert [h.request for h in await node._running.store.in_hand()] == [made.request]
        assert node.begun == []
        header = next(h for _, h, body in ledger.heard if body.get("kind") == "accept")
        await ledger.receipt(header, "too late")
        await until_idle(node)
        assert node.begun == []
        assert await node._running.store.in_hand() == []


@pytest.mark.parametrize("stage", ["accepting", "waiting for the resource"])
async def test_void_before_it_began_leaves_nothing_in_hand(
    ledger: FakeLedger, options: NodeOptions, stage: str
) -> None:
    async with node_of(options) as node:
        if stage == "accepting":
            silent_on(ledger, "accept")
            made = await give(ledger, order("a", "pump"))
            await until(lambda: accepts(ledger) == 1)
        else:
            await give(ledger, order("wait", "pump"))
            made = await give(ledger, order("a", "pump"))
            await until(lambda: node._running.worker is not None and node._running.worker.busy == 2)
            await until(lambda: bool(ledger.of("progress", request=str(made.request))))
        await void(ledger, made)
        node.go.set()
        await until_idle(node)
        assert "a" not in node.begun
        assert await node._running.store.in_hand() == []


async def test_a_void_that_overtakes_its_order_is_heeded(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options) as node:
        made = order("never")
        await void(ledger, made)
        await give(ledger, made)
        await void(ledger, order("unknown"))
        await give(ledger, order("next"))
        await result(ledger)
        assert node.begun == ["next"]


async def test_void_stops_a_model_at_once_and_an_instrument_at_its_feedback(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options) as node:
        for text, method in (("wait", "model"), ("steps", "pump")):
            made = await give(ledger, order(text, method))
            await until(lambda text=text: text in node.begun)  # type: ignore[misc]
            await void(ledger, made)
            await until(lambda text=text: text in node.ended)  # type: ignore[misc]
        await until_idle(node)
        assert ledger.of("result") == []
        assert await node._running.store.in_hand() == []


@pytest.mark.parametrize("method", ["lamp", "pump"])
async def test_a_superseding_attempt_waits_until_the_old_one_has_ended(
    ledger: FakeLedger, options: NodeOptions, method: str
) -> None:
    async with node_of(options) as node:
        first = await give(ledger, order("wait", method))
        await until(lambda: node.begun == ["wait"])
        second = order("second", method, request=first.request, token=2, attempt=2)
        await give(ledger, second)
        await until(lambda: node._running.worker is not None and node._running.worker.busy == 2)
        await asyncio.sleep(0.05)
        assert node.begun == ["wait"]
        node.go.set()
        await until(lambda: bool(ledger.of("result", token=2)))
        assert node.begun == ["wait", "second"]
        await until_idle(node)
        assert await node._running.store.in_hand() == []


FAILURES = [
    ("crash", "ZeroDivisionError: oh", False),
    ("cancelled", "CancelledError", False),
    ("void", "says the handler", False),
    ("nothing", "pump returned NoneType, not Said", False),
    ("nan", "does not travel: payload holds NaN", False),
]


@pytest.mark.parametrize(("text", "message", "retryable"), FAILURES)
async def test_whatever_a_handler_does_the_ledger_learns_of_it(
    ledger: FakeLedger, options: NodeOptions, text: str, message: str, retryable: bool
) -> None:
    async with node_of(options) as node:
        await give(ledger, order(text, "pump"))
        failure = (await result(ledger))["failure"]
        assert message in failure["message"]
        assert failure["retryable"] is retryable
        await until_idle(node)
        assert await node._running.store.in_hand() == []


async def test_notes_that_do_not_travel_cost_no_result(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options):
        await give(ledger, order("notes", "pump"))
        found = await result(ledger)
    assert found["outcome"] == "resolved"
    notes = found["provenance"]["notes"]
    assert notes["fine"] == 1
    assert notes["array"].startswith("<object")
    assert notes["nan"] == "nan"


@pytest.mark.parametrize(("text", "untouched"), [("refused", True), ("broken", None)])
async def test_a_refusal_before_anything_began_says_so(
    ledger: FakeLedger, options: NodeOptions, text: str, untouched: bool | None
) -> None:
    async with node_of(options):
        await give(ledger, order(text, "pump"))
        found = await result(ledger)
        assert found["failure"]["message"] == "not this one"
        assert found["provenance"]["notes"].get("untouched") is untouched
        bad = order(text, "pump").model_copy(update={"parameters": {"text": 7}})
        await give(ledger, bad)
        await until(lambda: len(ledger.of("result")) == 2)
        assert ledger.of("result")[-1]["provenance"]["notes"]["untouched"] is True


async def test_a_result_the_ledger_refuses_becomes_a_failure(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    ledger.answer = lambda _topic, body: "data.text: bad" if body.get("data") else ""
    async with node_of(options) as node:
        await give(ledger, order("a", "pump"))
        await until(lambda: len(ledger.of("result")) == 2)
        sorry = ledger.of("result")[-1]
        assert sorry["failure"]["message"] == "result refused: data.text: bad"
        await until_idle(node)
        assert await node._running.store.in_hand() == []
        health = node._running.health()
        assert (health["orders_done"], health["orders_failed"]) == (0, 1)


async def test_a_resource_serves_one_and_signs_of_life_come_meanwhile(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options) as node:
        await give(ledger, order("wait 1", "pump"))
        waiting = await give(ledger, order("wait 2", "pump"))
        await until(
            lambda: bool(ledger.of("progress", request=str(waiting.request), kind="heartbeat"))
        )
        assert node.begun == ["wait 1"]
        node.go.set()
        await until(lambda: len(ledger.of("result")) == 2)


# Being told to stop, at every stage.


async def stopped(node: ActNode) -> None:
    assert node._life is not None
    await node._life.change(Transition.DEACTIVATE)


@pytest.mark.parametrize("sample", [None, FromState(sample="cell-1", state=3)])
async def test_stop_in_the_handler_gives_the_order_back_unless_a_sample_was_touched(
    ledger: FakeLedger, options: NodeOptions, sample: FromState | None
) -> None:
    async with node_of(options) as node:
        await give(ledger, order("wait", "pump").model_copy(update={"from_state": sample}))
        await until(lambda: node.begun == ["wait"])
        await stopped(node)
        failure = (await result(ledger))["failure"]
        assert failure == {
            "message": "the node was stopped before it was done",
            "where": "", "remedy": "", "retryable": sample is None,
        }  # fmt: skip
        assert await node._running.store.in_hand() == []


async def test_stop_of_a_handler_that_comes_to_its_end_keeps_the_result(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options) as node:
        await give(ledger, order("tidy", "pump"))
        await until(lambda: node.begun == ["tidy"])
        await stopped(node)
        assert (await result(ledger))["data"]["text"] == "came to rest"


async def test_stop_while_the_ledgers_word_is_awaited(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    """ACCEPT is on its way, so a decline might come too late: a failure gives the order back."""
    silent_on(ledger, "accept")
    async with node_of(options) as node:
        await give(ledger, order("a", "pump"))
        await until(lambda: accepts(ledger) == 1)
        await stopped(node)
        failure = (await result(ledger))["failure"]
        assert failure["message"] == "the node was stopped before it began"
        assert ledger.of("progress", kind="decline") == []
        assert failure["retryable"]
        assert node.begun == []
        assert await node._running.store.in_hand() == []


async def test_stop_while_the_resource_is_awaited_declines(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options) as node:
        await give(ledger, order("wait", "pump"))
        await until(lambda: node.begun == ["wait"])
        second = await give(ledger, order("second", "pump"))
        await until(lambda: node._running.worker is not None and node._running.worker.busy == 2)
        await stopped(node)
        [decline] = ledger.of("progress", kind="decline")
        assert decline["request"] == str(second.request)
        assert node.begun == ["wait"]


async def test_stop_while_the_result_is_sent_keeps_it_for_the_next_start(
    ledger: FakeLedger, options: NodeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labmesh.node._worker.Worker.stop.__kwdefaults__", {"patience": 0.1})
    silent_on(ledger, "result")
    async with node_of(options) as node:
        await give(ledger, order("a", "pump"))
        await result(ledger)
    ledger.heard.clear()
    ledger.answer = lambda _topic, _body: ""
    async with node_of(options) as node:
        assert (await result(ledger))["data"]["text"] == "a"
        assert node.state is State.ACTIVE


async def test_a_result_on_its_way_is_waited_for(ledger: FakeLedger, options: NodeOptions) -> None:
    silent_on(ledger, "result")
    async with node_of(options) as node:
        await give(ledger, order("a", "pump"))
        await result(ledger)
        stopping = asyncio.create_task(stopped(node))
        await asyncio.sleep(0.1)
        assert not stopping.done()
        await ledger.receipt(next(h for t, h, _ in ledger.heard if t.kind == "result"))
        await asyncio.wait_for(stopping, 5)
        assert node._running.outbox is not None
        assert node._running.outbox.pending == 0


async def test_a_handler_that_does_not_care_is_left_behind_and_named(
    ledger: FakeLedger, options: NodeOptions, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr("labmesh.node._worker.Worker.stop.__kwdefaults__", {"patience": 0.1})
    monkeypatch.setattr("labmesh.node._worker._LAST_GRACE", 0.1)
    async with node_of(options) as node:
        await give(ledger, order("stubborn", "lamp"))
        await until(lambda: node.begun == ["stubborn"])
        await asyncio.wait_for(stopped(node), 5)
        assert "does not stop: lamp" in caplog.text
        node.go.set()
        await until_idle(node)


async def test_orders_that_come_during_deactivation_are_declined(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options) as node:
        node.resting = asyncio.Event()
        task = asyncio.create_task(stopped(node))
        await node.rests.wait()
        assert node.state is State.ACTIVE
        await give(ledger, order("late", "pump"))
        await until(lambda: bool(ledger.of("progress", kind="decline")))
        node.resting.set()
        await task
        assert node.begun == []


async def test_after_a_death_in_mid_action_it_stays_inactive_until_a_person_has_looked(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    store = NodeStore(options.data_dir / "kit" / "worker" / "node.sqlite")
    await store.take_in_hand(InHand(new_id(), 3, "act/pump for kit/asker"))
    await store.close()
    async with node_of(options, State.INACTIVE) as node:
        await give(ledger, order("a", "pump"))
        await until(lambda: bool(ledger.of("progress", kind="decline")))
        assert node._life is not None
        assert "mid-action: act/pump for kit/asker" in node._life.reason
        await node._life.change(Transition.ACTIVATE)
        assert await node._running.store.in_hand() == []
        await give(ledger, order("b", "pump"))
        assert (await result(ledger))["data"]["text"] == "b"


async def test_an_intent_that_cannot_be_written_is_declined(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    async with node_of(options) as node:
        store = node._running.store
        await store._run(lambda: store._db.execute("DROP TABLE in_hand"))
        await give(ledger, order("a", "pump"))
        await until(lambda: bool(ledger.of("progress", kind="decline")))
        assert "cannot note down" in ledger.of("progress", kind="decline")[0]["text"]
        assert node.begun == []
        await store._run(
            lambda: store._db.execute(
                "CREATE TABLE in_hand (request TEXT PRIMARY KEY, token INTEGER NOT NULL, "
                "what TEXT NOT NULL, since INTEGER NOT NULL)"
            )
        )


async def test_a_node_that_stood_still_tells_the_operator(
    ledger: FakeLedger, options: NodeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labmesh.node._health._PULSE", 0.05)
    monkeypatch.setattr("labmesh.node._health._STANDSTILL", 0.2)
    async with node_of(options) as node:
        await asyncio.sleep(0.1)
        time.sleep(0.5)  # noqa: ASYNC251
        await until(lambda: "event-loop" in node._diagnostics)
        told = node._diagnostics["event-loop"]
        assert "stood still" in told.message
        assert "in_thread" in told.remedy


async def test_blocking_calls_run_in_threads_one_a_resource(
    ledger: FakeLedger, options: NodeOptions
) -> None:
    at_once: list[int] = []
    inside = 0

    def driver(seconds: float) -> float:
        nonlocal inside
        inside += 1
        at_once.append(inside)
        time.sleep(seconds)
        node.log.info("from a thread", seconds=seconds)
        inside -= 1
        return seconds

    async with node_of(options) as node:
        calls = [node.in_thread(driver, 0.05, resource="pump") for _ in range(3)]
        assert await asyncio.gather(*calls) == [0.05] * 3
        assert at_once == [1, 1, 1]
        task = asyncio.create_task(node.in_thread(driver, 0.2, resource="pump"))
        await until(lambda: inside == 1)
        task.cancel()
        await node.in_thread(driver, 0.0, resource="pump")
        assert at_once == [1] * 5
        assert task.cancelled()
        with pytest.raises(OrderError, match="jammed"):
            await node.in_thread(_jam)


def _jam() -> None:
    raise OrderError("jammed")
