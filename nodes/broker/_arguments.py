"""Arguments of the ledger's reading services."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from messages.artifact import Sha256
from messages.ledger import CampaignName, EntryKind, SampleId, Status
from messages.model import Count, Flag, Model, Name, NodeName, Text

Limit = Annotated[int, Field(strict=True, ge=1, le=500)]
"""Most items of one page; its size in bytes may end it earlier."""


def _identity(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f-]{4,36}", text):
        raise ValueError(f"{text[:40]!r} is no id: a uuid, or its first 4 or more characters")
    return text


Identity = Annotated[
    str, StringConstraints(to_lower=True, max_length=200), AfterValidator(_identity)
]
"""A uuid, or a beginning of one that no other has."""


class NoFilter(Model):
    """Nothing to say."""


class JournalArguments(Model):
    """``journal.read``."""

    from_: Count = Field(default=0, alias="from")
    limit: Limit = 100
    kinds: tuple[EntryKind, ...] | None = None


class RequestsArguments(Model):
    """``query.requests``."""

    status: tuple[Status, ...] | None = None
    quantity: Name | None = None
    method: Name | None = None
    campaign: CampaignName | None = None
    sample: SampleId | None = Field(default=None, description="it begins from a state of this")
    parent: Identity | None = Field(default=None, description="it is asked in the service of this")
    author: NodeName | None = None
    limit: Limit = 50
    after: Count | None = Field(default=None, description="offset of the last one had")
    newest_first: Flag = False


class ResultsArguments(Model):
    """``query.results``."""

    request: Identity | None = None
    quantity: Name | None = None
    method: Name | None = None
    campaign: CampaignName | None = None
    sample: SampleId | None = Field(default=None, description="it made a state of this")
    unsolicited: Flag | None = None
    author: NodeName | None = None
    limit: Limit = 50
    after: Count | None = None
    newest_first: Flag = False


class OneArguments(Model):
    """``query.request`` and ``query.result``."""

    id: Identity


class SamplesArguments(Model):
    """``query.samples``: by what they are, their last state, or a relative."""

    kind: Name | None = None
    label: Name | None = Field(default=None, description="of the last state")
    location: Text | None = Field(default=None, description="of the last state, word for word")
    parent: SampleId | None = Field(default=None, description="what it was made of")
    child: SampleId | None = Field(default=None, description="what was made of it")
    limit: Limit = 50
    after: Count | None = Field(default=None, description="offset of the last one had")
    newest_first: Flag = False


class ArtifactsArguments(Model):
    """``query.artifacts``."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4,64}$")] | None = Field(
        default=None, description="its first digits, or all of them"
    )
    result: Identity | None = None
    missing: Flag = Field(default=False, description="only what the ledger's folder lacks")
    limit: Limit = 50
    after: Count | None = Field(default=None, description="``next`` of the page before")
    newest_first: Flag = False


class ArtifactArguments(Model):
    """``artifact.verify``."""

    sha256: Sha256


class SampleArguments(Model):
    """``query.sample``."""

    id: SampleId


class AccessArguments(Model):
    """``query.access``."""

    subject: Literal["campaign", "sample", "result"] | None = None
    name: SampleId | None = Field(default=None, description="of the subject")
    level: Literal["public", "restricted", "confidential"] | None = None
    limit: Limit = 50
    after: Count | None = Field(default=None, description="``next`` of the page before")


class CatalogueArguments(Model):
    """``query.capabilities`` and ``query.offers``."""

    quantity: Name | None = None
    method: Name | None = None
    after: Count | None = None
