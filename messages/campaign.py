"""What a campaign was told to do and what it decided, for the record: enough to run it again.

An orchestrator posts its settings to the ledger as a result that nobody asked for, of quantity
``campaign`` and method ``plan``, before its first request; and before each request, under the
method ``proposal``, why it asks for just that.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from messages.ledger import CampaignName
from messages.model import Count, JsonObject, Model, Name, Real, Text, Uuid

QUANTITY: Final = "campaign"
METHOD: Final = "plan"
PROPOSAL: Final = "proposal"


class PlanInput(Model):
    """Nothing to say: an orchestrator drives one campaign."""


class PriorSource(Model):
    """Older results of the ledger that a campaign learned from."""

    quantity: Name
    method: Name
    campaign: CampaignName | None = Field(default=None, description="None for any other campaign")
    until: Count = Field(description="offset of the last one that there was")


class Prior(Model):
    """What a campaign knew before its first measurement."""

    observations: Count = Field(description="how many values")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="of all of them; another means that the campaign would decide otherwise"
    )
    sources: tuple[PriorSource, ...] = ()


class CampaignPlan(Model):
    """Settings of a campaign."""

    seed: Count = Field(description="of every random number")
    plan: Annotated[str, StringConstraints(strict=True, max_length=60_000)] = Field(
        description="the campaign file as JSON, with what replaced parts of it; a text, because "
        "the order of its keys is that of the dimensions, and decides"
    )
    folder: Text = Field(default="", description="where the file's relative names start")
    prior: Prior
    versions: dict[str, Text] = Field(
        default_factory=dict, description="of the packages whose numbers decide"
    )


class ProposalInput(Model):
    """Ask an orchestrator why it proposed what it did."""

    number: Annotated[int, Field(strict=True, ge=1)] = Field(description="of the request, from 1")


class Known(Model):
    """What a proposal rests on."""

    observations: Count = Field(description="values told, from before the campaign or of it")
    pending: Count = Field(description="requests under way, whose values were not known")
    excluded: Count = Field(description="points that had turned out impossible")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="of all of these; the same seed, number and hash give the same proposal"
    )


class CampaignProposal(Model):
    """One decision of a campaign: what to measure next, and why."""

    number: Count = Field(description="of the request, from 1")
    request: Uuid = Field(description="that follows, unless the ledger refuses it")
    point: dict[str, Real] = Field(description="in the units of the campaign's space")
    fidelity: Text = Field(default="", description="by what to measure; empty for the target")
    origin: Literal["start", "model", "recommended"] = Field(
        description="start: spread over the space; model: of the greatest expected improvement; "
        "recommended: the nearest feasible point that a refusal or failure had named"
    )
    expected_improvement: Real | None = Field(
        default=None,
        description="in the objective's unit; of several objectives: of the hypervolume, as a "
        "share of the box from reference to ideal point",
    )
    mean: tuple[Real, ...] = Field(
        default=(), description="expected there, one per objective; empty without a model"
    )
    uncertainty: tuple[Real, ...] = Field(default=(), description="standard deviation of each")
    knew: Known
    model: JsonObject = Field(default_factory=dict, description="hyperparameters, by objective")
