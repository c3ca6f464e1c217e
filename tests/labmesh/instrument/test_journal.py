"""The journal through crashes, cancellations and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from labmesh.instrument import (
    InstrumentFile,
    StepDoneError,
    StepInDoubtError,
    StepJournal,
    Supplies,
    SupplyShortError,
)
from messages.errors import LabmeshError
from messages.ids import new_id

REQUEST = new_id()


class Bench:
    """A journal and its supplies; `crash` leaves what is on the disk."""

    def __init__(self, path: Path, *, dry_run: bool = False) -> None:
        self.path = path
        self.file = InstrumentFile(path)
        self.supplies = Supplies(self.file, lambda: 1_000, dry_run=dry_run)
        self.supplies.define("stock", "stock", "m3", 100e-9)
        self.supplies.define("waste", "waste", "m3", 50e-9)
        self.journal = StepJournal(self.file, lambda: 2_000, self.supplies, dry_run=dry_run)
        self.journal.close_others()

    def crash(self, *, dry_run: bool = False) -> Bench:
        self.file.close()
        return Bench(self.path, dry_run=dry_run)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "instrument.sqlite")
    yield made
    made.file.close()


async def dispense(bench: Bench, key: str = "cell1/dispense", *, dies: bool = False) -> None:
    async with bench.journal.step(
        REQUEST, key, kind="dispense", once=True, intent={"volume": 40e-9},
        books={"stock": 40e-9},
    ) as step:  # fmt: skip
        if dies:
            raise KeyboardInterrupt
        step.result(volume=39e-9)


async def test_what_was_done_once_is_never_done_again(bench: Bench) -> None:
    await dispense(bench)
    bench = bench.crash()
    with pytest.raises(StepDoneError) as caught:
        await dispense(bench)
    assert caught.value.result == {"volume": 39e-9}
    assert bench.journal.done(REQUEST, "cell1/dispense") == {"volume": 39e-9}
    assert bench.supplies.level("stock") == pytest.approx(60e-9)


@pytest.mark.parametrize(("outcome", "left"), [("done", 60e-9), ("not_done", 60e-9)])
async def test_a_person_says_how_a_step_in_doubt_ended(
    bench: Bench, outcome: str, left: float
) -> None:
    with pytest.raises(KeyboardInterrupt):
        await dispense(bench, dies=True)
    bench = bench.crash()
    (doubt,) = bench.journal.in_doubt()
    assert (doubt.key, doubt.kind, doubt.intent) == (
        "cell1/dispense", "dispense", {"volume": 40e-9},
    )  # fmt: skip
    with pytest.raises(StepInDoubtError, match="nobody knows how it ended"):
        await dispense(bench)
    with pytest.raises(LabmeshError, match="name the person"):
        bench.journal.resolve(doubt, "done", by=" ")
    resolved = bench.journal.resolve(doubt, outcome, by="Ada", result={"volume": 1.0})  # type: ignore[arg-type]
    assert (resolved.state, resolved.resolved_by) == (outcome, "Ada")
    assert not bench.journal.in_doubt()
    if outcome == "done":
        with pytest.raises(StepDoneError):
            await dispense(bench)
    else:  # what it had booked was given back, and is booked again
        assert bench.supplies.level("stock") == pytest.approx(100e-9)
        await dispense(bench)
    assert bench.supplies.level("stock") == pytest.approx(left)
    with pytest.raises(LabmeshError, match="not in doubt"):
        bench.journal.resolve(doubt, "done", by="Ada")


async def test_a_driver_that_did_nothing_leaves_no_doubt_and_no_booking(bench: Bench) -> None:
    async def refused() -> None:
        async with bench.journal.step(
            REQUEST, "d", kind="dispense", once=True, books={"stock": 1e-9, "waste": 2e-9}
        ) as step:
            step.not_done("out of reach")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await refused()
    assert not bench.journal.in_doubt()
    assert bench.supplies.level("stock") == pytest.approx(100e-9)
    assert bench.supplies.level("waste") == pytest.approx(0)
    assert [each.state for each in bench.journal.steps(REQUEST)] == ["not_done"]


async def test_steps_that_may_be_repeated_are(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError):
            async with bench.journal.step(REQUEST, "look", kind="look", once=False):
                raise RuntimeError("blurred")
    async with bench.journal.step(REQUEST, "look", kind="look", once=False):
        assert [step.key for step in bench.journal.under_way()] == ["look"]
    assert [each.state for each in bench.journal.steps(REQUEST)] == ["failed", "failed", "done"]
    assert not bench.journal.in_doubt()


async def test_a_step_cancelled_before_it_began_is_not_in_doubt(bench: Bench) -> None:
    """Whoever is cancelled while the intent is being written has done nothing."""
    ran = False

    async def act() -> None:
        nonlocal ran
        async with bench.journal.step(REQUEST, "crimp", kind="crimp", once=True):
            ran = True

    task = asyncio.create_task(act())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ran
    assert not bench.journal.in_doubt()
    await act()


async def test_nothing_begins_that_a_supply_does_not_suffice_for(bench: Bench) -> None:
    with pytest.raises(SupplyShortError, match="stock: 1.2e-07 m3 wanted, left 1e-07; waste"):
        async with bench.journal.step(
            REQUEST, "big", kind="dispense", once=True, books={"stock": 120e-9, "waste": 51e-9}
        ):
            pytest.fail("it ran")
    assert not bench.journal.steps(REQUEST)
    assert bench.supplies.level("stock") == pytest.approx(100e-9)


async def test_a_dry_run_neither_books_nor_counts_as_done(bench: Bench) -> None:
    bench = bench.crash(dry_run=True)
    await dispense(bench)
    with pytest.raises(StepDoneError):
        await dispense(bench)
    with pytest.raises(KeyboardInterrupt):
        await dispense(bench, "cell2/dispense", dies=True)
    assert not bench.journal.in_doubt()
    assert bench.supplies.level("stock") == pytest.approx(100e-9)
    with pytest.raises(SupplyShortError):
        bench.supplies.book("stock", 101e-9)
    real = bench.crash()
    await dispense(real)
    assert real.supplies.level("stock") == pytest.approx(60e-9)
    assert [step.dry_run for step in real.journal.steps(REQUEST)] == [True, True, False]
