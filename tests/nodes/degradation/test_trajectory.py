"""Extrapolation of trajectories: honest where it can be known, wide or refused where not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from messages.cell import CellInfo
from messages.degradation import DegradationInput, EndOfLife
from nodes.degradation._fade import learn
from nodes.degradation._known import NotPredictableError, known_of
from nodes.degradation._published import published_capacities, published_cells
from nodes.degradation._trajectory import LFP, SIMULATED, Forecast, extrapolate
from nodes.degradation._work import answer
from tests.nodes.degradation.cells import NMC_CELL, fast_virtual, virtual


def of_virtual(place: int, known: int = 40) -> Forecast:
    cells = virtual()
    formation = int(cells["formation"][place])
    until = formation + known
    data = known_of(
        cells["capacity"][place][:until], formation=formation, ended=cells["ended"][place][:until]
    )
    return extrapolate(data, (SIMULATED,))


def test_intervals_cover_the_ends_of_virtual_cells() -> None:
    """A part of ``benchmarks/eol_reproduction.py``; 90 % intervals of simulated cells."""
    lives = virtual()["life"][:16]
    found = [of_virtual(place) for place in range(16)]
    covered = [f.low <= life <= f.high for f, life in zip(found, lives, strict=True)]
    apart = [abs(f.median / life - 1) for f, life in zip(found, lives, strict=True)]
    assert np.mean(covered) >= 0.85
    assert np.median(apart) < 0.35
    assert np.median([f.high / f.low for f in found]) < 8  # and are of some use
    order = np.corrcoef(np.log([f.median for f in found]), np.log(lives))[0, 1]
    assert order > 0.7


def test_more_cycles_narrow_the_interval() -> None:
    ratio = [
        np.median([f.high / f.low for f in (of_virtual(place, known) for place in (0, 7, 14))])
        for known in (20, 60)
    ]
    assert ratio[1] < ratio[0]


def test_intervals_cover_the_ends_of_published_cells_with_their_knees() -> None:
    cells = published_cells()
    covered = []
    for place in np.flatnonzero(~cells.rows("train"))[::6]:
        data = known_of(published_capacities()[place], formation=0, cycle=np.arange(2.0, 101))
        found = extrapolate(data, (LFP,), end=0.88 / data.reference)
        covered.append(found.low <= cells.lives[place] <= found.high)
    assert np.mean(covered) >= 0.85


def test_the_trajectory_goes_on_from_what_is_known_and_ends_where_it_says() -> None:
    found = of_virtual(0)
    assert found.cycles.size <= 200
    assert (np.diff(found.cycles) >= 1).all()
    assert (np.diff(found.capacity) <= 0).all()
    last = virtual()["capacity"][0][int(virtual()["formation"][0]) + 39]
    assert found.capacity[0] == pytest.approx(last, rel=1e-3)
    assert found.spread[-1] > 10 * found.spread[0]
    reference = virtual()["capacity"][0][int(virtual()["formation"][0])]
    crossing = found.cycles[np.argmax(found.capacity < 0.8 * reference)]
    assert found.low < crossing < found.high


def test_known_mechanisms_are_found_again() -> None:
    time = np.arange(1.0, 401.0)
    capacity = 1 - 4e-3 * (np.sqrt(time) - 1) - 1e-4 * (time - 1)
    capacity += np.random.default_rng(0).normal(0, 3e-4, time.size)
    fade = learn(time, capacity / capacity[0], draws=2000, seed=0)
    assert np.median(fade.linear) == pytest.approx(1e-4, rel=0.25)
    assert np.median(fade.root) == pytest.approx(4e-3, rel=0.25)
    assert fade.noise == pytest.approx(3e-4, rel=0.2)
    truth = ((-4e-3 + np.sqrt(16e-6 + 4e-4 * 0.2041)) / 2e-4) ** 2
    low, high = np.quantile(fade.crossing(), [0.01, 0.99])
    assert low < truth < high


def test_an_end_among_the_known_cycles_is_read_off() -> None:
    capacity = 3.0 - 0.01 * np.arange(1.0, 102.0)
    capacity[10] = 1.0  # one slip of the instrument is no end
    found = extrapolate(known_of(capacity, formation=0), (SIMULATED,))
    assert found.over
    assert found.median == 61  # 2.39 A.h, below 80 % of 2.99
    assert found.high - found.low <= 2


def test_one_low_cycle_at_the_end_is_no_end() -> None:
    capacity = 3.0 - 0.01 * np.arange(1.0, 63.0)  # below 80 % of 2.99 from cycle 61 on
    assert not extrapolate(known_of(capacity[:61], formation=0), (SIMULATED,)).over
    assert extrapolate(known_of(capacity, formation=0), (SIMULATED,)).over


def predicted(capacity: Any, **said: Any) -> EndOfLife:
    asked = DegradationInput(
        battery_chemistry=NMC_CELL,
        cell_info=CellInfo(),
        input_cycles=np.asarray(capacity, dtype=np.float64),
        **said,
    )
    return answer(asked, None, ()).prediction


CYCLES = np.arange(40.0)
NOISE = np.random.default_rng(2).normal(0, 1, 40)
ODD = {
    "rises": 3 * (1 + 0.002 * CYCLES),
    "jumps down": 3 * np.where(CYCLES < 20, 1.0, 0.9) * (1 - 1e-4 * CYCLES),
    "jumps up": 3 * np.where(CYCLES < 20, 1.0, 1.1) * (1 - 1e-4 * CYCLES),
    "is noise": 3 * (1 + 0.05 * NOISE),
    "does not move": np.full(40, 3.0),
    "swings": 3 * (1 + 0.05 * np.sin(CYCLES)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_data_give_wide_intervals_and_low_ratings(name: str) -> None:
    said = predicted(ODD[name])
    assert said.interval_low is not None
    assert said.interval_high is not None
    assert said.rating.rating <= 1
    assert not said.rating.success
    assert said.interval_high > 5 * said.interval_low


@pytest.mark.parametrize(
    ("capacity", "words"),
    [
        ([], "0 cycles after formation are too few"),
        ([3.0, 2.9, 2.8], "3 cycles after formation are too few; 10 at least"),
        (-np.ones(40), "40 of 40 capacities are no positive ones"),
        (np.zeros(40), "40 of 40 capacities are no positive ones"),
    ],
)
def test_what_says_nothing_is_refused(capacity: Any, words: str) -> None:
    with pytest.raises(NotPredictableError, match=words):
        predicted(capacity)


def test_a_single_slip_is_left_out() -> None:
    fading = 3 * (1 - 4e-3 * np.sqrt(CYCLES)) * (1 + 1e-4 * NOISE)
    spoilt = fading.copy()
    spoilt[17] *= 0.7
    one, other = predicted(fading), predicted(spoilt)
    assert "1 of 40 cycles are outliers" in other.rating.reason
    assert other.end_of_life.value == pytest.approx(one.end_of_life.value, rel=0.2)


def test_short_and_far_lowers_the_rating() -> None:
    fading = 3 * (1 - 4e-3 * np.sqrt(np.arange(400.0)))
    short, long = (predicted(fading[:known]).rating for known in (12, 400))
    assert "12 cycles known after formation" in short.reason
    assert short.rating <= 2
    assert long.rating >= short.rating


def test_formation_is_not_taken_for_fade() -> None:
    formation = [3.6, 3.4]
    cycles = 3 * (1 - 4e-3 * (np.sqrt(CYCLES + 3) - np.sqrt(3)))
    right = predicted([*formation, *cycles], formation_cycles=2)
    wrong = predicted([*formation, *cycles], formation_cycles=0)
    truth = (0.2 / 4e-3 + np.sqrt(3)) ** 2
    assert truth / 3 < right.end_of_life.value < 3 * truth
    assert wrong.end_of_life.value < 0.5 * right.end_of_life.value


Numbers = st.lists(
    st.one_of(
        st.floats(0.0, 5.0, allow_nan=False),
        st.floats(2.5, 3.0, allow_nan=False),
        st.sampled_from([3.0, 1e-300, 1e300, -1.0]),
    ),
    max_size=40,
)


@given(Numbers, st.integers(0, 5))
@settings(max_examples=12, deadline=None)
def test_whatever_the_numbers_the_answer_is_an_answer_or_a_refusal(
    numbers: list[float], formation: int
) -> None:
    try:
        said = predicted(np.array(numbers), formation_cycles=formation)
    except NotPredictableError:
        return
    assert said.interval_low is not None
    assert said.interval_high is not None
    assert said.interval_low <= said.end_of_life.value <= said.interval_high <= 1e6 + 1
    assert said.end_of_life.uncertainty is not None


def test_the_same_data_give_the_same_answer() -> None:
    fading: NDArray[np.float64] = 3 * (1 - 4e-3 * np.sqrt(CYCLES))
    assert predicted(fading) == predicted(fading)


def test_cells_that_nothing_was_calibrated_on_are_ranked_by_their_lives() -> None:
    """What a campaign lives on: fast-ageing virtual cells, three of formation, 40 cycles known."""
    fast = fast_virtual()
    places = range(0, 24, 3)
    found = []
    for place in places:
        data = known_of(fast["capacity"][place][:43], formation=3, ended=fast["ended"][place][:43])
        found.append(extrapolate(data, (SIMULATED,)))
    lives = fast["life"][::3]
    assert np.mean([f.low <= x <= f.high for f, x in zip(found, lives, strict=True)]) >= 0.85
    assert np.corrcoef([f.median for f in found], lives)[0, 1] > 0.9
    assert np.median([f.high / f.low for f in found]) < 3
