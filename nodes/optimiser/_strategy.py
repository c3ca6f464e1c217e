"""The seam between a campaign and what proposes its next measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from messages.model import JsonObject
from nodes.optimiser._space import Point


@dataclass(frozen=True, slots=True, order=True)
class Observation:
    """Values of the objectives that somebody found at one point.

    Attributes:
        point: Where, in the units of the space.
        values: One per objective, in its unit.
        uncertainties: Standard uncertainty of each by the one who found it; 0 where unknown.
        source: Empty for the campaign's own measurements. Observations of one foreign source may
            all be off by the same unknown amount.
        offset: Standard deviation of that amount, in the unit of the first objective (for further
            objectives: the same fraction of the value); 0 means that the source agrees with ours.
        fidelity: Empty for the target, else a `Fidelity`'s name.
    """

    point: Point
    values: tuple[float, ...]
    uncertainties: tuple[float, ...]
    source: str = ""
    offset: float = 0.0
    fidelity: str = ""

    @classmethod
    def of(
        cls,
        point: Point,
        value: float,
        uncertainty: float = 0.0,
        *,
        source: str = "",
        offset: float = 0.0,
        fidelity: str = "",
    ) -> Observation:
        """Return an observation of one objective."""
        return cls(point, (value,), (uncertainty,), source, offset, fidelity)

    @property
    def own(self) -> bool:
        """Whether the campaign itself measured it at the target."""
        return not self.source and not self.fidelity

    @property
    def value(self) -> float:
        """The first objective's."""
        return self.values[0]

    @property
    def uncertainty(self) -> float:
        """The first objective's."""
        return self.uncertainties[0]

    def offset_of(self, index: int) -> float:
        """Return the standard deviation of the source's offset in objective ``index``."""
        if index == 0 or not self.values[0]:
            return self.offset
        return self.offset * abs(self.values[index] / self.values[0])


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A point that is worth measuring, or one that is being measured.

    Attributes:
        point: Where.
        fidelity: By what; empty for the target.
        expected_improvement: Over the best measured so far, in the objective's unit; of several
            objectives: of the hypervolume, as a share of the box from reference to ideal point.
            None where the strategy has no model (yet).
        mean: What the model expects there at the target, one per objective; None without a model.
        uncertainty: Standard deviation of each; None without a model.
    """

    point: Point
    fidelity: str = ""
    expected_improvement: float | None = None
    mean: tuple[float, ...] | None = None
    uncertainty: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An own measurement at the target, and what the model holds for the truth there.

    Attributes:
        observation: The measurement.
        mean: Posterior mean, one per objective.
        uncertainty: Standard deviation of each.
    """

    observation: Observation
    mean: tuple[float, ...]
    uncertainty: tuple[float, ...]


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

    def ask(self, n: int, pending: Sequence[Suggestion], number: int) -> list[Suggestion]:
        """Propose ``n`` points; none is pending, excluded or measured at the same fidelity.

        Args:
            n: How many, to be measured side by side.
            pending: What is under way and has no value yet; point and fidelity count.
            number: How many points this campaign has had measured or under way so far.

        Raises:
            SpaceExhaustedError: The space holds no further point.
        """
        ...

    def best(self) -> Recommendation | None:
        """Return the own target measurement that the model holds for the best.

        Of several objectives: the member of the front nearest to the ideal point, each objective
        scaled by its range over the front. None while there is no own measurement.
        """
        ...

    def front(self) -> list[Recommendation]:
        """Return the own target measurements that none other beats in every objective.

        By posterior mean, in the order of the first objective, best first. Of one objective that
        is the best alone.
        """
        ...

    def state(self) -> JsonObject:
        """Return the model's hyperparameters, for the record: small, plain, reproducible.

        Empty while there is no model.
        """
        ...
