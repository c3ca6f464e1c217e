"""What a person says about a campaign's crate; everything else comes from the record."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from labmesh.crate._identifiers import check_orcid, check_ror, link_of
from labmesh.crate._licences import DEFAULT_LICENCE, check_licence
from messages.model import Model, Text

RETAIN_YEARS: Final = 10
"""Least years that data are kept (BIG-MAP data management plan, section 2.4.5)."""

SCHEDULE: Final = r"^[1-9]\d{0,5} ?(s|min|h|d)$"
"""A number and a unit of time."""

_Words = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1)]
_Short = Annotated[_Words, StringConstraints(max_length=300)]
_Email = Annotated[str, StringConstraints(strict=True, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
_Orcid = Annotated[str, AfterValidator(check_orcid)]
_Ror = Annotated[str, AfterValidator(check_ror)]
_Licence = Annotated[str, AfterValidator(check_licence)]
_Version = Annotated[
    str, StringConstraints(strict=True, pattern=r"^\d+\.\d+\.\d+([-+.][\w.+-]+)?$")
]


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _identified(value: Any) -> Any:
    return {"identifier": value} if isinstance(value, str) else value


class Affiliation(Model):
    """Where an author works."""

    name: _Short
    ror: _Ror | None = Field(default=None, description="ROR identifier, https://ror.org")


_Affiliation = Annotated[Affiliation, BeforeValidator(_named)]


class Author(Model):
    """Who made it."""

    name: _Short = Field(description="Family, Given; without a comma the last word is the family")
    orcid: _Orcid | None = Field(default=None, description="ORCID iD, https://orcid.org")
    affiliations: tuple[_Affiliation, ...] = Field(
        default=(), description="a name, or name and ror, each"
    )

    @property
    def family(self) -> str:
        """The family name."""
        before, comma, _ = self.name.partition(",")
        return before.strip() if comma else self.name.split()[-1]

    @property
    def given(self) -> str:
        """The given names; empty where there is but one word."""
        _, comma, after = self.name.partition(",")
        return after.strip() if comma else " ".join(self.name.split()[:-1])

    @property
    def full(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}".strip()


class Contact(Model):
    """Whom to ask, for access for instance."""

    name: _Short
    email: _Email | None = None


class Reference(Model):
    """A publication or data set that this one belongs to."""

    identifier: Annotated[_Words, AfterValidator(link_of)] = Field(description="a DOI or a URL")
    title: Text = ""
    relation: Literal["references", "is_supplement_to", "is_documented_by", "is_derived_from"] = (
        Field(default="references", description="what this crate is to it")
    )


class Owner(Model):
    """Who holds the rights, which need not be who stores or writes it."""

    name: _Short
    ror: _Ror | None = None
    orcid: _Orcid | None = None


class Embargo(Model):
    """Until when files may not be had."""

    until: date = Field(description="the first day on which they may")
    reason: Annotated[_Words, StringConstraints(max_length=1000)]


class CrateDescription(Model):
    """What a person says about a campaign's crate.

    All of it is optional: what is not said is made from the record, or left out.
    """

    labmesh_crate: Literal[1] = Field(default=1, description="version of this file's format")
    title: Annotated[_Short, StringConstraints(min_length=3)] | None = None
    description: Annotated[_Words, StringConstraints(min_length=3, max_length=20_000)] | None = None
    authors: tuple[Author, ...] = ()
    licence: _Licence = Field(default=DEFAULT_LICENCE, description="SPDX identifier")
    keywords: tuple[_Short, ...] = Field(
        default=(), description="besides those that follow from what was measured"
    )
    community: Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")] | None = Field(
        default=None, description="of the archive, by its name in the URL"
    )
    schedule: Annotated[str, StringConstraints(pattern=SCHEDULE)] | None = Field(
        default=None, description="how often an archiver looks for something new: 12 h, 1 d"
    )
    contact: Annotated[Contact, BeforeValidator(_named)] | None = None
    references: tuple[Annotated[Reference, BeforeValidator(_identified)], ...] = ()
    rights_holder: Annotated[Owner, BeforeValidator(_named)] | None = None
    access: Literal["public", "restricted"] = Field(
        default="public", description="of the files; what the ledger declares counts if stricter"
    )
    embargo: Embargo | None = None
    version: _Version | None = Field(
        default=None, description="1.2.0 or 2026.11.22; without it made from the last entry"
    )
    retain_years: Annotated[int, Field(strict=True, ge=RETAIN_YEARS, le=1000)] = Field(
        default=RETAIN_YEARS, description="how long it is kept"
    )

    @model_validator(mode="after")
    def _somebody_to_ask(self) -> Self:
        if self.contact is None and (self.access == "restricted" or self.embargo is not None):
            raise ValueError("what is restricted or under embargo names a contact: whom to ask")
        return self


def description_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a description's file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **CrateDescription.model_json_schema(mode="validation"),
        "title": "Labmesh crate description",
    }
