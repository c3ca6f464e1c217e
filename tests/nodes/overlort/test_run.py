"""The run around the engine: refusals that pass, what was asked before, verdicts that stand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messages.errors import RefusedError
from messages.ledger import Result, ResultStatus, Status
from messages.query import RequestView, ResultView
from messages.workflow import WorkflowVerdict, verdict_id
from nodes.overlort import SubRequest, WorkflowRequest
from nodes.overlort import _run as module
from nodes.overlort._facts import Submission
from nodes.overlort._picture import Picture
from nodes.overlort._run import Run, read_verdict, settled_plan
from tests.nodes.overlort.worlds import REQUEST, World, workflow_of

TEXT = """
steps:
  one: {quantity: q, method: one, parameters: {n: 1}}
answer: {value: "${steps.one.data.value}"}
"""
WORKFLOW = WorkflowRequest(REQUEST, {}, "c", 5)


class Shelf:
    """`Ledger` of one workflow; everything that is asked is resolved at the next look."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.results: dict[UUID, Result] = {}
        self.offers: list[set[tuple[str, str]]] = []
        self.refuse: list[str] = []
        self.waited: list[str] = []
        self.submitted = 0

    async def request(self, id: UUID) -> RequestView | None:  # noqa: A002
        due = self.world.asked.get(id)
        if due is None:
            return None
        return RequestView(
            id=id, offset=0, author="kit/overlort", stamp=0, load_time=0, quantity=due.quantity,
            method=due.method, parameters=due.parameters, priority=5, attempts=3, parent=REQUEST,
            status=Status.PENDING, changed=0,
        )  # fmt: skip

    async def children(self, parent: UUID) -> dict[UUID, SubRequest]:
        return dict(self.world.subs)

    async def told(self, id: UUID) -> ResultView | None:  # noqa: A002
        found = self.results.get(id)
        if found is None:
            return None
        return ResultView(
            id=id, offset=0, author="kit/overlort", stamp=0, load_time=0,
            status=ResultStatus.ORIGINAL, **found.model_dump(exclude={"token"}),
        )  # fmt: skip

    async def tell(self, result: Result, id: UUID) -> None:  # noqa: A002
        if self.results.setdefault(id, result) != result:
            raise RefusedError("the same uuid with another body")

    async def offered(self) -> set[tuple[str, str]]:
        return self.offers.pop(0) if self.offers else {("q", "one")}

    async def submit(self, due: Submission, workflow: WorkflowRequest) -> None:
        self.submitted += 1
        if self.refuse:
            raise RefusedError(self.refuse.pop(0))
        self.world.take(due)

    async def cancel(self, id: UUID, reason: str) -> None:  # noqa: A002
        self.world.end(id, Status.RETRACTED, message=reason)

    async def news(self, known: dict[UUID, SubRequest], seconds: float) -> dict[UUID, SubRequest]:
        self.world.resolve("one", {"value": 7})
        return {i: self.world.subs[i] for i in known if self.world.subs[i].ended}

    async def progress(self, picture: Picture) -> None:
        pass

    async def waiting(self, words: str) -> None:
        if words:
            self.waited.append(words)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(module, "_OFFER_POLL", 0.001)
    return Shelf(World(workflow_of(TEXT)))


def run_of(shelf: Shelf) -> Run:
    return Run(shelf.world.engine, WORKFLOW, ledger=shelf, teller=shelf, now=lambda: 0)


async def test_what_nobody_offers_is_waited_for(shelf: Shelf) -> None:
    shelf.offers = [set(), set(), {("q", "one")}]
    picture = await run_of(shelf).drive()
    assert picture.answer == {"value": 7}
    assert shelf.waited == ["waits for a node that offers q/one"] * 2
    assert shelf.submitted == 1


async def test_a_refusal_that_a_start_takes_back_is_waited_out(shelf: Shelf) -> None:
    # The node left between the look at the offers and the question; the ledger remembers for a
    # minute what it has refused, and says it again.
    shelf.refuse = ["offer: no offer of q/one fits (kit/one: is lost)"] * 3
    shelf.offers = [{("q", "one")}, set()]
    picture = await run_of(shelf).drive()
    assert picture.answer == {"value": 7}
    assert shelf.submitted == 4


async def test_any_other_refusal_ends_the_workflow(shelf: Shelf) -> None:
    shelf.refuse = ["parameters: n is at most 0"]
    picture = await run_of(shelf).drive()
    assert picture.answer is None
    assert shelf.submitted == 1
    told = await read_verdict(shelf, REQUEST)
    assert told is not None
    assert (told.step, told.message) == ("one", "parameters: n is at most 0")


async def test_what_an_earlier_life_asked_is_taken_over(shelf: Shelf) -> None:
    due = shelf.world.look().submit[0]
    run = run_of(shelf)
    shelf.refuse = ["the same uuid with another body"]

    async def late(parent: UUID) -> dict[UUID, SubRequest]:
        shelf.world.take(due)  # its message arrives after the look
        return {}

    shelf.children = late  # type: ignore[method-assign]
    assert (await run.drive()).answer == {"value": 7}
    assert shelf.world.order == ["one[0]#1"]


async def test_what_was_written_first_stands(shelf: Shelf) -> None:
    first = WorkflowVerdict(request=REQUEST, kind="failed", step="one", message="as it was")
    told = module.told("verdict", first.model_dump(mode="json"), WORKFLOW)
    await shelf.tell(told, verdict_id(REQUEST))
    picture = await run_of(shelf).drive(cancelled="enough")
    assert picture.verdict == first
    assert shelf.submitted == 0


async def test_the_definition_it_began_with_is_the_one_it_goes_on_with(shelf: Shelf) -> None:
    before = workflow_of(TEXT)
    assert await settled_plan(shelf, WORKFLOW, before, "a.yaml") is before
    changed: Any = workflow_of(TEXT.replace("n: 1", "n: 2"))
    again = await settled_plan(shelf, WORKFLOW, changed, "a.yaml")
    assert again == before
    assert again.sha256 == before.sha256
