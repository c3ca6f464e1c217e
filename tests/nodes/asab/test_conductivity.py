from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import brentq

from messages.chemistry import LIPF6, MOLAR_MASSES
from nodes.asab._conductivity import (
    CONDUCTIVITY_ACCURACY,
    CONDUCTIVITY_REGION,
    conductivity,
    conductivity_fit_uncertainty,
)
from nodes.asab._density import density
from nodes.asab._region import outside

DATA = Path(__file__).parents[2] / "data" / "asab" / "conductivity_lipf6_ec_emc.csv"

DING = "10.1149/1.1403730"
COLD = "10.1149/1.1466857"
LANDESFEIND = "10.1149/2.0571912jes"
NYMAN = "10.1016/j.electacta.2008.04.023"
LOGAN = "10.1149/2.0981803jes"


def curve(w_ec: float, temperature: float) -> tuple[list[float], list[float]]:
    molalities = [0.0005 * i for i in range(400, 4000)]
    return molalities, [10 * conductivity(m, w_ec, temperature) for m in molalities]


@pytest.mark.parametrize(
    ("temperature", "w_ec", "optimum", "highest", "low", "high"),
    [
        (298.15, 0.2, 1.211, 8.06, 1.03, 1.40),
        (298.15, 0.3, 1.044, 8.79, 0.90, 1.21),
        (298.15, 0.4, 0.933, 9.29, 0.80, 1.08),
        (298.15, 0.5, 0.850, 9.45, 0.73, 0.98),
        (273.15, 0.3, 0.849, 5.20, 0.73, 0.98),
        (313.15, 0.3, 1.151, 11.19, 0.98, 1.34),
    ],
)
def test_the_optimum_is_where_the_published_data_have_it(
    temperature: float, w_ec: float, optimum: float, highest: float, low: float, high: float
) -> None:
    molalities, values = curve(w_ec, temperature)
    best = max(values)
    assert best == pytest.approx(highest, abs=0.005)
    assert molalities[values.index(best)] == pytest.approx(optimum, abs=0.001)
    within = [m for m, k in zip(molalities, values, strict=True) if k > 0.99 * best]
    assert (within[0], within[-1]) == pytest.approx((low, high), abs=0.006)


def test_the_best_electrolyte_at_room_temperature() -> None:
    grid = [(0.001 * m, 0.01 * w) for m in range(700, 1300) for w in range(20, 51)]
    molality, w_ec = max(grid, key=lambda point: conductivity(point[0], point[1], 298.15))
    assert 10 * conductivity(molality, w_ec, 298.15) == pytest.approx(9.45, abs=0.005)
    assert molality == pytest.approx(0.855, abs=0.005)
    assert w_ec == pytest.approx(0.49, abs=0.01)


def molarity(m: float, w_ec: float, temperature: float) -> float:
    """Return mol/L of ``m`` mol/kg."""
    return m * density(m, w_ec, temperature) / 1000 / (1 + m * MOLAR_MASSES[LIPF6.key])


def deviations(inside: bool) -> dict[str, dict[float, list[float]]]:
    """Return law / measured - 1 of every row, by source and w_EC."""
    found: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    with DATA.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["flag"] or row["solvent ratio type"] != "w":
                continue
            w_ec, temperature = float(row["EC"]), float(row["T"])
            amount = float(row["c"])
            if row["c units"] == "mol/l":
                wanted = amount
                amount = brentq(lambda m: molarity(m, w_ec, temperature) - wanted, 0, 10)  # noqa: B023
            point = {"temperature": temperature, "molality": amount, "w_EC": w_ec}
            if bool(outside(CONDUCTIVITY_REGION, point)) is inside:
                continue
            law = 10 * conductivity(amount, w_ec, temperature)
            found[row["doi"]][w_ec].append(law / float(row["k"]) - 1)
    return found


def rms(values: list[float]) -> float:
    return math.sqrt(math.fsum(v * v for v in values) / len(values))


def every(by_share: dict[float, list[float]]) -> list[float]:
    return [value for values in by_share.values() for value in values]


def test_the_law_meets_the_data_it_was_fitted_to() -> None:
    values = every(deviations(inside=True)[DING])
    assert len(values) == 247
    assert rms(values) == pytest.approx(0.022, abs=0.001)
    assert np.median(np.abs(values)) == pytest.approx(0.008, abs=0.0005)


@pytest.mark.parametrize(
    ("source", "published"),
    [(COLD, 0.011), (LANDESFEIND, 0.042), (NYMAN, 0.074), (LOGAN, 0.072)],
)
def test_the_law_meets_data_it_has_not_seen(source: str, published: float) -> None:
    # mol/L becomes mol/kg by our own density law here, hence the half percent of slack
    assert rms(every(deviations(inside=True)[source])) == pytest.approx(published, abs=0.005)


def test_the_words_about_extrapolation_are_true() -> None:
    logan = deviations(inside=False)[LOGAN]
    assert rms(logan[0.1]) == pytest.approx(0.20, abs=0.01)
    assert rms(logan[0.0]) == pytest.approx(0.89, abs=0.01)
    assert rms(every(deviations(inside=False)[DING])) == pytest.approx(0.10, abs=0.01)


def test_the_fit_itself_is_far_more_certain_than_the_literature() -> None:
    for molality, w_ec in ((0.5, 0.2), (1.0, 0.3), (1.8, 0.5)):
        relative = conductivity_fit_uncertainty(molality, w_ec, 298.15) / conductivity(
            molality, w_ec, 298.15
        )
        assert 0.003 < relative < 0.01 < CONDUCTIVITY_ACCURACY


@example(1.0, 0.3, 166.9)  # a hair below the glass
@example(4.0, 0.0, 284.6)  # a hair above it, with a barrier below zero
@given(
    st.floats(0, 1e6, allow_subnormal=True), st.floats(0, 1), st.floats(0, 1e6, exclude_min=True)
)
def test_no_electrolyte_has_a_senseless_conductivity(
    molality: float, w_ec: float, temperature: float
) -> None:
    value = conductivity(molality, w_ec, temperature)
    assert math.isfinite(value)
    assert value >= 0


def test_no_salt_does_not_conduct() -> None:
    assert conductivity(0.0, 0.3, 298.15) == 0.0
    assert conductivity(1e-9, 0.3, 298.15) < 1e-8


@pytest.mark.parametrize(
    ("point", "named"),
    [
        ((-0.1, 0.3, 298.15), "molality"),
        ((math.nan, 0.3, 298.15), "molality"),
        ((1.0, 1.2, 298.15), "w_EC"),
        ((1.0, math.nan, 298.15), "w_EC"),
        ((1.0, 0.3, 0.0), "temperature"),
        ((1.0, 0.3, math.inf), "temperature"),
    ],
)
def test_what_no_electrolyte_can_be_is_named(point: tuple[float, float, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        conductivity(*point)


def test_every_side_of_the_region_is_told() -> None:
    inside = {"temperature": 298.15, "molality": 1.0, "w_EC": 0.3}
    assert outside(CONDUCTIVITY_REGION, inside) == ()
    edge = {"temperature": 298.15, "molality": 1.0, "w_EC": 0.1999}
    assert outside(CONDUCTIVITY_REGION, edge) == ()
    far = {"temperature": 250.0, "molality": 2.0, "w_EC": 0.1}
    words = outside(CONDUCTIVITY_REGION, far)
    assert len(words) == 3
    assert words[0].startswith("temperature 250 K is below 263 K")
    assert words[1].startswith("molality 2 mol/kg is above 1.81 mol/kg")
    assert words[2].startswith("w_EC 0.1 is below 0.2 (Logan 2018")
