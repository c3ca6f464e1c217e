"""The engine: what it asks next, whatever it is told, and however often it begins anew."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from messages.ledger import FromState, SampleStep, Status
from messages.workflow import step_id
from nodes.overlort._facts import Submission
from nodes.overlort._picture import Phase
from tests.nodes.overlort.worlds import REQUEST, World, workflow_of, workshop

PARTS = ["a0", "a1", "a2", "a3"]


def mixed(_due: Submission) -> dict[str, Any]:
    return {"vial": "v", "parts": PARTS}


def test_from_request_to_answer() -> None:
    world = World(workshop(), {"recipe": "a", "least": 3, "seconds": 0.0})
    assert [s.key for s in world.step().submit] == ["mix"]
    assert world.open()[0].parameters == {"recipe": "a"}
    assert world.step().submit == [], "it is asked already"
    world.resolve("mix", mixed)
    assert [s.parameters["part"] for s in world.step().submit] == PARTS
    assert [s.id for s in world.open()] == [step_id(REQUEST, "test", n, 1) for n in range(4)]
    for due in world.open("test"):
        if due.item == 2:
            world.end(due.id, Status.FAILED, failure="a2 is broken")
        else:
            world.end(due.id, Status.RESOLVED, data={"value": float(due.item)})
    picture = world.look()
    assert picture.settled
    assert picture.answer == {"values": [0.0, 1.0, 3.0], "vial": "v", "lost": ["a2 is broken"]}
    assert picture.rating is not None
    assert (picture.rating.rating, picture.rating.reason) == (4, "3 values")
    assert picture.fraction == 1.0


Outcome = tuple[str, bool]
FATES = st.lists(
    st.sampled_from(["resolved", "low", "failed", "retry", "expired", "retracted"]),
    min_size=30, max_size=30,
)  # fmt: skip

FULL = """
steps:
  make:
    quantity: q
    method: make
    retry: {tries: 2}
    compensate:
      - {quantity: q, method: unmake, parameters: {what: "${this.data.parts}"}}
  side: {quantity: q, method: side, at_least: 0}
  each:
    quantity: q
    method: each
    for_each: ${steps.make.data.parts}
    when: ${item != 'a1'}
    at_least: 2
    parallel: 2
    retry: {tries: 3, rating_below: 3}
    parameters: {part: "${item}", side: "${steps.side.status}"}
  sum:
    quantity: q
    method: sum
    parameters: {values: "${resolved(steps.each)[*].data.value}"}
answer: {total: "${steps.sum.data.total}", used: "${resolved(steps.each)[*].item}"}
"""


def fate(world: World, due: Submission, word: str) -> None:
    """Let a sub-request end as ``word`` says, with data that follow from what was asked."""
    data = {
        "make": {"parts": PARTS},
        "each": {"value": float(due.item)},
        "sum": {"total": sum(due.parameters.get("values", []))},
    }.get(due.key, {})
    if word in ("resolved", "low"):
        world.end(due.id, Status.RESOLVED, data=data, rating=5 if word == "resolved" else 1)
    elif word in ("failed", "retry"):
        world.end(due.id, Status.FAILED, failure=f"{due.key} broke", retryable=word == "retry")
    else:
        world.end(due.id, Status(word), message=f"{due.key} is {word}")


def drive(fates: list[str], cuts: list[int]) -> tuple[World, Any]:
    """Drive a workflow to its end; at each cut only so many of the things due are done.

    How a sub-request ends depends on its own id alone, as in a laboratory whose answers do not
    depend on when the orchestrator was killed.
    """
    world = World(workflow_of(FULL))
    for turn in range(200):
        cut = cuts[turn % len(cuts)] if cuts else None
        picture = world.step(only=cut)
        if picture.settled:
            return world, picture
        assert len(world.open("each")) <= 2
        if cut == 0:
            continue
        for due in sorted(world.open(), key=lambda d: str(d.id))[: None if not cuts else 1]:
            fate(world, due, fates[due.id.int % len(fates)])
    raise AssertionError("it does not come to an end")


@settings(max_examples=60)
@given(fates=FATES, cuts=st.lists(st.integers(0, 3), min_size=1, max_size=20).filter(any))
def test_interrupted_anywhere_it_asks_the_same_and_answers_the_same(
    fates: list[str], cuts: list[int]
) -> None:
    whole, end = drive(fates, [])
    broken, other = drive(fates, cuts)
    assert len(set(broken.order)) == len(broken.order)
    if end.answer is not None:
        assert other.answer == end.answer
        # With other words for the same id `World.take` would have stopped.
        assert broken.asked == whole.asked
    else:
        # Which of several failures came first depends on the lab; that there is one does not.
        assert other.answer is None
        assert other.verdict is not None
    undone = [word for word in broken.order if "compensate" in word]
    made = any(
        sub.status is Status.RESOLVED and broken.asked[i].key == "make"
        for i, sub in broken.subs.items()
    )
    assert len(undone) == (1 if made and other.answer is None else 0)


def test_a_good_result_is_not_tried_again_and_the_best_of_the_poor_counts() -> None:
    text = """
    steps:
      one:
        {quantity: q, method: m, retry: {tries: 3, rating_below: 3, pause: 10}}
    answer: {value: "${steps.one.data.value}", tries: "${steps.one.tries}"}
    """
    world = World(workflow_of(text))
    for value, rating in ((1, 1), (2, 2), (3, 0)):
        world.step()
        assert len(world.open()) == 1
        world.resolve("one", {"value": value}, rating=rating)
        picture = world.look()
        if value < 3:
            assert picture.submit == []
            assert picture.wake == world.now + 10_000_000_000
            assert picture.steps["one"].entries[0].why == "pauses before it is tried again"
        world.now += 10_000_000_000
    assert world.look().answer == {"value": 2, "tries": 3}


def test_what_a_result_must_say() -> None:
    text = """
    steps:
      keep:
        quantity: q
        method: m
        expect: {that: data.success, otherwise: "only ${data.free} are free"}
        retry: {tries: 2}
    """
    world = World(workflow_of(text))
    for _ in range(2):
        world.step()
        world.resolve("keep", {"success": False, "free": 3})
    world.step()
    assert world.verdict is not None
    assert world.verdict.message == "only 3 are free"
    assert world.verdict.step == "keep"
    assert world.look().settled


def test_as_soon_as_too_few_can_come_through_the_others_are_cancelled() -> None:
    world = World(workshop(), {"recipe": "a", "least": 4, "seconds": 0.0})
    world.step()
    world.resolve("mix", mixed)
    world.step()
    first = world.open("test")[0]
    world.end(first.id, Status.FAILED, failure="a0 is broken")
    world.step()
    assert world.verdict is not None
    assert world.verdict.message == (
        "3 of 4 can come through, at least 4 must; item 0: a0 is broken"
    )
    held = world.open("test")[0]
    picture = world.look()
    assert len(picture.cancel) == 3
    assert picture.submit == [], "nothing is undone while something moves"
    world.step()
    assert not world.open("test")
    assert held.id in world.subs
    assert [s.key for s in world.step().submit] == ["mix/compensate/0"]
    assert world.open()[0].parameters == {"vial": "v"}
    assert not world.look().settled
    world.end(world.open()[0].id, Status.FAILED, failure="the bin is full")
    picture = world.look()
    assert picture.settled
    assert picture.undone[0].entries[0].phase is Phase.FAILED
    assert picture.verdict is not None
    assert picture.verdict.message.startswith("3 of 4"), "why it failed stays why"


def test_a_refusal_ends_it_word_for_word() -> None:
    world = World(workshop(), {"recipe": "a", "least": 1, "seconds": 0.0})
    due = world.look().submit[0]
    world.refusals[due.id] = "the nearest feasible one is (1.38 mol/kg, w_EC 0.49)"
    picture = world.look()
    assert picture.verdict is not None
    assert picture.verdict.message == "the nearest feasible one is (1.38 mol/kg, w_EC 0.49)"
    assert not picture.settled, "not before it is written down"


def test_held_is_waited_for_and_shown() -> None:
    world = World(workshop(), {"recipe": "a", "least": 1, "seconds": 0.0})
    world.step()
    due = world.open()[0]
    world.subs[due.id] = world.subs[due.id].__class__(due.id, Status.HELD, "lost in mid-action")
    picture = world.look()
    assert [(step.key, sub.id) for step, sub in picture.held] == [("mix", due.id)]
    assert (picture.submit, picture.cancel, picture.settled) == ([], [], False)


def test_a_sample_is_handed_on_in_its_last_state() -> None:
    text = """
    steps:
      make: {quantity: q, method: make}
      use:
        {quantity: q, method: use, after: [make], from_state: "${steps.make.data.vial}"}
      again:
        {quantity: q, method: use, after: [use], from_state: "${steps.make.data.vial}"}
    """
    world = World(workflow_of(text))
    world.step()
    world.resolve("make", {"vial": "v"}, samples=(step_of(0),))
    world.step()
    assert world.open()[0].from_state == FromState(sample="v", state=0)
    world.resolve("use", {}, samples=(step_of(1), step_of(2)))
    world.step()
    assert world.open()[0].from_state == FromState(sample="v", state=2)


def step_of(state: int) -> SampleStep:
    before = None if state == 0 else state - 1
    return SampleStep(sample="v", kind="vial", state=state, expects_state=before, label="x")


def test_a_step_that_is_skipped_and_one_that_may_fail() -> None:
    text = """
    steps:
      maybe: {quantity: q, method: m, when: "${input.wanted}"}
      extra: {quantity: q, method: m, at_least: 0}
      last:
        quantity: q
        method: m
        after: [maybe, extra]
        parameters: {found: "${steps.maybe.data.value}", or: "${steps.extra.status}"}
    answer: {maybe: "${steps.maybe.status}"}
    """
    world = World(workflow_of(text), {"wanted": False})
    assert [s.key for s in world.step().submit] == ["extra"]
    world.end(world.open()[0].id, Status.FAILED, failure="no")
    assert world.step().submit[0].parameters == {"or": "failed"}, "nothing is left out"
    world.resolve("last", {})
    assert world.look().answer == {"maybe": "skipped"}


def test_an_expression_that_makes_no_sense_fails_the_workflow_with_its_place() -> None:
    text = """
    steps:
      one: {quantity: q, method: m}
      two: {quantity: q, method: m, parameters: {n: "${steps.one.data.n + 1}"}}
    """
    world = World(workflow_of(text))
    world.step()
    world.resolve("one", {"n": "seven"})
    verdict = world.look().verdict
    assert verdict is not None
    assert verdict.message == (
        "steps.two.parameters.n: ${steps.one.data.n + 1}: a text and a number have no sum"
    )


def test_what_was_done_is_undone_backwards_one_after_another() -> None:
    text = """
    steps:
      one:
        quantity: q
        method: one
        for_each: [a, b]
        compensate:
          - {quantity: q, method: unmake, parameters: {what: "${item}"}}
          - {quantity: q, method: report, upon: [cancel]}
      two:
        quantity: q
        method: two
        after: [one]
        compensate: [{quantity: q, method: unmake, when: "${this.data.n > 1}"}]
      three: {quantity: q, method: three, after: [two]}
    """
    world = World(workflow_of(text))
    for name in ("one", "two"):
        world.step()
        world.resolve(name, {"n": 2})
    world.step()
    world.end(world.open("three")[0].id, Status.FAILED, failure="no")
    for _ in range(12):
        if world.step().settled:
            break
        world.step()
        assert len(world.open()) <= 1, "one after another"
        world.resolve("", {})
    assert world.order[-3:] == [
        "two/compensate/0[0]#1", "one/compensate/0[0]#1", "one/compensate/0[1]#1"
    ]  # fmt: skip
    assert world.look().settled
