from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.asab._viscosity import VISCOSITY_ACCURACY, viscosity


def test_the_pure_solvents_at_their_own_temperatures() -> None:
    assert viscosity(0.0, 1.0, 313.15) == pytest.approx(1.9e-3)
    assert viscosity(0.0, 0.0, 298.15) == pytest.approx(0.65e-3)


def test_salt_thickens_as_the_law_says() -> None:
    assert viscosity(1.0, 0.3, 298.15) / viscosity(0.0, 0.3, 298.15) == pytest.approx(
        math.exp(1.08)
    )
    cold, warm = viscosity(1.0, 0.3, 273.15), viscosity(1.0, 0.3, 313.15)
    assert cold > viscosity(1.0, 0.3, 298.15) > warm


def test_the_nearest_measured_electrolyte_is_near() -> None:
    # 1.2 mol/kg in EC:EMC:EA 30:50:20 has 2.87, 3.26 and 3.23 mPa.s at 301 K; ethyl acetate is
    # thinner than the EMC that stands for it here
    law = viscosity(1.2, 0.3, 301.2)
    assert law == pytest.approx(3.12e-3, rel=VISCOSITY_ACCURACY)


@given(st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1e6, exclude_min=True))
def test_no_electrolyte_has_a_senseless_viscosity(
    molality: float, w_ec: float, temperature: float
) -> None:
    value = viscosity(molality, w_ec, temperature)
    assert math.isfinite(value)
    assert value > 0
