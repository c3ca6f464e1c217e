"""What the ledger's reading services answer with."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from messages.ledger import (
    ArtifactRef,
    CampaignName,
    Failure,
    FromState,
    Offer,
    Provenance,
    Rating,
    ResultStatus,
    SampleId,
    SampleStep,
    Status,
    StatusChange,
)
from messages.model import Count, Flag, JsonObject, Model, Name, Nanoseconds, NodeName, Text


class RequestView(Model):
    """A request as it stands now."""

    id: UUID
    offset: Count
    author: NodeName
    stamp: Nanoseconds
    load_time: Nanoseconds
    quantity: Name
    method: Name
    parameters: JsonObject
    campaign: CampaignName | None = None
    priority: int
    expires: Nanoseconds | None = None
    attempts: int
    wait: Flag = False
    from_state: FromState | None = None
    parent: UUID | None = Field(
        default=None, description="the request in whose service this one was asked"
    )
    status: Status
    message: Text = Field(default="", description="of the last change of status")
    changed: Nanoseconds = Field(description="wall time of the last change of status")
    attempt: Count = 0
    worker: NodeName | None = Field(default=None, description="who has it, or had it last")
    token: Count | None = None
    result: UUID | None = Field(
        default=None, description="the answer, or the failure that ended it"
    )


class ResultView(Model):
    """A result as it stands now. ``request`` None: nobody asked for it."""

    id: UUID
    offset: Count
    author: NodeName
    stamp: Nanoseconds
    load_time: Nanoseconds
    request: UUID | None = None
    quantity: Name
    method: Name
    parameters: JsonObject
    outcome: Literal["resolved", "failed"]
    data: JsonObject
    failure: Failure | None = None
    rating: Rating | None = None
    provenance: Provenance
    campaign: CampaignName | None = None
    samples: tuple[SampleStep, ...] = ()
    artifacts: tuple[ArtifactRef, ...] = ()
    status: ResultStatus
    reason: Text = Field(default="", description="why it was amended or deleted")
    unknown: FromState | None = Field(
        default=None,
        description="the state the ledger gave to a sample because this result does not say what "
        "became of it; only where one result is asked for",
    )


class LogLine(StatusChange):
    """A line of a request's history: the change, where and when it was written."""

    offset: Count
    stamp: Nanoseconds
    load_time: Nanoseconds


class CapabilityView(Model):
    """A capability as the ledger knows it now."""

    quantity: Name
    method: Name
    version: int
    description: Text = ""
    parameters_schema: JsonObject
    result_schema: JsonObject
    active: Flag
    offset: Count
    load_time: Nanoseconds


class OfferView(Model):
    """An offer, and, where the ledger itself answers, whether its node could take an order now."""

    node: NodeName
    offer: Offer
    offset: Count
    load_time: Nanoseconds
    online: Flag | None = None
    active: Flag | None = None
    busy: Count | None = None
    """Orders in hand; ``offer.slots`` minus this many are free."""


class SampleLine(Model):
    """A sample as a list shows it: what it is, and its last state."""

    sample: SampleId
    kind: Name
    state: Count
    label: Name
    location: Text = ""
    offset: Count = Field(description="of its birth")
    born: Nanoseconds = Field(description="wall time at which the ledger learnt of its birth")


class SampleView(SampleLine):
    """A sample, what it was made of, and what was made of it.

    Of many relatives the first by name are given; `query.samples` lists all of them.
    """

    parents: tuple[SampleId, ...] = ()
    parents_total: Count = 0
    children: tuple[SampleId, ...] = ()
    children_total: Count = 0


class SampleStateView(Model):
    """One state of a sample, and the result that made it."""

    state: Count
    label: Name
    location: Text = ""
    properties: JsonObject
    result: UUID
    author: NodeName = Field(description="whose result it is")
    quantity: Name
    method: Name
    outcome: Literal["resolved", "failed"]
    request: UUID | None = None
    offset: Count
    at: Nanoseconds
