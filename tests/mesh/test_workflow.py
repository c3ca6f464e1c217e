"""A workflow through processes: killed, cancelled, refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from messages.errors import RequestFailedError
from messages.ledger import Status
from messages.workflow import plan_id, step_id, verdict_id
from tests.mesh.conftest import Lab, diary
from tests.support import Running

WORKFLOW = Path(__file__).parents[1] / "data" / "workshop.workflow.yaml"


async def overlort(lab: Lab, *, wait: bool = True) -> Running:
    """Start Overlort with the workshop's workflow."""
    return await lab.start("overlort", "overlort", "--param", f"workflows=[{WORKFLOW}]", wait=wait)


@pytest.fixture
async def node(lab: Lab) -> Running:
    """A workshop and an Overlort, their offers known."""
    await lab.start(
        "tests.mesh.workshop_node:WorkshopNode", "workshop",
        "--param", f"diary={lab.folder}/diary.txt",
    )  # fmt: skip
    started = await overlort(lab)
    await lab.until_offered("all")
    return started


async def told(lab: Lab, *arguments: str) -> Any:
    """Return what ``labmesh workflow`` says, from the ledger's file alone."""
    file = lab.folder / "kit" / "broker" / "ledger.sqlite"
    running = await lab.processes.labmesh(
        "workflow", *arguments, "--json", "--ledger-file", str(file)
    )
    assert await running.wait() == 0, running.output
    return json.loads("\n".join(running.stdout))


async def until_done(lab: Lab, line: str, count: int = 1) -> None:
    """Return when the workshop has begun something so many times."""
    async with asyncio.timeout(20):
        while sum(each.startswith(line) for each in diary(lab)) < count:
            await asyncio.sleep(0.02)


async def test_killed_in_the_middle_it_goes_on_and_a_refusal_is_passed_on(
    lab: Lab, node: Running
) -> None:
    goal = await lab.client.submit(
        "workshop", "all", {"recipe": "a", "seconds": 2.0}, campaign="c1", priority=7
    )
    await until_done(lab, "test", 4)
    node.kill()
    await node.wait()
    assert await lab.status(step_id(goal.id, "test", 0, 1)) == "running", (
        "the lab goes on by itself"
    )
    await overlort(lab)
    found = await goal.result(timeout=60)

    assert found.data["values"] == [0.0, 1.0, 3.0]
    assert found.data["lost"] == ["a2 is broken"]
    assert found.rating is not None
    assert found.rating.reason == "3 values"
    assert sorted(diary(lab)) == ["mix a", "test a0", "test a1", "test a2", "test a3"]
    children = [view async for view in lab.client.requests(parent=str(goal.id))]
    assert {view.id for view in children} == {
        step_id(goal.id, "mix", 0, 1), *(step_id(goal.id, "test", n, 1) for n in range(4))
    }  # fmt: skip
    assert {(view.campaign, view.priority) for view in children} == {("c1", 7)}
    plan = await lab.client.result(plan_id(goal.id))
    assert plan.data["name"] == "workshop"
    assert found.provenance.notes["cost"] == 14.0
    assert found.provenance.notes["critical_path"] == ["mix", "test"]

    shown = await told(lab, "show", str(goal.id), "--watch")
    assert (shown["status"], shown["cost"], shown["fraction"]) == ("resolved", 14.0, 1.0)
    steps = {(line["step"], line["item"]): line for line in shown["steps"]}
    assert steps["mix", None]["worker"] == "kit/workshop"
    assert steps["test", None]["status"] == "done 3/4"
    assert steps["test", 2]["why"] == "a2 is broken"
    assert steps["test", 3]["lab"] >= 2.0
    assert shown["waits_for"] == []
    assert [each["workflow"] for each in await told(lab, "list")] == ["workshop"]

    # The same lab once more, since starting it takes longest: a refusal is passed on word for word.
    bad = await lab.client.submit("workshop", "all", {"recipe": "bad"})
    with pytest.raises(RequestFailedError, match="the nearest feasible one is 7; take 7"):
        await bad.result(timeout=30)
    assert diary(lab)[5:] == ["mix bad"], "what failed is not undone"

    short = await lab.client.submit("workshop", "all", {"recipe": "b", "least": 4})
    with pytest.raises(
        RequestFailedError, match="3 of 4 can come through, at least 4 must; item 2"
    ):
        await short.result(timeout=30)
    assert diary(lab)[-1] == "dispose vial"
    verdict = await lab.client.result(verdict_id(short.id))
    assert (verdict.data["kind"], verdict.data["step"]) == ("failed", "test")


@pytest.mark.slow
async def test_a_cancel_reaches_what_is_open_even_when_nobody_was_there(
    lab: Lab, node: Running
) -> None:
    first = await lab.client.submit("workshop", "all", {"recipe": "c", "seconds": 60.0})
    await until_done(lab, "test", 4)
    assert await first.cancel("enough", timeout=20)
    await until_done(lab, "dispose")
    assert await lab.status(step_id(first.id, "test", 0, 1)) == "retracted"

    second = await lab.client.submit("workshop", "all", {"recipe": "d", "seconds": 60.0})
    await until_done(lab, "test d", 4)
    node.kill()
    await node.wait()
    await lab.client.cancel(second.id, "enough")
    assert await lab.until_status(second.id, "retracted")
    await overlort(lab)
    await until_done(lab, "dispose", 2)
    for number in (0, 1, 3):
        status = await lab.status(step_id(second.id, "test", number, 1))
        assert status == Status.RETRACTED
    assert sum(line.startswith("dispose") for line in diary(lab)) == 2
