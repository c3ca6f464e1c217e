"""Arguments of the ledger's reading services."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from messages.ledger import CampaignName, EntryKind, SampleId, Status
from messages.model import Count, Flag, Model, Name, NodeName

Limit = Annotated[int, Field(strict=True, ge=1, le=500)]
"""Most items of one page; its size in bytes may end it earlier."""

Identity = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{4,36}$", to_lower=True)]
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
    unsolicited: Flag | None = None
    author: NodeName | None = None
    limit: Limit = 50
    after: Count | None = None
    newest_first: Flag = False


class OneArguments(Model):
    """``query.request`` and ``query.result``."""

    id: Identity


class SampleArguments(Model):
    """``query.sample``."""

    id: SampleId


class CatalogueArguments(Model):
    """``query.capabilities`` and ``query.offers``."""

    quantity: Name | None = None
    method: Name | None = None
    after: Count | None = None
