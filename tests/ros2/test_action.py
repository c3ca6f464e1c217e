"""Action: a capability's order is the action, its request the goal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from labmesh import LabClient, Node, Order, capability, connect
from labmesh.client import CancelCode, Feedback, GoalStatus, RequestHandle
from labmesh.client._goal import GOAL_STATUS
from messages.errors import CallRefusedError, CallTimeoutError, RequestFailedError
from messages.ids import new_id
from messages.ledger import Status
from messages.model import Count, Model
from nodes.broker import BrokerNode
from tests.ros2._life import Bench, bench, until  # noqa: F401 - a fixture


class Goal(Model):
    """How far to count."""

    to: Count
    steady: Count = 0


class Sequence(Model):
    """What was counted."""

    last: Count


class Counter(Node[Any]):
    """Counts when it is told to; an instrument."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.go = asyncio.Semaphore(0)
        self.rest = asyncio.Event()

    @capability("sequence", "count", worker="instrument", lease=5.0)
    async def count(self, order: Order[Goal]) -> Sequence:
        """Count; the first `steady` steps must not be broken off."""
        goal, n = order.parameters, 0
        try:
            while n < goal.to:
                if n < goal.steady:
                    with order.uninterruptible("the vial is open"):
                        await self.go.acquire()
                else:
                    await self.go.acquire()
                n += 1
                await order.feedback(n / goal.to, f"counted {n}")
        finally:
            if order.cancel_requested:
                await self.rest.wait()
        return Sequence(last=n)

    @capability("sequence", "guess")
    async def guess(self, order: Order[Goal]) -> Sequence:
        """A model that never ends."""
        await asyncio.Event().wait()
        raise AssertionError


async def send(lab: LabClient, to: int, *, method: str = "count", **more: Any) -> RequestHandle:
    steady = more.pop("steady", 0)
    goal = Goal(to=to, steady=steady)
    handle = await lab.submit("sequence", method, goal, wait=True, timeout=30, **more)
    await until(lambda: handle.goal_status is GoalStatus.EXECUTING)
    return handle


async def test_action(bench: Bench) -> None:  # noqa: F811
    ledger = BrokerNode(bench.options("broker"))
    node = Counter(bench.options("counter"))
    where: dict[str, Any] = {"mqtt": bench.place.mqtt, "site": bench.place.site}
    async with bench.run(ledger), bench.run(node), connect(**where, name="asker") as lab:
        heard: list[Feedback] = []
        goal = await send(lab, 3, on_feedback=heard.append)
        assert (await lab.goal(goal.id)) is goal
        words: list[Feedback] = []

        async def listen() -> None:
            words.extend([word async for word in goal.feedback()])

        listening = asyncio.create_task(listen())
        node.go.release()
        await until(lambda: len(heard) == 1)
        node.go.release()
        node.go.release()
        assert (await goal.result(timeout=30)).data == {"last": 3}
        assert goal.goal_status is GoalStatus.SUCCEEDED
        assert [f.text for f in heard] == ["counted 1", "counted 2", "counted 3"]
        assert heard[-1] == Feedback(1.0, "counted 3", "kit/counter")
        await listening  # ends with the goal
        assert words[-1].worker == "kit/counter"
        assert (await goal.cancel()).code is CancelCode.TERMINATED

        # A result stays: another process asks for it by the id alone.
        async with connect(**where, name="later") as other:
            found = await other.goal(str(goal.id))
            assert (await found.result(timeout=30)).data == {"last": 3}
            with pytest.raises(CallRefusedError, match="no request"):
                await other.goal(new_id())
            running = await send(lab, 1)
            # Nobody cancels another's goal, and waiting ends when it shall.
            theirs = await other.goal(running.id)
            refused = await theirs.cancel()
            assert (refused.code, bool(refused)) == (CancelCode.REJECTED, False)
            assert "kit/asker's, not kit/later's" in refused.reason
            with pytest.raises(CallTimeoutError, match="has not ended within 0.01 s; it goes on"):
                await theirs.done(timeout=0.01)
            node.go.release()
            assert (await theirs.done(timeout=30)).after is Status.RESOLVED

        # A cancel of an instrument is accepted at once, and over when that is at rest.
        goal = await send(lab, 3)
        answer = await goal.cancel("enough")
        assert answer.code is CancelCode.NONE
        await until(lambda: goal.goal_status is GoalStatus.CANCELING)
        again = await goal.cancel()
        assert (again.code, "canceling already" in again.reason) == (CancelCode.REJECTED, True)
        node.go.release()  # its next feedback tells it; it goes on to its rest
        shown = await bench.json("request", "show", str(goal.id))
        assert shown["request"]["status"] == "canceling"
        node.rest.set()
        assert (await goal.done(timeout=30)).after is Status.RETRACTED
        assert goal.goal_status is GoalStatus.CANCELED
        assert [c.after.value for c in goal.changes][-2:] == ["canceling", "retracted"]
        with pytest.raises(RequestFailedError, match="is retracted: enough"):
            await goal.result()

        # It may refuse where it must not be stopped half-way.
        goal = await send(lab, 2, steady=1, on_feedback=heard.append)
        refused = await goal.cancel("hurry")
        assert (refused.code, refused.reason) == (
            CancelCode.REJECTED, "not stopped: the vial is open",
        )  # fmt: skip
        assert goal.goal_status is GoalStatus.EXECUTING
        node.go.release()
        await until(lambda: heard[-1].text == "counted 1")
        assert await goal.cancel()
        node.go.release()
        assert (await goal.done(timeout=30)).after is Status.RETRACTED

        # A model is stopped where it is.
        goal = await send(lab, 1, method="guess")
        assert await goal.cancel()
        assert (await goal.done(timeout=30)).after is Status.RETRACTED


def test_every_status_is_one_of_an_action() -> None:
    assert set(GOAL_STATUS) == set(Status)
    ids = {status.name: status.value for status in GoalStatus}
    assert ids == {
        "UNKNOWN": 0, "ACCEPTED": 1, "EXECUTING": 2, "CANCELING": 3, "SUCCEEDED": 4, "CANCELED": 5,
        "ABORTED": 6, "LOST": 20,
    }  # fmt: skip
    assert {s for s in Status if GOAL_STATUS[s].terminal} == {
        Status.RESOLVED, Status.RETRACTED, Status.FAILED, Status.EXPIRED, Status.ABANDONED,
    }  # fmt: skip
    assert [code.value for code in CancelCode] == [0, 1, 2, 3]
