"""Carrying samples from one place to another."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from messages.ledger import Rating, SampleId
from messages.location import Location
from messages.model import Flag, Model, Text

Samples = Annotated[tuple[SampleId, ...], Field(min_length=1, max_length=100)]
"""Samples that travel together."""


class TransportInput(Model):
    """Ask for samples to be carried. All of them go together."""

    samples: Samples = Field(description="what to carry")
    origin: Location = Field(description="where they are")
    destination: Location = Field(description="where they are needed")


class TransportOutput(Model):
    """Where the samples are now, and who carried them."""

    success: Flag = Field(description="whether they are at the destination")
    samples: Samples = Field(description="what was carried")
    actual_new_location: Location
    executant: Text = Field(description="person or device")
    rating: Rating | None = None
