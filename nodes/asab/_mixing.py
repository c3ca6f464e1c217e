"""From a formulation to volumes of stock solutions, and back to what was really mixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from messages.chemistry import Formulation
from messages.errors import BodyError, OrderError
from messages.formulation_algebra import mass_to_mole, molality_and_w_ec
from nodes.asab._noise import Noise
from nodes.asab._stocks import CHEMICALS, SYMBOLS, Stock, concentrations

Vector = NDArray[np.float64]

_STEP: Final = 1e-4
"""Of a standard uncertainty: small enough for a derivative, large enough for doubles."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the pumps will deliver.

    Attributes:
        requested: Mole fractions of `CHEMICALS` asked for.
        volumes: m3 of each stock, in the order of the mixer's stocks, multiples of the resolution.
        achieved: Mole fractions that these volumes make.
        distance: Euclidean distance of achieved from requested.
        covariance: Of the achieved mole fractions, from the uncertainties of masses, densities and
            volumes.
        volume_uncertainties: Standard uncertainty in m3 of each of `volumes`.
    """

    requested: Vector
    volumes: Vector
    achieved: Vector
    distance: float
    covariance: Vector
    volume_uncertainties: Vector

    @property
    def formulation(self) -> Formulation:
        """The achieved mole fractions."""
        return formulation_of(self.achieved)

    @property
    def volume(self) -> float:
        """m3 in all; contraction on mixing is ignored, as in the original instrument."""
        return float(self.volumes.sum())

    @property
    def volume_uncertainty(self) -> float:
        """m3, standard, of `volume`: the pumps err independently of one another."""
        return float(np.linalg.norm(self.volume_uncertainties))


class Mixer:
    """Plans mixtures of some stock solutions.

    Args:
        stocks: At least one.
        resolution: m3, the smallest step of a pump.
        volume_uncertainty: Relative standard uncertainty of a delivered volume; that of rounding,
            resolution / sqrt(12), comes on top.
        tolerance: Mole fraction, the largest distance from the request that is still mixed.
    """

    def __init__(
        self,
        stocks: Sequence[Stock],
        *,
        resolution: float = 1e-9,
        volume_uncertainty: float = 3e-3,
        tolerance: float = 5e-3,
    ) -> None:
        self.stocks = tuple(stocks)
        self.tolerance = tolerance
        self._resolution = resolution
        self._volume_uncertainty = volume_uncertainty
        molar = np.array([stock.concentration for stock in self.stocks]).T
        self._total = molar.sum(axis=0)
        self._fractions = molar / self._total

    def nearest(self, wanted: Vector) -> tuple[Vector, Vector, float]:
        """Return the feasible mixture nearest to ``wanted`` in mole fraction.

        The share ``s`` of each stock in the amount of substance minimises ``|F s - x|`` under
        ``s >= 0`` and sum one, ``F`` being the stocks' mole fractions. With ``P = F - x 1^T`` it is
        exactly the direction of the non-negative least-squares solution of
        ``[P; 1^T] u = [0; 1]``: for ``u = r s`` the best ``r`` is ``1 / (1 + d^2)``, ``d`` being
        the distance, and leaves a residual that grows with ``d`` alone. So the sum of ``u`` is
        never zero.

        Args:
            wanted: Mole fractions of `CHEMICALS`.

        Returns:
            Shares of the stocks in volume (sum one), the mole fractions they make, the distance.
        """
        count = len(self.stocks)
        matrix = np.vstack([self._fractions - wanted[:, None], np.ones(count)])
        target = np.zeros(len(wanted) + 1)
        target[-1] = 1.0
        solution, _ = nnls(matrix, target)
        shares = solution / solution.sum()
        made = self._fractions @ shares
        volumes = shares / self._total
        return volumes / volumes.sum(), made, float(np.linalg.norm(made - wanted))

    def plan(self, formulation: Formulation, volume: float) -> Mixture:
        """Return the mixture for ``volume`` m3 of ``formulation``.

        Raises:
            OrderError: The stocks cannot make it within the tolerance (the nearest feasible
                formulation is named), it holds another chemical, or the volume is too small for
                the pumps.
        """
        wanted = mole_fractions(formulation)
        shares, made, distance = self.nearest(wanted)
        if distance > self.tolerance:
            raise OrderError(
                f"the stock solutions cannot make this formulation: the nearest feasible one is "
                f"{describe(made)}, {distance:.4f} away in mole fraction "
                f"(at most {self.tolerance:g} is mixed); asked for was {describe(wanted)}",
                where="formulation",
                remedy="ask for the nearest feasible one, or load other stock solutions",
            )
        volumes = np.round(shares * volume / self._resolution) * self._resolution
        if not volumes.sum() > 0:
            raise OrderError(
                f"{volume * 1e9:g} uL is below the resolution of the pumps, "
                f"{self._resolution * 1e9:g} uL",
                where="volume",
                remedy="ask for more",
            )
        achieved = self._mix(self._mass, self._density, volumes)
        rounded = float(np.linalg.norm(achieved - wanted))
        if rounded > self.tolerance:
            raise OrderError(
                f"{volume * 1e9:g} uL is too little for the pumps, which step by "
                f"{self._resolution * 1e9:g} uL: rounding alone puts the formulation "
                f"{rounded:.4f} off in mole fraction",
                where="volume",
                remedy="ask for more",
            )
        return Mixture(
            requested=wanted,
            volumes=volumes,
            achieved=achieved,
            distance=rounded,
            covariance=self._covariance(volumes),
            volume_uncertainties=self._volume_errors(volumes),
        )

    def deliver(self, mixture: Mixture, noise: Noise, *labels: str | int) -> Vector:
        """Return the mole fractions that a simulated pump really delivers.

        Errors of weighing and of densities belong to a bottle and stay the same for a seed; errors
        of the volumes belong to ``labels``.
        """
        mass = self._mass.copy()
        for row, stock in enumerate(self.stocks):
            errors = np.array([noise.normal("mass", stock.name, symbol) for symbol in SYMBOLS])
            mass[row] = np.maximum(mass[row] + self._mass_uncertainty[row] * errors, 0.0)
        density = self._density + self._density_uncertainty * np.array(
            [noise.normal("density", stock.name) for stock in self.stocks]
        )
        errors = np.array([noise.normal("volume", s.name, *labels) for s in self.stocks])
        volumes = mixture.volumes + mixture.volume_uncertainties * errors
        return self._mix(mass, density, np.maximum(volumes, 0.0))

    @property
    def _mass(self) -> Vector:
        return np.array([stock.mass for stock in self.stocks])

    @property
    def _mass_uncertainty(self) -> Vector:
        return np.array([stock.mass_uncertainty * (stock.mass > 0) for stock in self.stocks])

    @property
    def _density(self) -> Vector:
        return np.array([stock.density for stock in self.stocks])

    @property
    def _density_uncertainty(self) -> Vector:
        return np.array([stock.density_uncertainty for stock in self.stocks])

    def _volume_errors(self, volumes: Vector) -> Vector:
        rounding = self._resolution / math.sqrt(12)
        errors: Vector = np.hypot(self._volume_uncertainty * volumes, rounding) * (volumes > 0)
        return errors

    def _mix(self, mass: Vector, density: Vector, volumes: Vector) -> Vector:
        amounts = sum(
            volume * concentrations(row, float(rho))
            for row, rho, volume in zip(mass, density, volumes, strict=True)
        )
        fractions: Vector = amounts / np.sum(amounts)
        return fractions

    def _covariance(self, volumes: Vector) -> Vector:
        """Propagate every standard uncertainty by central differences."""
        nominal = (self._mass, self._density, volumes)
        spread = (self._mass_uncertainty, self._density_uncertainty, self._volume_errors(volumes))
        total = np.zeros((len(CHEMICALS), len(CHEMICALS)))
        for which, uncertainties in enumerate(spread):
            for index, uncertainty in np.ndenumerate(uncertainties):
                if uncertainty == 0:
                    continue
                ends = []
                for sign in (1, -1):
                    inputs = [array.copy() for array in nominal]
                    inputs[which][index] += sign * _STEP * uncertainty
                    ends.append(self._mix(*inputs))
                effect = (ends[0] - ends[1]) / (2 * _STEP)
                total += np.outer(effect, effect)
        return total


def mole_fractions(formulation: Formulation) -> Vector:
    """Return the mole fractions of `CHEMICALS`, of sum one.

    Raises:
        OrderError: The formulation holds another chemical.
    """
    try:
        mole = mass_to_mole(formulation)
    except BodyError as error:
        raise OrderError(error.what, where="formulation", remedy=error.remedy) from None
    known = {chemical.key for chemical in CHEMICALS}
    strangers = [
        component.chemical.name or component.chemical.key
        for component in mole.components
        if component.chemical.key not in known and component.fraction > 0
    ]
    if strangers:
        raise OrderError(
            f"there is no stock solution with {', '.join(strangers)}",
            where="formulation",
            remedy=f"ask for mixtures of {', '.join(SYMBOLS)}",
        )
    fractions = np.array([mole.fraction(chemical) for chemical in CHEMICALS])
    normalised: Vector = fractions / fractions.sum()
    return normalised


def formulation_of(fractions: Vector) -> Formulation:
    """Return mole fractions of `CHEMICALS` as a formulation."""
    clipped = np.maximum(fractions, 0.0)
    return Formulation.of(dict(zip(CHEMICALS, map(float, clipped), strict=True)), "mole")


def describe(fractions: Vector) -> str:
    """Return mole fractions in words, with molality and w_EC where there is solvent."""
    words = ", ".join(f"{s} {x:.4f}" for s, x in zip(SYMBOLS, fractions, strict=True))
    try:
        molality, w_ec = molality_and_w_ec(formulation_of(fractions))
    except BodyError:
        return f"{words} mol/mol (no solvent)"
    return f"{words} mol/mol ({molality:.4g} mol/kg, w_EC {w_ec:.4f})"


def named(vector: Vector) -> dict[str, Any]:
    """Return the numbers of a vector of components by symbol."""
    return dict(zip(SYMBOLS, map(float, vector), strict=True))
