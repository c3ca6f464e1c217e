from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.errors import OrderError
from nodes.asab.devices import (
    KCL,
    Spectrum,
    cell_constant,
    conductivity,
    consistency,
    fit_circuit,
    impedance,
)

FREQUENCIES = np.geomspace(200e3, 100, 41)


def spectrum(
    resistance: float,
    *,
    noise: float = 1e-3,
    seed: int = 0,
    exponent: float = 0.92,
    admittance: float = 2e-4,
) -> Spectrum:
    ideal = impedance(FREQUENCIES, resistance, 4e-7, admittance, exponent)
    random = np.random.default_rng(seed)
    errors = random.normal(0, noise, ideal.shape) + 1j * random.normal(0, noise, ideal.shape)
    return Spectrum(FREQUENCIES, ideal + np.abs(ideal) * errors)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(5, 5e4),
    st.floats(0.7, 1.0),
    st.floats(2e-5, 1e-3),
    st.integers(0, 1000),
)
def test_the_fit_finds_the_resistance_within_its_uncertainty(
    resistance: float, exponent: float, admittance: float, seed: int
) -> None:
    fit = fit_circuit(spectrum(resistance, seed=seed, exponent=exponent, admittance=admittance))
    assert abs(fit.resistance - resistance) < 5.5 * fit.uncertainty
    # a low-resistance cell behind a bad electrode is known less well
    assert fit.uncertainty / fit.resistance < (0.02 if resistance < 50 else 0.006)
    assert fit.residual < 0.002


def test_without_noise_the_fit_is_exact() -> None:
    fit = fit_circuit(spectrum(123.4, noise=0.0))
    assert fit.resistance == pytest.approx(123.4, rel=1e-6)
    assert fit.inductance == pytest.approx(4e-7, rel=1e-3)
    assert (fit.admittance, fit.exponent) == pytest.approx((2e-4, 0.92), rel=1e-5)


def test_what_is_no_linear_cell_is_seen() -> None:
    good = spectrum(100.0)
    assert consistency(good) < 0.002
    drifting = Spectrum(FREQUENCIES, good.impedance * (1 + 0.2 * (np.arange(41) > 20)))
    assert consistency(drifting) > 0.01
    with pytest.raises(OrderError, match="too few"):
        fit_circuit(Spectrum(FREQUENCIES[:5], good.impedance[:5]))


def test_a_published_conductivity_of_kcl_is_reproduced_through_a_calibration() -> None:
    """Calibrated with 0.1 mol/kg, the cell finds the value of 0.01 mol/kg, of IUPAC 2001."""
    true_constant = 105.3
    calibration = cell_constant(
        [fit_circuit(spectrum(true_constant / KCL[0.1], seed=seed)) for seed in range(3)], KCL[0.1]
    )
    assert calibration.value == pytest.approx(true_constant, rel=1e-3)
    found = conductivity(
        [fit_circuit(spectrum(true_constant / KCL[0.01], seed=seed)) for seed in range(3, 6)],
        calibration.value,
        calibration.uncertainty,
    )
    assert KCL[0.01] == 0.140823
    assert found.value == pytest.approx(KCL[0.01], rel=2e-3)
    assert abs(found.value - KCL[0.01]) < 3 * found.uncertainty
    assert calibration.uncertainty / calibration.value < found.uncertainty / found.value < 2e-3
    assert len(found.repeats) == 3
