"""From a spectrum to the resistance of the solution: a circuit is fitted, and the data are judged.

The circuit of a cell with two blocking electrodes: the leads' inductance L and the solution's
resistance R_s in series with a constant phase element, ``Z = i w L + R_s + 1 / (Q (i w)^n)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from messages.errors import OrderError
from nodes.asab.devices._potentiostat import Spectrum

Real = NDArray[np.float64]

_ELEMENTS_PER_DECADE: Final = 3.0
"""RC elements of the Kramers-Kronig check, by Schoenleber, Klotz and Ivers-Tiffee, Electrochim.
Acta 131 (2014) 20, who let mu decide; blocking electrodes ask for no more."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A circuit that was fitted.

    Attributes:
        resistance: R_s in Ohm.
        uncertainty: Standard, in Ohm, from the residuals and the derivatives at the optimum.
        inductance: L in H.
        admittance: Q in S s^n.
        exponent: n.
        residual: Root mean square of the residuals, relative to abs(Z).
        consistency: Root mean square of what a Kramers-Kronig-consistent model cannot follow,
            relative to abs(Z): noise, drift, or no linear time-invariant cell.
    """

    resistance: float
    uncertainty: float
    inductance: float
    admittance: float
    exponent: float
    residual: float
    consistency: float


def impedance(
    frequency: Real, resistance: float, inductance: float, admittance: float, exponent: float
) -> NDArray[np.complex128]:
    """Return the circuit's impedance in Ohm at frequencies in Hz."""
    omega = 2 * np.pi * frequency
    blocking = 1 / (admittance * (1j * omega) ** exponent)
    result: NDArray[np.complex128] = 1j * omega * inductance + resistance + blocking
    return result


def fit_circuit(spectrum: Spectrum) -> Fit:
    """Fit the circuit by complex non-linear least squares, weighted with the modulus.

    Raises:
        OrderError: The spectrum is no such cell's: the fit does not converge, or not to positive
            values.
    """
    frequency, measured = spectrum.frequency, spectrum.impedance
    if len(frequency) < 8 or not np.isfinite(measured).all() or not (np.abs(measured) > 0).all():
        raise _no_cell(f"{len(frequency)} usable points are too few")
    weight = 1 / np.abs(measured)

    def values(logs: Real) -> tuple[float, float, float, float]:
        resistance, inductance, admittance = (math.exp(x) for x in logs[:3])
        return resistance, inductance, admittance, float(logs[3])

    def residuals(logs: Real) -> Real:
        difference = (impedance(frequency, *values(logs)) - measured) * weight
        return np.concatenate([difference.real, difference.imag])

    slowest = int(np.argmin(frequency))
    omega = 2 * math.pi * float(frequency[slowest])
    capacitive = max(-float(measured[slowest].imag), 1e-3 * float(np.abs(measured[slowest])))
    start = [
        math.log(max(float(np.min(measured.real)), 1e-3)),
        math.log(1e-7),
        math.log(1 / (capacitive * omega**0.9)),
        0.9,
    ]
    bounds = ([-20.0, -25.0, -25.0, 0.3], [25.0, 0.0, 5.0, 1.0])
    found = least_squares(residuals, np.clip(start, *bounds), bounds=bounds, x_scale="jac")
    if not found.success:
        raise _no_cell("the fit does not converge")
    freedom = max(1, 2 * len(frequency) - 4)
    variance = 2 * found.cost / freedom
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * variance
    resistance, inductance, admittance, exponent = values(found.x)
    return Fit(
        resistance=resistance,
        uncertainty=resistance * math.sqrt(max(0.0, float(covariance[0, 0]))),
        inductance=inductance,
        admittance=admittance,
        exponent=exponent,
        residual=math.sqrt(2 * found.cost / (2 * len(frequency))),
        consistency=consistency(spectrum),
    )


def consistency(spectrum: Spectrum) -> float:
    """Return how far a spectrum is from Kramers and Kronig's relations, relative to abs(Z).

    A sum of RC elements of fixed time constants, a resistance, an inductance and a capacitance
    fulfils the relations whatever its coefficients are; these follow from linear least squares.
    """
    omega = 2 * np.pi * spectrum.frequency
    decades = math.log10(float(omega.max() / omega.min()))
    count = max(3, math.ceil(decades * _ELEMENTS_PER_DECADE))
    constants = np.logspace(-math.log10(omega.max()), -math.log10(omega.min()), count)
    columns = [
        np.ones_like(omega, dtype=complex),
        1j * omega * 1e-6,
        -1j / omega,
        *(1 / (1 + 1j * omega * constant) for constant in constants),
    ]
    weight = 1 / np.abs(spectrum.impedance)
    matrix = np.array(columns).T * weight[:, None]
    target = spectrum.impedance * weight
    stacked = np.vstack([matrix.real, matrix.imag])
    wanted = np.concatenate([target.real, target.imag])
    solution, *_ = np.linalg.lstsq(stacked, wanted, rcond=None)
    misses = stacked @ solution - wanted
    return float(np.sqrt(np.mean(misses**2)))


def _no_cell(why: str) -> OrderError:
    return OrderError(
        f"the spectrum is not that of a cell with two blocking electrodes: {why}",
        where="conductivity cell",
        remedy="look for air in the cell and at its contacts, and measure again",
    )
