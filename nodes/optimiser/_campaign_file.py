"""The campaign file: what is wanted, where to search, how far, and what is known already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from messages.errors import ConfigurationError
from messages.ledger import CampaignName
from messages.model import Name
from nodes.optimiser._constraint import LinearConstraint
from nodes.optimiser._problem import Direction, Objective, Problem
from nodes.optimiser._space import Dimension, Space
from nodes.optimiser._yaml import line_of, read_yaml

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectiveSection(_Section):
    """What is measured, and which way is better."""

    quantity: Name
    method: Name
    output: str = Field(
        description="dotted path into the result's data, to a number or to a quantity "
        "(value, uncertainty, unit)"
    )
    unit: str = "1"
    direction: Direction = Direction.MAXIMISE


class DimensionSection(_Section):
    """One dimension of the space."""

    unit: str = "1"
    minimum: Finite
    maximum: Finite
    step: Positive | None = Field(default=None, description="what the instrument resolves")


class ConstraintSection(_Section):
    """A linear constraint: sum(coefficients * values) <= maximum."""

    coefficients: dict[str, Finite]
    maximum: Finite


class StrategySection(_Section):
    """Who proposes."""

    name: Literal["gaussian_process", "random", "botorch"] = "gaussian_process"
    start: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="observations (literature counts) before the model decides; "
        "default 2 * dimensions + 1",
    )


class StopSection(_Section):
    """When to stop before the budget is spent."""

    expected_improvement: NonNegative = Field(
        description="in the objective's unit: stop when the best proposal promises less ..."
    )
    rounds: Annotated[int, Field(ge=1)] = Field(
        default=3, description="... in so many proposals one after another ..."
    )
    minimum_evaluations: Annotated[int, Field(ge=0)] = Field(
        default=10, description="... and so many measurements were made"
    )


class DatasetSection(_Section):
    """A table of published conductivities (columns as in CALiSol-23) to begin from."""

    dataset: Name | None = Field(default=None, description="a table that comes with the package")
    file: Path | None = Field(default=None, description="or a CSV, relative to this file")
    title: str = Field(default="", description="only with file")
    doi: str = Field(default="", description="only with file")
    licence: str = Field(default="", description="only with file: SPDX identifier")
    quantity: Name = Field(default="conductivity", description="under which rows are posted")
    method: Name = Field(default="literature", description="under which rows are posted")
    post: bool = Field(default=True, description="put the rows that are used into the ledger")
    temperature_window: NonNegative = Field(
        default=0.1, description="K around the campaign's temperature"
    )
    interpolate: bool = Field(
        default=False,
        description="bring rows of one work and composition from both sides of the campaign's "
        "temperature to it, ln(value) linear in 1/T",
    )
    margin: NonNegative = Field(
        default=0.0,
        description="rows this far beyond the space's bounds help too, as a fraction of its range",
    )
    only: tuple[str, ...] = Field(default=(), description="DOIs of works; empty for all")
    relative_uncertainty: Positive = Field(default=0.02, description="of each row")
    relative_offset: NonNegative = Field(
        default=0.05, description="by which all rows of one work may be off together"
    )

    @model_validator(mode="after")
    def _one_place(self) -> DatasetSection:
        if (self.dataset is None) == (self.file is None):
            raise ValueError("name either a dataset or a file")
        if self.file is not None and not (self.title and self.licence):
            raise ValueError("a file needs title and licence: whoever reads the ledger asks")
        return self


class LedgerSection(_Section):
    """Results of the ledger to begin from: other campaigns, other methods."""

    campaign: CampaignName | None = Field(default=None, description="None for any")
    quantity: Name
    method: Name
    minimum_rating: Annotated[int, Field(ge=0, le=5)] = 3
    relative_uncertainty: NonNegative = Field(
        default=0.02, description="where the result has none of its own"
    )
    relative_offset: NonNegative = Field(
        default=0.03, description="by which this method may be off as a whole; 0 for the same"
    )


class ConsumeSection(_Section):
    """What is known before the first measurement."""

    datasets: tuple[DatasetSection, ...] = ()
    ledger: tuple[LedgerSection, ...] = ()


class CampaignFile(_Section):
    """A campaign, as its file says it."""

    name: CampaignName
    description: str = ""
    objective: ObjectiveSection
    encoding: Literal["lipf6_ec_emc", "plain"] = Field(
        default="plain",
        description="how a point becomes a request's parameters: plain puts each dimension under "
        "its own name; lipf6_ec_emc makes a formulation of w_ec and molality",
    )
    space: Annotated[dict[str, DimensionSection], Field(min_length=1)]
    constraints: tuple[ConstraintSection, ...] = ()
    fixed: dict[str, Any] = Field(default_factory=dict, description="parameters of every request")
    strategy: StrategySection = StrategySection()
    budget: Annotated[int, Field(ge=1, le=10_000)] = Field(description="measurements at most")
    parallel: Annotated[int, Field(ge=1, le=100)] = Field(default=1, description="at one time")
    minimum_rating: Annotated[int, Field(ge=0, le=5)] = Field(
        default=2, description="results rated lower teach nothing"
    )
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    stop: StopSection | None = None
    consume: ConsumeSection = ConsumeSection()

    @model_validator(mode="after")
    def _consistent(self) -> CampaignFile:
        if self.encoding == "lipf6_ec_emc" and set(self.space) != {"w_ec", "molality"}:
            raise ValueError("encoding lipf6_ec_emc needs exactly the dimensions w_ec and molality")
        for constraint in self.constraints:
            unknown = sorted(set(constraint.coefficients) - set(self.space))
            if unknown:
                raise ValueError(f"a constraint names {unknown[0]!r}, which is no dimension")
        if self.consume.datasets:
            if self.encoding != "lipf6_ec_emc":
                raise ValueError("datasets can be read with encoding lipf6_ec_emc only")
            if not isinstance(self.fixed.get("temperature"), int | float):
                raise ValueError("datasets need a fixed temperature in K, to choose their rows")
        try:
            self.build_space()
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return self

    def build_space(self) -> Space:
        """Return the space."""
        return Space(
            tuple(
                Dimension(name=name, **section.model_dump()) for name, section in self.space.items()
            )
        )

    def build_objective(self) -> Objective:
        """Return the objective."""
        section = self.objective
        return Objective(section.quantity, section.unit, section.direction)

    def build_problem(self, seed: int = 0) -> Problem:
        """Return all that a strategy must know before the first observation."""
        return Problem(
            space=self.build_space(),
            objectives=(self.build_objective(),),
            constraints=self.build_constraints(),
            seed=seed,
        )

    def build_constraints(self) -> tuple[LinearConstraint, ...]:
        """Return the constraints."""
        return tuple(LinearConstraint(c.coefficients, c.maximum) for c in self.constraints)


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
