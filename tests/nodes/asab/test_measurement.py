from __future__ import annotations

import math

import numpy as np
import pytest

from messages.chemistry import EMC, Formulation
from messages.errors import OrderError
from messages.formulation_algebra import formulation_from
from nodes.asab._laws import CONDUCTIVITY, DENSITY, VISCOSITY, Property
from nodes.asab._measurement import Reading, measure, molality_and_share
from nodes.asab._mixing import Mixer
from nodes.asab._noise import Noise
from nodes.asab._rating import rate
from nodes.asab._stocks import load_stocks

MIXER = Mixer(load_stocks())


def read(what: Property, formulation: Formulation, seed: int, repeats: int = 3) -> Reading:
    mixture = MIXER.plan(formulation, 3e-6)
    noise = Noise(seed)
    return measure(
        what.law,
        mixture,
        MIXER.deliver(mixture, noise, "batch"),
        298.15,
        repeatability=what.repeatability,
        repeats=repeats,
        noise=noise,
        labels=(what.name, "batch"),
    )


@pytest.mark.parametrize("what", [CONDUCTIVITY, DENSITY, VISCOSITY])
@pytest.mark.parametrize(("molality", "w_ec"), [(1.0, 0.3), (0.45, 0.21), (1.4, 0.48)])
def test_the_uncertainty_is_that_of_the_errors(
    what: Property, molality: float, w_ec: float
) -> None:
    # a different seed is another laboratory: other bottles, other mixtures, other readings
    formulation = formulation_from(molality, w_ec)
    true = what.law(molality, w_ec, 298.15)
    readings = [read(what, formulation, seed) for seed in range(400)]
    scores = np.array([(r.value - true) / r.uncertainty for r in readings])
    assert abs(scores.mean()) < 0.2
    assert scores.std() == pytest.approx(1.0, abs=0.12)
    assert np.mean(np.abs(scores) < 2) > 0.92


def test_a_sloppy_pump_is_less_certain_and_knows_it() -> None:
    sloppy = Mixer(load_stocks(), volume_uncertainty=0.05)
    mixture = sloppy.plan(formulation_from(0.45, 0.21), 3e-6)
    true = CONDUCTIVITY.law(0.45, 0.21, 298.15)
    scores = []
    for seed in range(400):
        noise = Noise(seed)
        reading = measure(
            CONDUCTIVITY.law,
            mixture,
            sloppy.deliver(mixture, noise),
            298.15,
            repeatability=1e-6,
            repeats=3,
            noise=noise,
            labels=(),
        )
        assert reading.relative > 0.01
        scores.append((reading.value - true) / reading.uncertainty)
    assert np.std(scores) == pytest.approx(1.0, abs=0.12)


def test_more_repeats_are_more_certain() -> None:
    formulation = formulation_from(1.0, 0.3)
    three, many = (read(CONDUCTIVITY, formulation, 1, n) for n in (3, 50))
    assert many.uncertainty < three.uncertainty
    assert len(many.repeats) == 50
    assert many.repeats[:3].tolist() == three.repeats.tolist()
    assert three.value == pytest.approx(three.repeats.mean())


def test_solvent_alone_does_not_conduct_and_says_so() -> None:
    reading = read(CONDUCTIVITY, Formulation.of({EMC: 1.0}), 1)
    assert reading.value == 0.0
    assert math.isinf(reading.relative)
    assert math.isfinite(reading.uncertainty)
    quality = rate(reading.relative, 0.0, ("molality 0 mol/kg is below 0.42 mol/kg",))
    assert quality.rating == 0
    assert "the value is zero" in quality.reason


def test_salt_alone_is_an_error_with_a_name() -> None:
    with pytest.raises(OrderError, match="no solvent"):
        molality_and_share(np.array([1.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("relative", "points"),
    [(0.005, 5), (0.01, 5), (0.011, 4), (0.03, 3), (0.05, 2), (0.1, 1), (0.2, 0)],
)
def test_the_rating_follows_the_uncertainty(relative: float, points: int) -> None:
    quality = rate(relative, 1e-5)
    assert quality.rating == points
    assert f"{points}: relative standard uncertainty {relative:.2%}" in quality.reason
    assert quality.reason.startswith("simulated")
    assert quality.success


def test_every_loss_of_a_point_is_explained() -> None:
    quality = rate(0.005, 0.003, ("w_EC 0.1 is below 0.2",), at_most=1, because="rough")
    assert quality.rating == 1
    for words in (
        "5: relative",
        "4: the mixture is 0.0030",
        "2: extrapolated, w_EC 0.1",
        "1: rough",
    ):
        assert words in quality.reason


def test_a_bad_rating_is_not_raised_by_a_cap() -> None:
    assert rate(0.5, 0.0, ("x",), at_most=2, because="y").rating == 0
