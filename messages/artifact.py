"""Artifacts: large files that belong to a result, addressed by their sha256.

A holder says what it has by a retained `Manifest` on ``~/blob/{sha256}``. Whoever wants the content
asks a holder for one piece after another on ``~/fetch/@/{sha256}`` (a `messages.node.Call` with
`PieceArguments`); each answer is a `messages.node.Reply` with a `Piece`.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from messages.errors import ArtifactError
from messages.ledger import ArtifactRef
from messages.model import Count, Message, Model, Nanoseconds, NodeName, Text, Unit

PIECE: Final = 64 * 1024
"""Most bytes of one piece: with its envelope it stays below `messages.envelope.MAX_PAYLOAD`."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The address of an artifact: sha256 of its content, 64 hexadecimal digits in lower case."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def check_sha256(text: str) -> str:
    """Return ``text`` when it is the address of an artifact.

    Raises:
        ArtifactError: It is not.
    """
    if not _SHA256.fullmatch(text):
        raise ArtifactError(
            f"{text[:80]!r} is no sha256", remedy="an artifact has 64 digits 0-9 and a-f"
        )
    return text


class Manifest(Message, name="ArtifactManifest", version=1):
    """Its author has this content, and gives it to whoever asks."""

    sha256: Sha256
    size: Annotated[Count, Unit("By")]


class PieceArguments(Model):
    """Which bytes are wanted. ``length`` 0 asks for the size alone."""

    offset: Annotated[Count, Unit("By")]
    length: Annotated[int, Field(strict=True, ge=0, le=PIECE), Unit("By")]


class Piece(Model):
    """The bytes; fewer than asked for only at the end of the content."""

    size: Annotated[Count, Unit("By")] = Field(description="of the whole content")
    data: bytes


class ArtifactView(ArtifactRef):
    """An artifact as a result names it, and whether the ledger's own store has it."""

    result: UUID
    offset: Count = Field(description="of the result's entry")
    author: NodeName
    load_time: Nanoseconds
    state: Literal["held", "missing"]
    reason: Text = Field(default="", description="why it is missing, as far as is known")
