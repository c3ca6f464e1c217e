"""Deposits: a campaign's crate given to an archive, and what the archive calls it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from messages.cycling_data import Digest
from messages.meaning import ADMINISTRATIVE, Term
from messages.model import Count, Flag, Model, Text, Unit

DEPOSIT: Final = ("archive", "deposit")
"""The capability whose results tell where a campaign was archived."""

Md5 = Annotated[str, StringConstraints(strict=True, pattern=r"^([0-9a-f]{32})?$")]
"""MD5 in hex, or empty: what InvenioRDM compares files by, where nobody means to cheat."""

Campaign = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
"""A campaign's name."""


class DepositInput(Model, term="DataDeposit"):
    """Ask for what a campaign has so far to be archived."""

    campaign: Annotated[Campaign, Term("schema:about")] = Field(
        description="whose crate is deposited"
    )


class DepositedFile(Model, term="DataFile", relation="hasOutput"):
    """One file of a record."""

    name: Annotated[
        str, StringConstraints(strict=True, min_length=1, max_length=255), Term("schema:name")
    ] = Field(description="as the archive lists it")
    size: Annotated[Count, Unit("By"), Term("schema:size")] = Field(description="of its content")
    md5: Annotated[Md5, Term("schema:identifier")] = Field(
        default="", description="of its content, as an archive reports it"
    )
    sha256: Digest = Field(description="of its content, as it was read here")
    linked: Annotated[Flag, ADMINISTRATIVE] = Field(
        default=False, description="unchanged since the version before: nothing was uploaded"
    )


class DepositOutput(Model, term="DataDeposit"):
    """A campaign's record at an archive, as it stands after the deposit."""

    campaign: Annotated[Campaign, Term("schema:about")] = Field(description="whose crate it is")
    kind: Annotated[Literal["folder", "invenio"], Term("schema:additionalProperty")] = Field(
        description="what the archive is"
    )
    archive: Annotated[Text, Term("schema:provider")] = Field(
        description="where the archive is: its address, or a folder"
    )
    state: Annotated[Literal["published", "in_review"], Term("schema:creativeWorkStatus")] = Field(
        description="in_review: a community has to accept it before anybody else sees it"
    )
    new: Annotated[Flag, ADMINISTRATIVE] = Field(
        description="whether this deposit made the version; else nothing had changed since"
    )
    record: Annotated[Text, Term("schema:identifier")] = Field(
        description="the archive's name for this version"
    )
    parent: Annotated[Text, Term("dcterms:isVersionOf")] = Field(
        default="", description="the archive's name for all versions together"
    )
    pid: Annotated[Text, Term("dcterms:identifier")] = Field(
        default="", description="persistent identifier of this version, a DOI where it has one"
    )
    parent_pid: Annotated[Text, Term("dcterms:isVersionOf")] = Field(
        default="", description="the same for all versions together"
    )
    url: Annotated[Text, Term("schema:url")] = Field(
        default="", description="page of this version, for people"
    )
    version: Annotated[Text, Term("schema:version")] = Field(
        description="the crate's; with a number where an earlier deposit has the same"
    )
    publication_date: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^\d{4}-\d\d-\d\d$"),
        Term("schema:datePublished"),
    ] = Field(description="of this version, by wall time (UTC)")
    files: Annotated[tuple[DepositedFile, ...], Term("DataFile", "hasOutput")] = Field(
        default=(),
        description="by name; of a folder those at its top, of which hashes.sha256 lists the rest",
    )
    uploaded: Annotated[Count, Unit("By"), Term("schema:size")] = Field(
        default=0, description="content that was new in this version"
    )
    removed: Annotated[tuple[Text, ...], ADMINISTRATIVE] = Field(
        default=(), description="names of the version before that this one lacks"
    )
    access: Annotated[Text, Term("dcterms:accessRights")] = Field(
        default="public", description="public or restricted, or until when"
    )
    content_sha256: Digest = Field(description="of the names and sha256 of all files")
    metadata_sha256: Digest = Field(description="of the metadata, without date and version")
