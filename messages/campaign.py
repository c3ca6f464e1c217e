"""What a campaign was told to do and what it decided, for the record: enough to run it again.

An orchestrator posts its settings to the ledger as a result that nobody asked for, of quantity
``campaign`` and method ``plan``, before its first request; and before each request, under the
method ``proposal``, why it asks for just that.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from messages.ledger import CampaignName
from messages.meaning import ADMINISTRATIVE, Term
from messages.model import Count, JsonObject, Model, Name, Real, Text, Uuid

QUANTITY: Final = "campaign"
METHOD: Final = "plan"
PROPOSAL: Final = "proposal"


class PlanInput(Model, term="ExperimentPlanning"):
    """Nothing to say: an orchestrator drives one campaign."""


class PriorSource(Model, term="Dataset", relation="prov:used"):
    """Older results of the ledger that a campaign learned from."""

    quantity: Annotated[Name, Term("schema:variableMeasured")]
    method: Annotated[Name, Term("schema:measurementTechnique")]
    campaign: Annotated[CampaignName, Term("dcterms:isPartOf")] | None = Field(
        default=None, description="None for any other campaign"
    )
    until: Annotated[Count, Term("SequenceNumber")] = Field(
        description="offset of the last one that there was"
    )


class Prior(Model, term="PriorKnowledge", relation="hasInput"):
    """What a campaign knew before its first measurement."""

    observations: Annotated[Count, Term("NumberOfObservations")] = Field(
        description="how many values"
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Term("schema:sha256")] = (
        Field(description="of all of them; another means that the campaign would decide otherwise")
    )
    sources: Annotated[tuple[PriorSource, ...], Term("Dataset", "prov:used")] = ()


class CampaignPlan(Model, term="ExperimentPlanning"):
    """Settings of a campaign."""

    seed: Annotated[Count, Term("RandomSeed")] = Field(description="of every random number")
    plan: Annotated[str, StringConstraints(strict=True, max_length=60_000), Term("schema:text")] = (
        Field(
            description="the campaign file as JSON, with what replaced parts of it; a text, "
            "because "
            "the order of its keys is that of the dimensions, and decides"
        )
    )
    folder: Annotated[Text, ADMINISTRATIVE] = Field(
        default="", description="where the file's relative names start"
    )
    prior: Prior
    versions: Annotated[dict[str, Text], Term("schema:softwareVersion")] = Field(
        default_factory=dict, description="of the packages whose numbers decide"
    )


class ProposalInput(Model, term="ExperimentSelection"):
    """Ask an orchestrator why it proposed what it did."""

    number: Annotated[int, Field(strict=True, ge=1), Term("SequenceNumber")] = Field(
        description="of the request, from 1"
    )


class Known(Model, term="PriorKnowledge", relation="hasInput"):
    """What a proposal rests on."""

    observations: Annotated[Count, Term("NumberOfObservations")] = Field(
        description="values told, from before the campaign or of it"
    )
    pending: Annotated[Count, Term("NumberOfObservations")] = Field(
        description="requests under way, whose values were not known"
    )
    excluded: Annotated[Count, Term("NumberOfObservations")] = Field(
        description="points that had turned out impossible"
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Term("schema:sha256")] = (
        Field(description="of all of these; the same seed, number and hash give the same proposal")
    )


class CampaignProposal(Model, term="ExperimentSelection"):
    """One decision of a campaign: what to measure next, and why."""

    number: Annotated[Count, Term("SequenceNumber")] = Field(description="of the request, from 1")
    request: Annotated[Uuid, Term("prov:wasInformedBy")] = Field(
        description="that follows, unless the ledger refuses it"
    )
    point: Annotated[dict[str, Real], Term("SearchCoordinate")] = Field(
        description="in the units of the campaign's space"
    )
    fidelity: Annotated[Text, Term("schema:additionalProperty")] = Field(
        default="", description="by what to measure; empty for the target"
    )
    origin: Annotated[
        Literal["start", "model", "recommended"], Term("schema:additionalProperty")
    ] = Field(
        description="start: spread over the space; model: of the greatest expected improvement; "
        "recommended: the nearest feasible point that a refusal or failure had named"
    )
    expected_improvement: Annotated[Real, Term("ExpectedImprovement")] | None = Field(
        default=None,
        description="in the objective's unit; of several objectives: of the hypervolume, as a "
        "share of the box from reference to ideal point",
    )
    mean: Annotated[tuple[Real, ...], Term("ObjectiveExpectation")] = Field(
        default=(), description="expected there, one per objective; empty without a model"
    )
    uncertainty: Annotated[
        tuple[Real, ...], Term("ObjectiveUncertainty", "hasMetrologicalUncertainty")
    ] = Field(default=(), description="standard deviation of each")
    knew: Known
    model: Annotated[JsonObject, Term("ModelParameter")] = Field(
        default_factory=dict, description="hyperparameters, by objective"
    )
