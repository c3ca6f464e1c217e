"""The plan of a batch: order, volumes, pits, and what remains of it after a crash."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.autobass._layout import PARTS, load_layout
from nodes.autobass._plan import Batch, check_volume, left_to_do, needs, plan, tray, vial

LAYOUT = load_layout("")


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    cells = draw(st.integers(1, 64))
    first = st.integers(1, 65 - cells)
    return Batch(
        cells=cells,
        volume=draw(st.integers(2, 16)) * 5e-9,
        first_pits={part: draw(first) for part in PARTS},
        vial=draw(st.integers(1, 16)),
        electrolyte="e-1",
        wash_volume=20e-9,
        wash_cycles=draw(st.integers(0, 3)),
    )


def test_the_steps_of_one_cell() -> None:
    batch = Batch(1, 35e-9, dict.fromkeys(PARTS, 9), 2, "e-1", 20e-9, 3)
    assert [step.key.removeprefix("cell01/") for step in plan(batch, LAYOUT)] == [
        "prepare", "wash",
        "anode_case", "anode_spacer", "anode", "aspirate1", "dispense1",
        "separator", "aspirate2", "dispense2",
        "cathode", "cathode_spacer", "spring", "cathode_case",
        "align", "press", "load", "crimp", "store",
        "stand_by",
    ]  # fmt: skip
    anode = next(step for step in plan(batch, LAYOUT) if step.key == "cell01/anode")
    assert anode.origin is not None
    assert anode.target is not None
    assert anode.origin.rail == pytest.approx(LAYOUT.first_stop + 8 * 0.023)
    assert anode.target.rail == pytest.approx(0.92)


@settings(max_examples=40)
@given(batches())
def test_what_holds_for_every_batch(batch: Batch) -> None:
    steps = plan(batch, LAYOUT)
    assert len({step.key for step in steps}) == len(steps)
    used: dict[str, float] = {}
    for step in steps:
        for name, amount in step.books.items():
            used[name] = used.get(name, 0.0) + amount
        for spot in (step.origin, step.target):
            assert spot is None or 0 <= spot.rail <= 1.8
        if step.kind in ("place", "dispense", "press", "load", "crimp", "store"):
            assert step.once
    wanted = needs(batch)
    assert {name: used[name] for name in wanted} == pytest.approx(wanted)
    for part in PARTS:
        pits = [step.pit for step in steps if step.kind == "place" and step.part == part]
        assert pits == list(range(batch.first_pits[part], batch.first_pits[part] + batch.cells))
    given_ = [step.volume or 0 for step in steps if step.kind == "dispense"]
    assert sum(given_) == pytest.approx(batch.cells * batch.volume)


@settings(max_examples=40)
@given(batches(), st.data())
def test_what_remains_repeats_nothing(batch: Batch, data: st.DataObject) -> None:
    steps = plan(batch, LAYOUT)
    once = [step.key for step in steps if step.once]
    done = set(once[: data.draw(st.integers(0, len(once)))])
    scrapped = {cell for cell in range(1, batch.cells + 1) if data.draw(st.booleans())}
    rest = left_to_do(steps, done, scrapped)
    assert not {step.key for step in rest} & done
    assert not {step.cell for step in rest} & scrapped
    missing = {s.key for s in steps if s.once and s.key not in done and s.cell not in scrapped}
    assert missing <= {step.key for step in rest}
    # What the dispenser held went into the waste: each dispense has its own aspirate before it.
    for before, step in pairwise(rest):
        if step.kind == "dispense":
            assert (before.kind, before.cell) == ("aspirate", step.cell)
    kept = {step.key for step in rest}
    assert [step.key for step in rest] == [step.key for step in steps if step.key in kept]


@pytest.mark.parametrize("volume", [9e-9, 12e-9, 81e-9, 85e-9, 0.0])
def test_volumes_out_of_the_range_are_refused(volume: float) -> None:
    with pytest.raises(ValueError, match="from 10 to 80 uL in steps of 5"):
        check_volume(volume)


def test_a_batch_that_does_not_fit_is_refused() -> None:
    pits = dict.fromkeys(PARTS, 60)
    with pytest.raises(ValueError, match="pits 1 to 64, not 65"):
        plan(Batch(6, 35e-9, pits, 1, "e-1"), LAYOUT)
    with pytest.raises(ValueError, match="1 to 64 cells, not 65"):
        plan(Batch(65, 35e-9, pits, 1, "e-1"), LAYOUT)


def test_supplies_of_a_batch() -> None:
    found = needs(Batch(8, 35e-9, dict.fromkeys(PARTS, 1), 3, "e-1", 20e-9, 3))
    assert found[tray("spring")] == 8
    assert found[vial(3)] == pytest.approx(8 * 35e-9 + 60e-9)
    assert found["waste"] == pytest.approx(60e-9)
