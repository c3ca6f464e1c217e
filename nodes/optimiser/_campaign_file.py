"""Campaign files: what to optimise, where, and with what prior knowledge."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from labmesh.yaml_lines import line_of, read_yaml
from messages.errors import ConfigurationError
from messages.ledger import CampaignName
from nodes.optimiser._constraint import Constraint
from nodes.optimiser._derived import build_constraint, build_stocks, check_names
from nodes.optimiser._mixture import Mixture, electrolyte
from nodes.optimiser._problem import Fidelity, Objective, Problem
from nodes.optimiser._sections import (
    ConstraintSection,
    ConsumeSection,
    DatasetSection,
    DimensionSection,
    FidelitySection,
    Finite,
    LedgerSection,
    MixtureSection,
    ObjectiveSection,
    Section,
    StopSection,
    StrategySection,
)
from nodes.optimiser._space import Dimension, Space

__all__ = [
    "CampaignFile",
    "DatasetSection",
    "LedgerSection",
    "StopSection",
    "StrategySection",
    "load_campaign",
]


class CampaignFile(Section):
    """A campaign, as its file says it."""

    name: CampaignName
    description: str = ""
    objectives: Annotated[tuple[ObjectiveSection, ...], Field(min_length=1, max_length=6)] = Field(
        description="what is wanted, all from one result; a single one may be given as objective"
    )
    encoding: Literal["lipf6_ec_emc", "mixture", "plain"] = Field(
        default="plain",
        description="how a point becomes a request's parameters: plain puts each dimension under "
        "its own name; lipf6_ec_emc makes a formulation of w_ec and molality; mixture one of the "
        "solvents' mass fractions and the salt's molality",
    )
    at: str = Field(
        default="formulation", description="dotted path of the formulation in the parameters"
    )
    mixture: MixtureSection | None = Field(default=None, description="only with encoding mixture")
    space: Annotated[dict[str, DimensionSection], Field(min_length=1)]
    constraints: tuple[ConstraintSection, ...] = ()
    stocks: tuple[dict[str, Finite], ...] = Field(
        default=(),
        description="what can be mixed: points of the space (beyond its bounds, too) between which "
        "every feasible one lies",
    )
    fixed: dict[str, Any] = Field(default_factory=dict, description="parameters of every request")
    fidelities: tuple[FidelitySection, ...] = Field(
        default=(), description="cheaper ways to the objective; only with a single one"
    )
    strategy: StrategySection = StrategySection()
    budget: Annotated[int, Field(ge=1, le=10_000)] = Field(description="measurements at most")
    parallel: Annotated[int, Field(ge=1, le=100)] = Field(default=1, description="at one time")
    batch: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="rounds of so many: ask for all, wait for all, learn"
    )
    minimum_rating: Annotated[int, Field(ge=0, le=5)] = Field(
        default=2, description="results rated lower teach nothing"
    )
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    stop: StopSection | None = None
    consume: ConsumeSection = ConsumeSection()

    @model_validator(mode="before")
    @classmethod
    def _one_objective(cls, value: Any) -> Any:
        if isinstance(value, dict) and "objective" in value:
            if "objectives" in value:
                raise ValueError("give objective or objectives, not both")
            value = {**value, "objectives": [value["objective"]]}
            del value["objective"]
        return value

    @model_validator(mode="after")
    def _consistent(self) -> CampaignFile:
        if self.encoding == "lipf6_ec_emc" and set(self.space) != {"w_ec", "molality"}:
            raise ValueError("encoding lipf6_ec_emc needs exactly the dimensions w_ec and molality")
        if (self.encoding == "mixture") != (self.mixture is not None):
            raise ValueError("encoding mixture and the section mixture need one another")
        if len({(o.quantity, o.method) for o in self.objectives}) > 1:
            raise ValueError("all objectives come from one result: one quantity and one method")
        if self.fidelities and len(self.objectives) > 1:
            raise ValueError("fidelities are for a single objective")
        twice = [n for n, count in Counter(f.name for f in self.fidelities).items() if count > 1]
        if twice:
            raise ValueError(f"two fidelities are called {twice[0]}")
        if self.parallel > 1 and self.batch is not None:
            raise ValueError("give parallel or batch, not both")
        if self.consume.datasets:
            if self.encoding != "lipf6_ec_emc":
                raise ValueError("datasets can be read with encoding lipf6_ec_emc only")
            if not isinstance(self.fixed.get("temperature"), int | float):
                raise ValueError("datasets need a fixed temperature in K, to choose their rows")
            if len(self.objectives) > 1:
                raise ValueError("datasets are of a single objective")
        try:
            space, mixture = self.build_space(), self.build_mixture()
            check_names(self.constraints, space, mixture)
            self.build_constraints()
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def objective(self) -> ObjectiveSection:
        """The first objective, whose quantity and method are those of all."""
        return self.objectives[0]

    def build_space(self) -> Space:
        """Return the space."""
        return Space(
            tuple(
                Dimension(name=name, **section.model_dump()) for name, section in self.space.items()
            )
        )

    def build_objectives(self) -> tuple[Objective, ...]:
        """Return the objectives."""
        several = len(self.objectives) > 1
        return tuple(
            Objective(
                o.name or (o.output.rpartition(".")[2] if several else o.quantity),
                o.unit,
                o.direction,
            )
            for o in self.objectives
        )

    def build_mixture(self) -> Mixture | None:
        """Return what the space's dimensions are shares of; None of encoding ``plain``.

        Raises:
            ConfigurationError: A dimension is no chemical that is known.
        """
        if self.mixture is not None:
            return Mixture.of(self.build_space(), self.mixture)
        return electrolyte(self.build_space()) if self.encoding == "lipf6_ec_emc" else None

    def build_constraints(self) -> tuple[Constraint, ...]:
        """Return the constraints."""
        space, mixture = self.build_space(), self.build_mixture()
        found = [build_constraint(section, mixture) for section in self.constraints]
        if self.stocks:
            found.append(build_stocks(self.stocks, space, mixture))
        if mixture is not None and mixture.balanced:
            found.append(mixture.constraint())
        return tuple(found)

    def build_problem(self, seed: int = 0) -> Problem:
        """Return all that a strategy must know before the first observation."""
        return Problem(
            space=self.build_space(),
            objectives=self.build_objectives(),
            constraints=self.build_constraints(),
            fidelities=tuple(
                Fidelity(f.name, f.cost, f.relative_noise, f.relative_offset)
                for f in self.fidelities
            ),
            seed=seed,
        )


def load_campaign(path: str | Path) -> CampaignFile:
    """Return the campaign in the file at ``path``.

    Raises:
        ConfigurationError: It cannot be read or is not a campaign; every mistake is named with
            file, line and field.
    """
    path = Path(path)
    value, lines = read_yaml(path)
    try:
        campaign = CampaignFile.model_validate(value)
    except ValidationError as error:
        found = []
        for mistake in error.errors(include_url=False, include_input=False):
            place = mistake["loc"]
            if "objective" in value and place[:2] == ("objectives", 0):
                place = ("objective", *place[2:])
            field = ".".join(map(str, place)) or "campaign"
            words = mistake["msg"].removeprefix("Value error, ")
            found.append((line_of(lines, place), f"{field}: {words}"))
        found.sort()
        rest = "".join(f"\n{path}:{line}: {words}" for line, words in found[1:])
        raise ConfigurationError(
            found[0][1] + rest,
            where=f"{path}:{found[0][0]}",
            remedy="docs/optimiser.md lists every key of a campaign file",
        ) from None
    return campaign
