from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.formulation_algebra import molality_and_w_ec
from nodes.asab._density import DENSITY_ACCURACY, density
from nodes.asab._mixing import formulation_of
from nodes.asab._stocks import load_stocks


@pytest.mark.parametrize(
    ("molality", "w_ec", "measured"),
    [(0.0, 0.3, 1095), (0.0, 0.5, 1156), (1.5, 0.3, 1225), (1.5, 0.5, 1287)],
)
def test_the_feeders_of_clio(molality: float, w_ec: float, measured: float) -> None:
    assert density(molality, w_ec, 300.0) == pytest.approx(measured, abs=0.6)


@pytest.mark.parametrize(
    ("name", "accuracy"),
    [
        ("lipf6_ec_emc", 2 * DENSITY_ACCURACY),
        ("ec_emc", DENSITY_ACCURACY),
        ("emc", 0.011),
        ("lipf6_emc", 0.011),
    ],
)
def test_the_stock_solutions_which_it_has_not_seen(name: str, accuracy: float) -> None:
    stock = next(s for s in load_stocks() if s.name == name)
    point = molality_and_w_ec(formulation_of(stock.concentration / stock.concentration.sum()))
    law = density(*point, stock.density_temperature)
    assert law == pytest.approx(stock.density, rel=accuracy)


def test_warmer_is_lighter() -> None:
    assert density(1.0, 0.3, 310.0) - density(1.0, 0.3, 300.0) == pytest.approx(-11.0)


@given(st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1e6, exclude_min=True))
def test_no_electrolyte_has_a_senseless_density(
    molality: float, w_ec: float, temperature: float
) -> None:
    value = density(molality, w_ec, temperature)
    assert math.isfinite(value)
    assert value > 0


def test_what_no_electrolyte_can_be_is_named() -> None:
    with pytest.raises(ValueError, match="molality"):
        density(-1.0, 0.3, 298.15)
