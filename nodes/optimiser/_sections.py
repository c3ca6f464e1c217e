"""The sections of a campaign file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from messages.ledger import CampaignName
from messages.model import Name
from nodes.optimiser._problem import Direction

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Rated = Annotated[int, Field(ge=0, le=5)]
Reduce: TypeAlias = Literal["mean", "median", "min", "max"]


class Section(BaseModel):
    """A mapping of a campaign file; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectiveSection(Section):
    """What is measured, and which way is better."""

    quantity: Name
    method: Name
    output: str = Field(
        description="dotted path into the result's data, to a number or to a quantity "
        "(value, uncertainty, unit); [*] fans out over a list, [0] takes one of it"
    )
    name: str = Field(default="", description="for labels; by default the quantity's or output's")
    unit: str = "1"
    direction: Direction = Direction.MAXIMISE
    reduce: Reduce | None = Field(
        default=None, description="what becomes of a path that fans out: mean, median, min or max"
    )

    @model_validator(mode="after")
    def _reduced(self) -> ObjectiveSection:
        if "[*]" in self.output and self.reduce is None:
            raise ValueError("a path that fans out needs reduce: mean, median, min or max")
        return self


class FidelitySection(Section):
    """A cheaper or poorer way to the objective."""

    name: Name
    quantity: Name
    method: Name
    output: str = Field(default="", description="the objective's by default")
    reduce: Reduce | None = None
    cost: Positive = Field(description="of one request, where one at the target costs 1")
    relative_noise: NonNegative = Field(
        default=0.02, description="of a value whose result says no uncertainty, as a fraction"
    )
    relative_offset: NonNegative = Field(
        default=0.1, description="by which it may be off the target, as a fraction"
    )
    minimum_rating: Rated = Field(default=0, description="results rated lower teach nothing")
    fixed: dict[str, Any] | None = Field(
        default=None, description="parameters of its requests; by default the campaign's"
    )


class DimensionSection(Section):
    """One dimension of the space."""

    unit: str = "1"
    minimum: Finite
    maximum: Finite
    step: Positive | None = Field(default=None, description="what the instrument resolves")


class ConstraintSection(Section):
    """A linear constraint: minimum <= sum(coefficients * values) <= maximum."""

    coefficients: Annotated[dict[str, Finite], Field(min_length=1)] = Field(
        description="of dimensions by name, or of the formulation's shares: mole.EC, mass.LiPF6"
    )
    minimum: Finite | None = None
    maximum: Finite | None = None

    @model_validator(mode="after")
    def _bounded(self) -> ConstraintSection:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a constraint has a minimum or a maximum")
        return self


class ChemicalSection(Section):
    """A chemical that messages.chemistry does not know."""

    smiles: str = ""
    inchikey: str = ""
    name: str = ""
    molar_mass: Positive = Field(description="kg/mol")


class MixtureSection(Section):
    """What the dimensions of encoding ``mixture`` are shares of.

    A solvent's share is its mass over that of all solvents; ``balance`` is what is left to one.
    """

    balance: str = Field(description="the solvent that has no dimension of its own")
    salt: str = Field(default="LiPF6", description="of the dimension molality (mol/kg of solvent)")
    chemicals: dict[str, ChemicalSection] = Field(
        default_factory=dict, description="by short name, beside those that are known"
    )


class StrategySection(Section):
    """Who proposes."""

    name: Literal["gaussian_process", "random", "botorch"] = "gaussian_process"
    start: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="observations (literature counts) before the model decides; "
        "default 2 * dimensions + 1",
    )
    target_every: Annotated[int, Field(ge=1)] = Field(
        default=3, description="of so many requests at least one is at the target"
    )


class StopSection(Section):
    """When to stop before the budget is spent."""

    expected_improvement: NonNegative = Field(
        description="in the objective's unit (of several: a share of the hypervolume): stop when "
        "the best proposal promises less ..."
    )
    rounds: Annotated[int, Field(ge=1)] = Field(
        default=3, description="... in so many proposals one after another ..."
    )
    minimum_evaluations: Annotated[int, Field(ge=0)] = Field(
        default=10, description="... and so many measurements were made"
    )


class DatasetSection(Section):
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


class LedgerSection(Section):
    """Results of the ledger to begin from: other campaigns, other methods."""

    campaign: CampaignName | None = Field(default=None, description="None for any")
    quantity: Name
    method: Name
    minimum_rating: Rated = 3
    relative_uncertainty: NonNegative = Field(
        default=0.02, description="where the result has none of its own"
    )
    relative_offset: NonNegative = Field(
        default=0.03, description="by which this method may be off as a whole; 0 for the same"
    )


class ConsumeSection(Section):
    """What is known before the first measurement."""

    datasets: tuple[DatasetSection, ...] = ()
    ledger: tuple[LedgerSection, ...] = ()
