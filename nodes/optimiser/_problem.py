"""What a campaign is about: where to search, what is better, what can be made, who measures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from messages.errors import ConfigurationError
from nodes.optimiser._constraint import Constraint
from nodes.optimiser._space import Space


class Direction(StrEnum):
    """Which way is better."""

    MAXIMISE = "maximise"
    MINIMISE = "minimise"


@dataclass(frozen=True, slots=True)
class Objective:
    """One quantity that the campaign wants great or small.

    Attributes:
        name: For labels: ``conductivity``.
        unit: Unit of every value and uncertainty of it.
        direction: Which way is better.
    """

    name: str
    unit: str = "1"
    direction: Direction = Direction.MAXIMISE

    @property
    def sign(self) -> float:
        """+1 where greater is better, else -1."""
        return 1.0 if self.direction is Direction.MAXIMISE else -1.0


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A cheaper or poorer way to the objectives than the target's.

    Attributes:
        name: Not empty: the empty name is the target's.
        cost: Of one request, where one at the target costs 1.
        relative_noise: Standard uncertainty of one value as a fraction of it, as far as is known
            beforehand; observations bring their own.
        relative_offset: Standard deviation of how far it is off the target, as a fraction of the
            values: unknown, the same everywhere or slowly varying.
    """

    name: str
    cost: float = 1.0
    relative_noise: float = 0.02
    relative_offset: float = 0.1


@dataclass(frozen=True, slots=True)
class Problem:
    """All that a strategy must know before the first observation.

    Attributes:
        space: Where to search.
        objectives: At least one.
        constraints: What of the space can be made.
        fidelities: Besides the target; empty where there is the target alone.
        seed: Of every random number.

    Raises:
        ConfigurationError: There is no objective, or two fidelities have the same name.
    """

    space: Space
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    fidelities: tuple[Fidelity, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.objectives:
            raise ConfigurationError("a campaign needs an objective")
        names = [fidelity.name for fidelity in self.fidelities]
        if "" in names or len(set(names)) != len(names):
            raise ConfigurationError("each fidelity besides the target has a name of its own")

    @property
    def objective(self) -> Objective:
        """The first objective."""
        return self.objectives[0]

    def fidelity(self, name: str) -> Fidelity:
        """Return the fidelity of this name; the target (empty name) has cost 1 and no offset.

        Raises:
            KeyError: There is none.
        """
        if not name:
            return Fidelity("", 1.0, 0.0, 0.0)
        for fidelity in self.fidelities:
            if fidelity.name == name:
                return fidelity
        raise KeyError(name)
