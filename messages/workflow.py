"""What a workflow was told to do, and why it ended early: for the record, enough to go on with it.

An orchestrator posts both as results that nobody asked for: the plan (quantity ``workflow``,
method ``plan``) before its first sub-request, the verdict (method ``verdict``) before it cancels
what is open and compensates what was done. Their ids follow from the workflow's request, so that
each is there once.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID, uuid5

from pydantic import Field, StringConstraints

from messages.meaning import ADMINISTRATIVE, Term
from messages.model import Flag, Model, Name, Text, Uuid

QUANTITY: Final = "workflow"
PLAN: Final = "plan"
VERDICT: Final = "verdict"

Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""A hash in hex."""


class WorkflowRecordInput(Model, term="Workflow"):
    """Nothing to say: an orchestrator tells of its own accord."""


class WorkflowPlan(Model, term="WorkflowPlanning"):
    """The definition with which a workflow was begun, and goes on after whatever interruption."""

    request: Annotated[Uuid, Term("prov:wasInformedBy")] = Field(
        description="the workflow's own request"
    )
    name: Annotated[Name, Term("schema:name")] = Field(description="of the workflow")
    file: Annotated[Text, Term("schema:url")] = Field(
        default="", description="where the definition was read from"
    )
    sha256: Annotated[Sha256, Term("schema:sha256")] = Field(description="of the definition")
    definition: Annotated[
        str, StringConstraints(strict=True, max_length=50_000), Term("schema:text")
    ] = Field(description="the workflow file as JSON")
    software: Annotated[Text, Term("schema:softwareVersion")] = Field(
        default="", description="package and version of the orchestrator"
    )


class WorkflowVerdict(Model, term="WorkflowTermination"):
    """Why a workflow was given up; from then on nothing new is begun but compensation."""

    request: Annotated[Uuid, Term("prov:wasInformedBy")] = Field(
        description="the workflow's own request"
    )
    kind: Annotated[Literal["failed", "cancelled"], Term("schema:actionStatus")] = Field(
        description="what ended it"
    )
    step: Annotated[Text, Term("schema:about")] = Field(
        default="", description="which step brought it down; empty at a cancel"
    )
    message: Annotated[Text, Term("schema:error")] = Field(
        description="the reason, word for word as it was given"
    )
    remedy: Annotated[Text, Term("schema:comment")] = Field(
        default="", description="what its author advised"
    )
    retryable: Annotated[Flag, ADMINISTRATIVE] = Field(
        default=False, description="the same may succeed at another time"
    )


def plan_id(request: UUID) -> UUID:
    """Return the id of the result that holds a workflow's plan."""
    return uuid5(request, "labmesh:workflow:plan")


def verdict_id(request: UUID) -> UUID:
    """Return the id of the result that holds a workflow's verdict."""
    return uuid5(request, "labmesh:workflow:verdict")


def step_id(request: UUID, step: str, item: int, attempt: int) -> UUID:
    """Return the id of a sub-request.

    Args:
        request: The workflow's.
        step: The step's name; of a compensation ``STEP/compensate/N``.
        item: Number of the item in a fan-out from 0; 0 where there is none.
        attempt: Which try, from 1.
    """
    return uuid5(request, f"labmesh:workflow:{step}:{item}:{attempt}")
