"""The seam between a campaign and what proposes its next measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from nodes.optimiser._space import Point


class Direction(StrEnum):
    """Which way is better."""

    MAXIMISE = "maximise"
    MINIMISE = "minimise"


@dataclass(frozen=True, slots=True)
class Objective:
    """What the campaign wants.

    Attributes:
        name: For labels: ``conductivity``.
        unit: Unit of every value, uncertainty and expected improvement.
        direction: Which way is better.
    """

    name: str
    unit: str = "1"
    direction: Direction = Direction.MAXIMISE

    @property
    def sign(self) -> float:
        """+1 where greater is better, else -1."""
        return 1.0 if self.direction is Direction.MAXIMISE else -1.0


@dataclass(frozen=True, slots=True, order=True)
class Observation:
    """A value of the objective that somebody found.

    Attributes:
        point: Where, in the units of the space.
        value: What, in the unit of the objective.
        uncertainty: Its standard uncertainty by the one who found it; 0 where unknown.
        source: Empty for the campaign's own measurements. Observations of one foreign source may
            all be off by the same unknown amount.
        offset: Standard deviation of that amount; 0 means that the source agrees with ours.
    """

    point: Point
    value: float
    uncertainty: float = 0.0
    source: str = ""
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A point that is worth measuring.

    Attributes:
        point: Where.
        expected_improvement: Over the best measured so far, in the objective's unit; None where
            the strategy has no model (yet).
        mean: What the model expects there; None without a model.
        uncertainty: Standard deviation of that; None without a model.
    """

    point: Point
    expected_improvement: float | None = None
    mean: float | None = None
    uncertainty: float | None = None


class Strategy(Protocol):
    """Proposes measurements. Pure computation: no clock, no I/O, no state beyond what it is told.

    The answer of `ask` is a function of the seed, of ``number`` and of the *set* of observations,
    pending and excluded points: the order in which they came does not matter. So a campaign that
    was interrupted goes on as if it had not been.
    """

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learn from observations. Points may repeat."""
        ...

    def exclude(self, point: Point, radius: float = 0.0) -> None:
        """Never propose ``point`` again, nor what is nearer to it than ``radius``.

        Args:
            point: What cannot be made.
            radius: Euclidean distance, in the unit cube, within which nothing can be made.
        """
        ...

    def ask(self, n: int, pending: Sequence[Point], number: int) -> list[Suggestion]:
        """Propose ``n`` points, none of them pending, excluded or already measured.

        Args:
            n: How many, to be measured side by side.
            pending: Points under way, whose values are still unknown.
            number: How many points this campaign has had measured or under way so far.

        Raises:
            SpaceExhaustedError: The space holds no further point.
        """
        ...

    def best(self) -> tuple[Observation, float, float] | None:
        """Return the own measurement the model holds for the best, its mean and uncertainty there.

        None while there is no own measurement.
        """
        ...
