"""A protocol that was used: what its name stands for in a lab from then on."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from messages.meaning import Term
from messages.model import JsonObject, Model, Text

FREEZING: Final = ("cycling_protocol", "freezing")
"""The capability whose results say what a protocol's name stands for; told, not asked for."""

Fingerprint = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""sha256 of a canonical protocol; ``docs/samples.md`` says how it is made."""


class FrozenProtocolInput(Model, term="ProtocolRegistration"):
    """The protocol."""

    name: Annotated[Text, Term("schema:name")] = Field(description="as requests name it")


class FrozenProtocol(Model, term="ProtocolRegistration"):
    """What a name stands for since it was first used."""

    name: Annotated[Text, Term("schema:name")] = Field(description="as requests name it")
    fingerprint: Annotated[Fingerprint, Term("schema:sha256")] = Field(
        description="sha256 of its canonical form"
    )
    canonical: Annotated[JsonObject, Term("schema:text")] = Field(
        description="what the fingerprint is made of"
    )
