"""From a formulation to a box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.chemistry import EC, EMC, LIPF6, PC, Formulation
from messages.errors import OrderError
from messages.formulation_algebra import formulation_from, molality_and_w_ec
from nodes.dynamics import DynamicsParameters, estimated_density, make_plan, molecules
from nodes.dynamics._compose import composition, formulation_of

P = DynamicsParameters()


@given(st.floats(0.0, 2.5), st.floats(0.0, 1.0), st.integers(60, 800))
def test_a_box_is_neutral_and_like_what_is_asked_for(m: float, w: float, number: int) -> None:
    counts = molecules(m, w, number)
    assert counts["Li"] == counts["PF6"]
    assert (counts["Li"] > 0) == (m > 0)
    assert (counts["EC"] > 0) == (w > 0)
    assert (counts["EMC"] > 0) == (w < 1)
    assert abs(sum(counts.values()) - number) <= 0.12 * number + 5
    made = composition(counts)
    per = 0.104 / number
    assert abs(made[0] - m) < 1.5 / (number * 0.088)
    assert abs(made[1] - w) < 4 * per / 0.088
    assert molality_and_w_ec(formulation_of(counts)) == pytest.approx(made)


def test_a_larger_box_is_more_like_it() -> None:
    def miss(number: int) -> float:
        made = composition(molecules(1.03, 0.31, number))
        return abs(made[0] - 1.03) + abs(made[1] - 0.31)

    assert miss(97) < 0.02
    assert miss(1000) < 0.002


def test_what_makes_another_run() -> None:
    plan = make_plan(formulation_from(1.0, 0.3), 298.15, "quick", P)
    same = make_plan(formulation_from(1.0, 0.3), 298.15, "quick", P)
    assert plan.key == same.key
    assert plan.read(plan.text()) == plan
    others = [
        make_plan(formulation_from(1.0, 0.3), 299.15, "quick", P),
        make_plan(formulation_from(1.0, 0.5), 298.15, "quick", P),
        make_plan(formulation_from(1.0, 0.3), 298.15, "production", P),
        make_plan(formulation_from(1.0, 0.3), 298.15, "quick", P, guess=1100.0),
        make_plan(formulation_from(1.0, 0.3), 298.15, "quick", P.model_copy(update={"seed": 1})),
        make_plan(
            formulation_from(1.0, 0.3), 298.15, "quick", P.model_copy(update={"charge_scale": 0.8})
        ),
    ]
    assert len({plan.key, *(other.key for other in others)}) == 7


def test_a_plan_is_cut_into_segments_without_gaps() -> None:
    plan = make_plan(formulation_from(1.0, 0.3), 298.15, "production", P)
    segments = plan.segments()
    assert [s.number for s in segments] == list(range(len(segments)))
    assert sum(s.steps for s in segments) == plan.steps
    assert [s.phase for s in segments if s.first] == [
        "anneal", "equilibrate", "density", "transport"
    ]  # fmt: skip
    assert all(s.steps % plan.sample == 0 for s in segments)
    assert plan.transport * plan.step == pytest.approx(10_000, rel=1e-3), "10 ns, in ps"


def test_the_cutoff_fits_into_a_small_box() -> None:
    small = P.model_copy(update={"quick": P.quick.model_copy(update={"molecules": 16})})
    plan = make_plan(formulation_from(1.0, 0.3), 298.15, "quick", small)
    assert plan.cutoff < 0.43 * plan.edge


@pytest.mark.parametrize(
    ("formulation", "kelvin", "guess", "words"),
    [
        (Formulation.of({LIPF6: 0.1, PC: 0.9}), 298.15, None, "no force field here.*propylene"),
        (formulation_from(3.0, 0.3), 298.15, None, "molality 3 mol/kg is above 2.5"),
        (formulation_from(1.0, 0.3), 400.0, None, "400 K is not from 263.15 to 343.15"),
        (formulation_from(1.0, 0.3), 298.15, 1.2, "estimated density 1.2 kg/m3"),
    ],
)
def test_what_is_refused(
    formulation: Formulation, kelvin: float, guess: float | None, words: str
) -> None:
    with pytest.raises(OrderError, match=words) as refusal:
        make_plan(formulation, kelvin, "quick", P, guess)
    assert refusal.value.where
    assert not refusal.value.retryable


def test_the_first_guess_is_the_measured_density() -> None:
    """Feeder densities of Dave et al. 2022 at laboratory temperature, kg/m3."""
    for m, w, measured in ((0, 0.3, 1095), (0, 0.5, 1156), (1.5, 0.3, 1225), (1.5, 0.5, 1287)):
        assert estimated_density(m, w, 300.0) == pytest.approx(measured, rel=2e-3)


def test_solvents_alone_are_a_box_too() -> None:
    counts = molecules(0.0, 0.3, 90)
    assert counts["Li"] == 0
    assert formulation_of(counts).fraction(LIPF6) == 0
    assert formulation_of(counts).fraction(EC) + formulation_of(counts).fraction(EMC) == 1
