"""What requesters, workers and the ledger say to one another.

A request's identity is the ``id`` of its envelope, and so is a result's: the author makes it once,
resends the same bytes until a receipt comes, and the ledger keeps exactly one entry for it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from messages.meaning import ADMINISTRATIVE, BY_CAPABILITY, Term
from messages.model import (
    Count,
    Flag,
    JsonObject,
    Message,
    Model,
    Name,
    Nanoseconds,
    NodeName,
    Positive,
    Real,
    Text,
    Unit,
    Uuid,
)

CampaignName = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
]
"""Name of a campaign; what an optimiser resumes by."""

SampleId = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=80)
]
"""Identity of a physical sample."""


class Status(StrEnum):
    """Status of a request (FINALES 2's, and what a real lab needs besides)."""

    PENDING = "pending"
    """Accepted, waiting for an offer with a free slot."""
    RESERVED = "reserved"
    """An order is on its way to one worker, which has not begun."""
    RUNNING = "running"
    """A worker has begun, under a lease."""
    CANCELING = "canceling"
    """Its requester cancelled it, and the instrument that has begun is not at rest yet."""
    HELD = "held"
    """An instrument vanished in mid-action, or retries ran out: a person must decide."""
    RESOLVED = "resolved"
    """A result answered it."""
    FAILED = "failed"
    """A worker gave up for good, or nobody can ever begin it any more; the change says why."""
    RETRACTED = "retracted"
    """Its requester cancelled it."""
    EXPIRED = "expired"
    """Its deadline passed before a worker began."""
    ABANDONED = "abandoned"
    """A person decided that a held request shall not go on."""


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RESERVED, Status.RETRACTED, Status.EXPIRED, Status.FAILED}),
    Status.RESERVED: frozenset(
        {Status.RUNNING, Status.PENDING, Status.RETRACTED, Status.EXPIRED, Status.FAILED}
    ),
    Status.RUNNING: frozenset(
        {
            Status.RESOLVED,
            Status.FAILED,
            Status.PENDING,
            Status.HELD,
            Status.CANCELING,
            Status.RETRACTED,
        }
    ),
    Status.CANCELING: frozenset(
        {Status.RETRACTED, Status.RUNNING, Status.RESOLVED, Status.FAILED, Status.HELD}
    ),
    Status.HELD: frozenset(
        {
            Status.RUNNING,
            Status.RESOLVED,
            Status.FAILED,
            Status.PENDING,
            Status.ABANDONED,
            Status.RETRACTED,
        }
    ),
    Status.RESOLVED: frozenset(),
    Status.FAILED: frozenset(),
    Status.RETRACTED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.ABANDONED: frozenset(),
}
"""The legal changes of status. Running to pending is a retry; final statuses have no way out. From
canceling back to running: the instrument may not be stopped where it is, and says why. Held
goes on by itself only when the very worker that was lost is heard again with the order's own token
(it had merely lost its connection); everything else out of held is a person's decision."""

FINAL = frozenset(status for status, after in TRANSITIONS.items() if not after)
"""Statuses that nothing follows."""


class ResultStatus(StrEnum):
    """Status of a result (FINALES 2's)."""

    ORIGINAL = "original"
    AMENDED = "amended"
    DELETED = "deleted"


class FromState(Model, term="SampleState", relation="prov:used"):
    """The state a request's sample must be in: its last one, at acceptance and at dispatch."""

    sample: Annotated[SampleId, Term("Sample", "prov:specializationOf")]
    state: Annotated[Count, Term("StateNumber")]


class Request(Message, name="Request", version=2, term="DataRequest"):
    """Ask for a quantity by a method. Its identity is the envelope's id."""

    quantity: Annotated[Name, Term("schema:variableMeasured")]
    method: Annotated[Name, Term("schema:measurementTechnique")]
    parameters: Annotated[JsonObject, BY_CAPABILITY] = Field(
        description="must satisfy the capability's schema"
    )
    campaign: Annotated[CampaignName, Term("dcterms:isPartOf")] | None = None
    priority: Annotated[int, Field(strict=True, ge=0, le=9), ADMINISTRATIVE] = Field(
        default=5, description="9 is served first"
    )
    expires: Annotated[Nanoseconds, Term("schema:expires")] | None = Field(
        default=None, description="wall time after which nobody shall begin it any more"
    )
    attempts: Annotated[int, Field(strict=True, ge=1, le=100), ADMINISTRATIVE] = Field(
        default=3, description="how many workers may try"
    )
    wait: Annotated[Flag, ADMINISTRATIVE] = Field(
        default=False,
        description="wait for an offer where none fits at present, instead of being refused",
    )
    from_state: FromState | None = None
    parent: Annotated[Uuid, Term("prov:wasInformedBy")] | None = Field(
        default=None, description="the request in whose service this one is asked"
    )


class Cancel(Message, name="Cancel", version=1):
    """Retract a request of one's own."""

    request: Uuid
    reason: Text = ""


class Order(Message, name="Order", version=1):
    """One attempt at a request, leased to one worker."""

    request: UUID
    attempt: Positive
    token: Count = Field(description="fencing token: the offset of the reservation's entry")
    requester: NodeName
    quantity: Name
    method: Name
    parameters: JsonObject
    campaign: CampaignName | None = None
    lease: Annotated[Real, Unit("s"), Field(gt=0)] = Field(
        description="wall seconds between two signs of life after which the worker counts as lost"
    )
    expires: Nanoseconds | None = None
    from_state: FromState | None = Field(
        default=None, description="the sample it is about, and the state that is its last one"
    )


class OrderCancel(Message, name="OrderCancel", version=2):
    """The ledger tells a worker that its order is void (retracted, or fenced off).

    With ``ask`` it asks an instrument to stop: the order stands until the instrument says that it
    is at rest, or that it goes on.
    """

    request: UUID
    token: Count
    reason: Text = ""
    ask: Flag = False


class ProgressKind(StrEnum):
    """What a worker says about an order before its result."""

    ACCEPT = "accept"
    """It begins. An instrument waits for the receipt before it moves anything."""
    DECLINE = "decline"
    """It will not; another worker may."""
    FEEDBACK = "feedback"
    """Words and a fraction for people. Renews the lease."""
    HEARTBEAT = "heartbeat"
    """Renews the lease."""
    STOPPING = "stopping"
    """It was asked to stop, and is on its way to rest. Renews the lease."""
    STOPPED = "stopped"
    """It is at rest, with nothing to show for it."""
    GOES_ON = "goes_on"
    """It was asked to stop, but may not be stopped where it is; the text says why."""


class Progress(Message, name="Progress", version=2):
    """A worker's word about its order."""

    request: Uuid
    token: Count
    kind: ProgressKind
    fraction: Annotated[Real, Unit("1"), Field(ge=0, le=1)] | None = None
    text: Text = ""


class Rating(Model, term="QualityRating", relation="hasDataQuality"):
    """Quality of a result as FINALES 2 rates it, computed by the worker from what it measured."""

    success: Annotated[Flag, Term("schema:actionStatus")] = Field(
        description="whether the method came to its end"
    )
    rating: Annotated[int, Field(strict=True, ge=0, le=5), Term("schema:ratingValue")] = Field(
        description="5 is best"
    )
    reason: Annotated[Text, Term("schema:ratingExplanation")] = Field(
        default="", description="how the rating follows from the measurement"
    )


class Source(Model, term="Dataset", relation="prov:hadPrimarySource"):
    """Where imported data come from."""

    title: Annotated[Text, Term("dcterms:title")]
    doi: Annotated[Text, Term("dcterms:identifier")] = ""
    licence: Annotated[Text, Term("dcterms:license")] = Field(
        default="", description="SPDX identifier or words"
    )
    retrieved: Annotated[Text, Term("schema:description")] = Field(
        default="", description="file, version, row: enough to find it again"
    )


class Provenance(Model, term="enclosing"):
    """How a result came about."""

    software: Annotated[Text, Term("schema:softwareVersion")] = Field(
        default="", description="package and version"
    )
    host: Annotated[Text, Term("schema:processorRequirements")] = ""
    instrument: Annotated[Text, Term("schema:instrument")] = ""
    calibration: Annotated[Text, Term("prov:used")] = ""
    simulated: Annotated[Flag, Term("simulated")] = Field(
        default=False, description="true where no real instrument was involved"
    )
    parameters: Annotated[JsonObject, Term("schema:additionalProperty")] = Field(
        default_factory=dict, description="the node's own parameters"
    )
    begun: Annotated[Nanoseconds, Term("prov:startedAtTime")] | None = None
    ended: Annotated[Nanoseconds, Term("prov:endedAtTime")] | None = None
    source: Source | None = Field(default=None, description="only of imported data")
    notes: Annotated[JsonObject, Term("schema:additionalProperty")] = Field(default_factory=dict)


class Failure(Model, term="enclosing"):
    """Why a worker gave up."""

    message: Annotated[Text, Term("schema:error")]
    where: Annotated[Text, Term("schema:about")] = ""
    remedy: Annotated[Text, Term("schema:comment")] = ""
    retryable: Annotated[Flag, ADMINISTRATIVE] = False


class SampleStep(Model, term="SampleState", relation="prov:generated"):
    """A result's effect on a sample: its birth, or its next state."""

    sample: Annotated[SampleId, Term("Sample", "prov:specializationOf")]
    kind: Annotated[Name, Term("schema:category")] = Field(description="electrolyte, coin_cell ...")
    state: Annotated[Count, Term("StateNumber")] = Field(
        description="0 is the birth; else one more than expects_state"
    )
    expects_state: Annotated[Count, ADMINISTRATIVE] | None = Field(
        default=None, description="the last state before; None at birth"
    )
    label: Annotated[Name, Term("schema:name")] = Field(
        description="formulated, assembled, formed, charged, unknown ..."
    )
    parents: Annotated[tuple[SampleId, ...], Term("Sample", "prov:wasDerivedFrom")] = ()
    location: Annotated[Text, Term("prov:atLocation")] = ""
    properties: Annotated[JsonObject, Term("schema:additionalProperty")] = Field(
        default_factory=dict
    )


class ArtifactRef(Model, term="DataFile", relation="prov:generated"):
    """A blob that belongs to a result."""

    sha256: Annotated[
        str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$"), Term("schema:sha256")
    ]
    name: Annotated[Text, Term("schema:name")]
    media_type: Annotated[Text, Term("schema:encodingFormat")]
    size: Annotated[Count, Unit("By"), Term("schema:contentSize")]


class Result(Message, name="Result", version=1, term="prov:Activity"):
    """What came of an order, or (``request`` None) a result nobody asked for."""

    request: Annotated[Uuid, Term("prov:wasInformedBy")] | None = None
    token: Annotated[Count, ADMINISTRATIVE] | None = Field(
        default=None, description="the order's fencing token"
    )
    quantity: Annotated[Name, Term("schema:variableMeasured")]
    method: Annotated[Name, Term("schema:measurementTechnique")]
    parameters: Annotated[JsonObject, BY_CAPABILITY] = Field(
        description="what was really done; may differ from the request's"
    )
    outcome: Annotated[Literal["resolved", "failed"], Term("schema:actionStatus")]
    data: Annotated[JsonObject, BY_CAPABILITY] = Field(
        default_factory=dict, description="satisfies the capability's result schema"
    )
    failure: Failure | None = None
    rating: Rating | None = None
    provenance: Provenance = Field(default_factory=Provenance)
    campaign: Annotated[CampaignName, Term("dcterms:isPartOf")] | None = None
    samples: tuple[SampleStep, ...] = ()
    artifacts: tuple[ArtifactRef, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Result:
        if (self.outcome == "failed") != (self.failure is not None):
            raise ValueError("a failed result, and only a failed one, has a failure")
        if (self.request is None) != (self.token is None):
            raise ValueError("a result to a request, and only such a one, has a token")
        return self


class ResultAmendment(Message, name="ResultAmendment", version=1, term="prov:Activity"):
    """Its author marks a result as amended or deleted. The entry itself stays."""

    result: Annotated[Uuid, Term("prov:used")]
    status: Annotated[ResultStatus, Term("schema:creativeWorkStatus")]
    reason: Annotated[Text, Term("schema:description")]


class Decision(Message, name="Decision", version=1, term="prov:Activity"):
    """A person's word on a held request: release it to be tried again, or abandon it."""

    request: Annotated[Uuid, Term("prov:used")]
    decision: Annotated[Literal["release", "abandon"], Term("schema:actionStatus")]
    reason: Annotated[Text, Term("schema:description")] = ""
    person: Annotated[Text, Term("prov:wasAssociatedWith")] = ""


class Offer(Message, name="Offer", version=1, term="CapabilityDescription"):
    """A node's word that it serves a capability; retained below its own prefix."""

    quantity: Annotated[Name, Term("schema:variableMeasured")]
    method: Annotated[Name, Term("schema:measurementTechnique")]
    version: Annotated[Positive, Term("schema:version")] = 1
    description: Annotated[Text, Term("schema:description")] = ""
    parameters_schema: Annotated[JsonObject, ADMINISTRATIVE]
    result_schema: Annotated[JsonObject, ADMINISTRATIVE]
    limitations: Annotated[JsonObject, ADMINISTRATIVE] = Field(
        default_factory=dict, description="a JSON Schema that narrows parameters_schema"
    )
    slots: Annotated[Positive, ADMINISTRATIVE] = 1
    worker: Annotated[Literal["instrument", "model"], ADMINISTRATIVE] = Field(
        description="a lost model's order is retried elsewhere, a lost instrument's is held"
    )
    simulated: Annotated[Flag, Term("simulated")] = False
    lease: Annotated[Real, Unit("s"), Field(gt=0), ADMINISTRATIVE] = 15.0


class Receipt(Message, name="Receipt", version=1):
    """The ledger's answer to one durable message."""

    message: UUID = Field(description="the envelope id that it answers")
    accepted: Flag
    offset: Count | None = Field(default=None, description="of the entry; None when refused")
    reason: Text = Field(default="", description="why refused, naming field and remedy")

    @model_validator(mode="after")
    def _consistent(self) -> Receipt:
        if self.accepted != (self.offset is not None):
            raise ValueError("an accepted message, and only such a one, has an offset")
        return self


class EntryKind(StrEnum):
    """Kinds of journal entries."""

    REQUEST = "request"
    RESULT = "result"
    STATUS = "status"
    RESULT_STATUS = "result_status"
    CAPABILITY = "capability"
    OFFER = "offer"
    SAMPLE = "sample"


class Reservation(Model, term="administrative"):
    """Under what terms an order was given; enough to go on after the ledger's restart."""

    worker: Annotated[Literal["instrument", "model"], ADMINISTRATIVE]
    epoch: Annotated[Count, ADMINISTRATIVE] = Field(
        description="the worker's boot; of a later boot the order is lost"
    )
    lease: Annotated[Real, Unit("s"), Field(gt=0), ADMINISTRATIVE]


class StatusChange(Message, name="StatusChange", version=2, term="prov:Activity"):
    """A request went from one status to another.

    That a request begins its life as ``pending`` is said by its own entry, not by one of these;
    only the log of `query.request` shows that first line, with ``before`` None.
    """

    request: Annotated[UUID, Term("prov:used")]
    before: Annotated[Status, Term("schema:actionStatus")] | None = Field(
        description="None where the request begins its life"
    )
    after: Annotated[Status, Term("schema:actionStatus")]
    message: Annotated[Text, Term("schema:description")] = ""
    by: Annotated[NodeName, Term("prov:wasAssociatedWith")] = Field(description="who caused it")
    worker: Annotated[NodeName, Term("prov:wasAssociatedWith")] | None = None
    token: Annotated[Count, ADMINISTRATIVE] | None = None
    attempt: Annotated[Count, ADMINISTRATIVE] = Field(
        default=0, description="attempts begun, this one included"
    )
    result: Annotated[UUID, Term("prov:used")] | None = None
    reservation: Reservation | None = Field(default=None, description="where after is reserved")
    cause: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$"), ADMINISTRATIVE] = Field(
        default="",
        description="sha256 of the canonical body of the message that caused it (the entry has "
        "that message's id), empty where the ledger itself did",
    )


class SampleState(Message, name="SampleState", version=1, term="SampleState"):
    """A sample was born or changed its state by a result."""

    sample: Annotated[SampleId, Term("Sample", "prov:specializationOf")]
    kind: Annotated[Name, Term("schema:category")]
    state: Annotated[Count, Term("StateNumber")]
    label: Annotated[Name, Term("schema:name")]
    parents: Annotated[tuple[SampleId, ...], Term("Sample", "prov:wasDerivedFrom")] = ()
    location: Annotated[Text, Term("prov:atLocation")] = ""
    properties: Annotated[JsonObject, Term("schema:additionalProperty")] = Field(
        default_factory=dict
    )
    result: Annotated[UUID, Term("prov:wasGeneratedBy")]
    request: Annotated[UUID, Term("prov:wasInfluencedBy")] | None = None
    at: Annotated[Nanoseconds, Term("prov:generatedAtTime")] = Field(
        description="by the clock of the result's author"
    )


class OfferChange(Message, name="OfferChange", version=1, term="CapabilityDescription"):
    """A node made, changed (``offer`` present) or withdrew (``offer`` None) an offer."""

    node: Annotated[NodeName, Term("prov:wasAttributedTo")]
    quantity: Annotated[Name, Term("schema:variableMeasured")]
    method: Annotated[Name, Term("schema:measurementTechnique")]
    offer: Offer | None


class Capability(Message, name="Capability", version=1, term="CapabilityDescription"):
    """A (quantity, method) pair as the ledger knows it."""

    quantity: Annotated[Name, Term("schema:variableMeasured")]
    method: Annotated[Name, Term("schema:measurementTechnique")]
    version: Annotated[Positive, Term("schema:version")]
    description: Annotated[Text, Term("schema:description")] = ""
    parameters_schema: Annotated[JsonObject, ADMINISTRATIVE]
    result_schema: Annotated[JsonObject, ADMINISTRATIVE]
    active: Annotated[Flag, ADMINISTRATIVE] = True


class Entry(Message, name="Entry", version=1):
    """One record of the ledger as it is published and read."""

    offset: Count
    uuid: UUID
    kind: EntryKind
    stamp: Nanoseconds = Field(description="by the author's clock")
    load_time: Nanoseconds = Field(description="wall time of the ledger's transaction")
    author: NodeName
    type: Text
    schema_hash: Text
    body: JsonObject
    prev_hash: bytes
    hash: bytes


class Head(Message, name="Head", version=1):
    """Where the ledger stands; retained."""

    offset: Annotated[int, Field(strict=True, ge=-1, lt=2**63)] = Field(description="-1 when empty")
    hash: bytes
