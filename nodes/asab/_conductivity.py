"""Ionic conductivity of LiPF6 in EC:EMC, from published measurements."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nodes.asab._region import Interval

CONDUCTIVITY_REGION: Final = {
    "temperature": Interval(
        263.0, 333.15, "K", below="Ding 2001 is missed by 10 % RMS from 233 to 253 K"
    ),
    "molality": Interval(
        0.42,
        1.81,
        "mol/kg",
        below="Landesfeind 2019 and Nyman 2008 are missed by 13 % RMS at 0.1 to 0.2",
        above="Landesfeind 2019 is missed by 11 % RMS at 2 and by up to 99 % at 3.4",
    ),
    "w_EC": Interval(0.2, 0.5, "", below="Logan 2018 is missed by 20 % RMS at 0.1, 89 % at 0"),
}
"""Where the fit's data lie. Names are those of `outside`'s point."""

CONDUCTIVITY_ACCURACY: Final = 0.05
"""Relative. Inside the region published sources differ by 2 to 7 % from it (Landesfeind 2019 4 %,
Logan 2018 3 and 7 %, Nyman 2008 7 %), so this is how well the law knows the real electrolyte."""

_MS_PER_CM: Final = 0.1
"""1 mS/cm in S/m."""


def conductivity(molality: float, w_ec: float, temperature: float) -> float:
    """Return the conductivity in S/m.

    The form is Vogel-Fulcher-Tammann, ``m exp(A - B/(T - T0))`` in mS/cm, with
    ``A = a0 + a1 sqrt(m) + a2 m + a3 w + a4 w^2 + a5 m w``, ``B = b0 + b1 m + b2 w`` and
    ``T0 = t0 + t1 m + t2 w``. Its 12 parameters and their covariance (``conductivity_fit.json``)
    are a least-squares fit to 247 points of Ding et al. 2001 (DOI 10.1149/1.1403730) as collected
    in CALiSol-23 (DOI 10.1038/s41597-024-03575-8, CC BY 4.0); it misses them by 2.2 % RMS.

    Outside `CONDUCTIVITY_REGION` it extrapolates, and stays finite and not negative: below T0 the
    liquid is a glass and conducts nothing; a barrier B below zero, which very concentrated points
    would give, counts as zero.

    Args:
        molality: LiPF6 in mol/kg of solvent, not negative.
        w_ec: EC/(EC + EMC) in kg/kg, from 0 to 1.
        temperature: In K, positive.

    Raises:
        ValueError: An argument is out of range or not finite.
    """
    check_point(molality, w_ec, temperature)
    return _evaluate(_fit()[0], molality, w_ec, temperature)


def conductivity_fit_uncertainty(molality: float, w_ec: float, temperature: float) -> float:
    """Return the standard uncertainty in S/m that the fit's covariance alone gives.

    It is 0.4 to 0.8 % inside the region: far less than sources differ, see `CONDUCTIVITY_ACCURACY`.

    Raises:
        ValueError: As `conductivity`.
    """
    check_point(molality, w_ec, temperature)
    values, covariance = _fit()
    gradient = np.empty(values.size)
    for index in range(values.size):
        step = 1e-6 * abs(values[index])
        above, below = values.copy(), values.copy()
        above[index] += step
        below[index] -= step
        gradient[index] = (
            _evaluate(above, molality, w_ec, temperature)
            - _evaluate(below, molality, w_ec, temperature)
        ) / (2 * step)
    return math.sqrt(max(0.0, float(gradient @ covariance @ gradient)))


def check_point(molality: float, w_ec: float, temperature: float) -> None:
    """Refuse what no electrolyte can be.

    Raises:
        ValueError: Naming the argument.
    """
    if not (math.isfinite(molality) and molality >= 0):
        raise ValueError(f"molality {molality} mol/kg is not a number from 0 up")
    if not 0 <= w_ec <= 1:
        raise ValueError(f"w_EC {w_ec} is not a number from 0 to 1")
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature {temperature} K is not a positive number")


@cache
def _fit() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    text = (files("nodes.asab") / "conductivity_fit.json").read_text(encoding="utf-8")
    fit: dict[str, Any] = json.loads(text)
    return np.array(fit["values"]), np.array(fit["covariance"])


def _evaluate(p: NDArray[np.float64], m: float, w: float, temperature: float) -> float:
    a = p[0] + p[1] * math.sqrt(m) + p[2] * m + p[3] * w + p[4] * w * w + p[5] * m * w
    b = max(0.0, float(p[6] + p[7] * m + p[8] * w))
    above_glass = temperature - float(p[9] + p[10] * m + p[11] * w)
    if above_glass <= 0:
        return 0.0
    return _MS_PER_CM * m * math.exp(float(a) - b / above_glass)
