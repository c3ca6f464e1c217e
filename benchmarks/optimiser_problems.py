"""Functions on which the optimisers are compared. None is a measurement; sources stand beside them.

Branin and Hartmann-6: Dixon, Szego, "Towards Global Optimisation 2" (1978). Currin: Currin,
Mitchell, Morris, Ylvisaker, J. Am. Stat. Assoc. 86 (1991) 953. Conductivity: `campaign_regret`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.campaign_regret import NOISE, conductivity
from nodes.optimiser import Dimension, Direction, Fidelity, Objective, Point, Problem, Space

MIXTURE = Space(
    (
        Dimension(name="w_ec", minimum=0.2, maximum=0.5, step=0.001),
        Dimension(name="molality", unit="mol/kg", minimum=0.42, maximum=1.4, step=0.001),
    )
)


@dataclass(frozen=True, slots=True)
class Case:
    """A problem with a known answer.

    Attributes:
        name: For tables.
        problem: With seed 0.
        truth: The objectives' true values at a point.
        noise: Standard deviation of each value, given the true one.
        best: Greatest (least) value of a single objective.
        cheap: Values of the fidelities by name, where there are any.
    """

    name: str
    problem: Problem
    truth: Callable[[Point], tuple[float, ...]]
    noise: Callable[[float], float]
    best: float = 0.0
    cheap: Callable[[Point], float] | None = None


def branin(point: Point) -> float:
    """Return Branin's function; its minimum is 0.397887."""
    x, y = point
    bend = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def currin(point: Point) -> float:
    """Return Currin's function on the unit square."""
    x, y = point
    fall = 1.0 - math.exp(-0.5 / y) if y > 0 else 1.0
    return (
        fall * (2300 * x**3 + 1900 * x**2 + 2092 * x + 60) / (100 * x**3 + 500 * x**2 + 4 * x + 20)
    )


def hartmann(point: Point) -> float:
    """Return Hartmann's function of six dimensions; its minimum is -3.32237."""
    distances = (_A * np.square(np.array(point) - _P)).sum(axis=1)
    return -float(_ALPHA @ np.exp(-distances))


def density(point: Point) -> float:
    """Return the density in kg/m3 by volume additivity (`nodes.optimiser._density`)."""
    w_ec, molality = point
    volume = w_ec / 1.3430 + (1.0 - w_ec) / 1.0147 + 0.0594 * molality
    return 1000.0 * (1.0 + 0.151905 * molality) / volume


def viscosity(point: Point) -> float:
    """Return a viscosity in mPa.s: logarithmic mixing of solvents, exponential in the salt.

    Of low confidence (15 %), which does not matter here.
    """
    w_ec, molality = point
    return math.exp(w_ec * math.log(1.9) + (1.0 - w_ec) * math.log(0.65) + 1.08 * molality)


def grid(space: Space, count: int = 200) -> list[Point]:
    """Return a grid of ``count`` points along each of two dimensions."""
    axes = [np.linspace(d.minimum, d.maximum, count) for d in space.dimensions]
    return [(float(x), float(y)) for x in axes[0] for y in axes[1]]


def single() -> list[Case]:
    """Return the problems of one objective."""
    surface = max(10.0 * conductivity(*point) for point in grid(MIXTURE, 300))
    return [
        Case(
            "conductivity, mS/cm",
            Problem(MIXTURE, (Objective("kappa", "mS/cm"),)),
            lambda p: (10.0 * conductivity(*p),),
            lambda value: NOISE * abs(value),
            surface,
        ),
        Case("Branin", Problem(_PLANE, _LOW), lambda p: (branin(p),), _none, 0.397887),
        Case("Hartmann-6", Problem(_unit(6), _LOW), lambda p: (hartmann(p),), _none, -3.32237),
    ]


def several() -> list[Case]:
    """Return the problems of two objectives, with 2 % noise (density: 0.1 %)."""
    return [
        Case(
            "Branin, Currin",
            Problem(_unit(2), (*_LOW, Objective("currin", "1", Direction.MINIMISE))),
            lambda p: (branin((15 * p[0] - 5, 15 * p[1])), currin(p)),
            lambda value: 0.02 * abs(value),
        ),
        Case(
            "density, viscosity",
            Problem(
                MIXTURE,
                (
                    Objective("density", "kg/m3"),
                    Objective("viscosity", "mPa.s", Direction.MINIMISE),
                ),
            ),
            lambda p: (density(p), viscosity(p)),
            lambda value: 0.001 * value if value > 100 else 0.02 * value,
        ),
    ]


def fidelities() -> list[Case]:
    """Return the problems with a cheaper way that is off: by a factor, a constant, a slope."""
    cheap = Fidelity("model", cost=0.1, relative_noise=0.03, relative_offset=0.2)
    surface, plane, _ = single()
    return [
        Case(
            surface.name,
            Problem(MIXTURE, surface.problem.objectives, fidelities=(cheap,)),
            surface.truth,
            surface.noise,
            surface.best,
            lambda p: 8.0 * conductivity(*p) + 0.8 * p[1],
        ),
        Case(
            "Branin",
            Problem(_PLANE, _LOW, fidelities=(cheap,)),
            plane.truth,
            lambda _value: 0.5,
            plane.best,
            lambda p: 0.8 * branin(p) + 10.0 + 2.0 * p[0],
        ),
    ]


def _unit(size: int) -> Space:
    return Space(tuple(Dimension(name=f"x{i}", minimum=0, maximum=1) for i in range(size)))


def _none(_value: float) -> float:
    return 0.0


_PLANE = Space(
    (Dimension(name="x", minimum=-5, maximum=10), Dimension(name="y", minimum=0, maximum=15))
)
_LOW = (Objective("f", "1", Direction.MINIMISE),)
_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
