"""A simulated measurement: repeats of a law's value, their mean and its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from messages.errors import OrderError
from nodes.asab._mixing import Mixture, Vector
from nodes.asab._noise import Noise
from nodes.asab._stocks import MOLAR_MASS

Law = Callable[[float, float, float], float]
"""(molality, w_EC, temperature) to the property in SI units."""

_STEP: Final = 1e-6
"""Of a mole fraction, for derivatives."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an instrument reports of one property.

    Attributes:
        repeats: The single values.
        value: Their mean.
        uncertainty: Standard: repeatability / sqrt(n), and that of the formulation propagated.
    """

    repeats: NDArray[np.float64]
    value: float
    uncertainty: float

    @property
    def relative(self) -> float:
        """Relative standard uncertainty; infinite for a value of zero."""
        return self.uncertainty / self.value if self.value > 0 else math.inf


def measure(
    law: Law,
    mixture: Mixture,
    delivered: Vector,
    temperature: float,
    *,
    repeatability: float,
    repeats: int,
    noise: Noise,
    labels: tuple[str | int, ...],
) -> Reading:
    """Return ``repeats`` readings of ``law`` at what was really delivered.

    Args:
        law: The property of the simulated world.
        mixture: What the instrument believes to have mixed; its uncertainty is propagated.
        delivered: Mole fractions really in the cell (`Mixer.deliver`).
        temperature: In K.
        repeatability: Relative standard deviation of one reading.
        repeats: At least one.
        noise: Where the readings' errors come from.
        labels: What they belong to.

    Raises:
        OrderError: There is no solvent.
    """
    true = law(*molality_and_share(delivered), temperature)
    errors = np.array([noise.normal("repeat", *labels, index) for index in range(repeats)])
    values = np.maximum(true * (1 + repeatability * errors), 0.0)
    mean = float(values.mean())
    formulation = formulation_uncertainty(law, mixture, temperature)
    return Reading(values, mean, math.hypot(repeatability * mean / math.sqrt(repeats), formulation))


def formulation_uncertainty(law: Law, mixture: Mixture, temperature: float) -> float:
    """Return the standard uncertainty of a property that not knowing the mixture better gives."""
    effect = _gradient(law, mixture.achieved, temperature)
    return math.sqrt(max(0.0, float(effect @ mixture.covariance @ effect)))


def molality_and_share(fractions: Vector) -> tuple[float, float]:
    """Return mol/kg and w_EC of mole fractions (any sum) of `CHEMICALS`.

    Raises:
        OrderError: There is no solvent.
    """
    masses = fractions * MOLAR_MASS
    solvent = float(masses[1] + masses[2])
    if solvent <= 0:
        raise OrderError(
            "the mixture holds no solvent", where="formulation", remedy="ask for one that does"
        )
    return float(fractions[0]) / solvent, min(1.0, float(masses[1]) / solvent)


def _gradient(law: Law, fractions: Vector, temperature: float) -> Vector:
    """Return the derivatives of ``law`` by each mole fraction; one-sided where one is zero."""
    effect = np.empty(fractions.size)
    for index in range(fractions.size):
        above, below = fractions.copy(), fractions.copy()
        above[index] += _STEP
        below[index] = max(0.0, below[index] - _STEP)
        effect[index] = (
            law(*molality_and_share(above), temperature)
            - law(*molality_and_share(below), temperature)
        ) / (above[index] - below[index])
    return effect
