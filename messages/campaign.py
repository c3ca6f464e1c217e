"""What a campaign was told to do, for the record: enough to run it again.

An orchestrator posts it to the ledger as a result that nobody asked for, of quantity ``campaign``
and method ``plan``, before its first request.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from messages.ledger import CampaignName
from messages.model import Count, Model, Name, Text

QUANTITY: Final = "campaign"
METHOD: Final = "plan"


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
