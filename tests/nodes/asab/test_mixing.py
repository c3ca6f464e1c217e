from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from messages.chemistry import DMC, EC, LIPF6, NMC622, Formulation
from messages.errors import OrderError
from messages.formulation_algebra import formulation_from, molality_and_w_ec, mole_to_mass
from nodes.asab._mixing import Mixer, Vector, describe, formulation_of, mole_fractions
from nodes.asab._noise import Noise
from nodes.asab._stocks import load_stocks

STOCKS = load_stocks()
MIXER = Mixer(STOCKS)
PURE = np.array([s.concentration / s.concentration.sum() for s in STOCKS]).T
"""Mole fractions, a column a stock."""

shares = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda s: sum(s) > 1e-6)
triples = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda s: sum(s) > 1e-6)


def mixed(volumes: Vector) -> Vector:
    """Return the mole fractions of these volumes of the stocks, summed by hand."""
    amounts = np.zeros(3)
    for stock, volume in zip(STOCKS, volumes, strict=True):
        amounts += stock.concentration * volume
    return np.asarray(amounts / amounts.sum())


@given(shares)
def test_every_mixture_of_the_stocks_is_found_again(volumes: list[float]) -> None:
    wanted = mixed(np.array(volumes))
    found, made, distance = MIXER.nearest(wanted)
    assert distance < 1e-9
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert mixed(found) == pytest.approx(wanted, abs=1e-9)
    assert made == pytest.approx(wanted, abs=1e-9)


@given(triples, st.lists(shares, min_size=1, max_size=30))
def test_nothing_feasible_is_nearer_than_the_nearest(
    wanted: list[float], others: list[list[float]]
) -> None:
    target = np.array(wanted) / sum(wanted)
    volumes, made, distance = MIXER.nearest(target)
    assert np.linalg.norm(made - target) == pytest.approx(distance)
    assert mixed(volumes) == pytest.approx(made, abs=1e-9)
    assert MIXER.nearest(made)[2] < 1e-9
    for other in others:
        assert np.linalg.norm(mixed(np.array(other)) - target) >= distance - 1e-9


@given(triples)
def test_the_nearest_lies_on_the_hull_like_a_geometer_says(wanted: list[float]) -> None:
    # the feasible set is a polygon in the plane of the fractions: the foot of the perpendicular on
    # each edge, by hand
    target = np.array(wanted) / sum(wanted)
    _, _, distance = MIXER.nearest(target)
    assume(distance > 1e-6)
    corners = [PURE[:, i] for i in (0, 1, 3, 2, 0)]
    feet = []
    for a, b in pairwise(corners):
        t = np.clip((target - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        feet.append(float(np.linalg.norm(a + t * (b - a) - target)))
    assert distance == pytest.approx(min(feet), abs=1e-9)


@given(st.floats(0, 1.41), st.floats(0, 0.5))
def test_the_box_that_optimisers_search_is_feasible(molality: float, w_ec: float) -> None:
    mixture = MIXER.plan(formulation_from(molality, w_ec), 3e-6)
    assert mixture.distance < 1e-3
    assert mixture.volume == pytest.approx(3e-6, abs=4e-9)
    steps = mixture.volumes / 1e-9
    assert steps == pytest.approx(np.round(steps), abs=1e-6)
    assert mixture.volumes.min() >= 0
    assert mixture.achieved == pytest.approx(mixed(mixture.volumes), abs=1e-12)
    assert np.linalg.norm(mixture.achieved - mixture.requested) == pytest.approx(mixture.distance)


def test_mass_fractions_are_understood() -> None:
    mole = formulation_from(1.0, 0.3)
    by_mole, by_mass = MIXER.plan(mole, 3e-6), MIXER.plan(mole_to_mass(mole), 3e-6)
    assert by_mass.volumes == pytest.approx(by_mole.volumes)


def test_an_infeasible_formulation_is_answered_with_the_nearest() -> None:
    with pytest.raises(OrderError, match="nearest feasible one is LiPF6") as caught:
        MIXER.plan(formulation_from(2.5, 0.7), 3e-6)
    text = caught.value.what
    numbers = re.search(
        r"EC ([\d.]+), EMC ([\d.]+) mol/mol \(([\d.]+) mol/kg, w_EC ([\d.]+)\)", text
    )
    assert numbers is not None
    assert re.search(r"0\.\d{4} away in mole fraction \(at most 0\.005", text)
    molality, w_ec = float(numbers[3]), float(numbers[4])
    MIXER.plan(formulation_from(molality, w_ec), 3e-6)
    assert caught.value.where == "formulation"
    assert not caught.value.retryable
    assert "2.5 mol/kg, w_EC 0.7000" in text


def test_salt_alone_has_a_nearest_too() -> None:
    with pytest.raises(OrderError, match=r"asked for was LiPF6 1\.0000.*no solvent"):
        MIXER.plan(Formulation.of({LIPF6: 1.0}), 3e-6)


@pytest.mark.parametrize("stranger", [DMC, NMC622])
def test_a_chemical_of_no_stock_is_named(stranger: object) -> None:
    formulation = Formulation.of({LIPF6: 0.1, EC: 0.3, stranger: 0.6})  # type: ignore[dict-item]
    with pytest.raises(OrderError, match="no stock solution with"):
        MIXER.plan(formulation, 3e-6)


def test_an_unknown_molar_mass_is_named() -> None:
    with pytest.raises(OrderError, match="no molar mass"):
        MIXER.plan(Formulation.of({NMC622: 1.0}, "mass"), 3e-6)


def test_volumes_below_the_pump_are_refused() -> None:
    with pytest.raises(OrderError, match="resolution of the pumps"):
        MIXER.plan(formulation_from(1.0, 0.3), 1e-10)
    with pytest.raises(OrderError, match="rounding alone"):
        MIXER.plan(formulation_from(1.0, 0.3), 3e-9)


def test_a_coarse_pump_is_honest_about_what_it_made() -> None:
    mixture = Mixer(STOCKS, resolution=1e-7, tolerance=0.05).plan(formulation_from(1.0, 0.3), 3e-6)
    assert mixture.distance > 1e-4
    assert molality_and_w_ec(mixture.formulation) != pytest.approx((1.0, 0.3), rel=1e-4)


def test_one_bottle_makes_itself() -> None:
    single = Mixer(STOCKS[:1])
    assert single.nearest(PURE[:, 0])[2] < 1e-12
    assert single.plan(formulation_of(PURE[:, 0]), 1e-6).volumes.tolist() == pytest.approx([1e-6])


def test_the_uncertainty_is_that_of_many_mixtures() -> None:
    mixture = MIXER.plan(formulation_from(1.0, 0.3), 3e-6)
    made = np.array([MIXER.deliver(mixture, Noise(seed), "batch") for seed in range(600)])
    assert made.mean(axis=0) == pytest.approx(mixture.achieved, rel=2e-3)
    assert np.cov(made.T) == pytest.approx(mixture.covariance, rel=0.2)


def test_bottles_keep_their_errors_and_deliveries_do_not() -> None:
    exact = Mixer(STOCKS, volume_uncertainty=0.0, resolution=1e-15)
    mixture = exact.plan(formulation_from(1.0, 0.3), 3e-6)
    noise = Noise(1)
    first, second = exact.deliver(mixture, noise, "a"), exact.deliver(mixture, noise, "b")
    assert first == pytest.approx(second, abs=1e-9)
    assert first != pytest.approx(mixture.achieved, abs=1e-7)
    mixture = MIXER.plan(formulation_from(1.0, 0.3), 3e-6)
    assert MIXER.deliver(mixture, noise, "a") != pytest.approx(
        MIXER.deliver(mixture, noise, "b"), abs=1e-6
    )


def test_fractions_are_described_for_people() -> None:
    text = describe(mole_fractions(formulation_from(1.0, 0.3)))
    assert text.startswith("LiPF6 0.0898, EC 0.3061, EMC 0.6041")
    assert text.endswith("mol/mol (1 mol/kg, w_EC 0.3000)")
