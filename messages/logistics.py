"""Carrying samples from one place to another."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from messages.ledger import CampaignName, Rating, SampleId
from messages.location import Location
from messages.meaning import Term
from messages.model import (
    Count,
    Flag,
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

Samples = Annotated[tuple[SampleId, ...], Field(min_length=1, max_length=100), Term("Sample")]
"""Samples that travel together."""

PersonName = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=40)
]
"""How a person is called where samples are carried: one word, which is typed often."""


class TransportInput(Model, term="SampleTransport"):
    """Ask for samples to be carried. All of them go together."""

    samples: Annotated[Samples, Term("Sample", "schema:object")] = Field(
        description="what to carry"
    )
    origin: Annotated[Location, Term("prov:Location", "schema:fromLocation")] = Field(
        description="where they are"
    )
    destination: Annotated[Location, Term("prov:Location", "schema:toLocation")] = Field(
        description="where they are needed"
    )
    instructions: Annotated[Text, Term("schema:description")] = Field(
        default="", description="for who carries: upright, cold, under argon"
    )
    within: Annotated[Real, Unit("s"), Field(gt=0), Term("TransportDuration")] | None = Field(
        default=None,
        description="when they shall be there, after the order began, by the mesh's clock; "
        "afterwards others are told. None: as the node's parameters say",
    )


class TransportOutput(Model, term="SampleTransport"):
    """Where the samples are now, and who carried them."""

    success: Annotated[Flag, Term("schema:actionStatus")] = Field(
        description="whether they are at the destination"
    )
    samples: Annotated[Samples, Term("Sample", "schema:object")] = Field(
        description="what was carried"
    )
    actual_new_location: Annotated[Location, Term("prov:Location", "schema:toLocation")]
    executant: Annotated[Text, Term("prov:wasAssociatedWith")] = Field(
        description="person or device"
    )
    rating: Rating | None = None
    picked_up: Annotated[AwareDatetime, Term("schema:startTime")] | None = Field(
        default=None, description="when they left the origin, by the mesh's clock"
    )
    delivered: Annotated[AwareDatetime, Term("schema:endTime")] | None = Field(
        default=None, description="when they were put down, by the mesh's clock"
    )
    scanned: Annotated[Flag, Term("schema:additionalProperty")] = Field(
        default=False, description="whether every sample's code was read when it was picked up"
    )


class JobState(StrEnum):
    """How far a transport is."""

    OPEN = "open"
    """Nobody has taken it yet."""
    TAKEN = "taken"
    """Somebody has said that they will do it."""
    CARRIED = "carried"
    """Somebody has the samples in hand."""
    RECALLED = "recalled"
    """It was cancelled while somebody has the samples in hand, who now says where they go."""
    DELIVERED = "delivered"
    """The samples were put down; where is said."""
    RETURNED = "returned"
    """The samples are back where they were."""
    IMPOSSIBLE = "impossible"
    """It cannot be done; the reason says why."""
    LOST = "lost"
    """Nobody knows where, or how, the samples are."""
    CANCELLED = "cancelled"
    """Nobody wants it any more."""


OVER = frozenset(
    {
        JobState.DELIVERED,
        JobState.RETURNED,
        JobState.IMPOSSIBLE,
        JobState.LOST,
        JobState.CANCELLED,
    }
)
"""States that nothing follows."""


class TransportJob(Model):
    """A transport as those see it who carry. Times are of the mesh's clock."""

    number: Positive = Field(description="what people call it by")
    request: Uuid = Field(description="whom it answers")
    requester: NodeName
    campaign: CampaignName | None = None
    samples: Samples
    origin: Location
    destination: Location
    instructions: Text = ""
    remark: Text = Field(default="", description="what the ledger says that differs from the order")
    due: Nanoseconds | None = None
    state: JobState = JobState.OPEN
    carrier: PersonName | None = Field(default=None, description="who has taken it")
    offered_to: PersonName | None = Field(
        default=None, description="to whom the carrier wants to hand it over"
    )
    codes: tuple[SampleId, ...] = Field(default=(), description="whose codes were read so far")
    wrong_codes: Count = Field(default=0, description="codes that were read and do not belong here")
    declared: Flag = Field(
        default=False, description="whether the pick-up was said without reading every code"
    )
    simulated: Flag = Field(default=False, description="whether a simulated person carried it")
    created: Nanoseconds
    taken: Nanoseconds | None = None
    picked_up: Nanoseconds | None = None
    ended: Nanoseconds | None = None
    place: Location | None = Field(default=None, description="where the samples were put down")
    reason: Text = ""
    reminders: Count = Field(default=0, description="how often people were reminded of it")
    escalated: Flag = False
    announced: Flag = False
    settled: Flag = Field(default=False, description="whether the ledger has what became of it")


class JobEvent(Model):
    """Something that happened to a transport."""

    at: Nanoseconds
    who: Text = Field(description="a person, or the node")
    what: Name
    words: Text = ""


class JobsInput(Model):
    """Which transports."""

    over: Flag = Field(default=False, description="also those that have ended, the newest 100")


class JobList(Model):
    """Transports, the oldest first."""

    jobs: tuple[TransportJob, ...]


class JobInput(Model):
    """Which transport."""

    job: Text = Field(description="its number, its request's uuid, or a unique beginning of that")


class JobHistory(Model):
    """A transport and all that happened to it."""

    job: TransportJob
    events: tuple[JobEvent, ...]


class ChatAddress(Model):
    """Where a transport node listens to people."""

    host: Text
    port: Count
    tls: Flag
    people: tuple[PersonName, ...] = Field(description="who may say hello")
