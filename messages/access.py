"""Who may have what: levels of access, embargoes, whom to ask, whose data they are.

A person declares it of a campaign, a sample or a result, by a result that nobody ordered of the
capability `DECLARATION`. The last declaration of a subject counts; what is not declared is public.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from messages.ledger import SampleId
from messages.meaning import Term
from messages.model import Count, Flag, JsonObject, Message, Model, Nanoseconds, NodeName, Text

DECLARATION: Final = ("access", "declaration")
"""The capability whose results say who may have what; told, not asked for."""

LONGEST_EMBARGO: Final = timedelta(days=183)
"""Six months: a longer embargo needs a reason (BIG-MAP data management plan, section 2.4.2)."""

RETENTION_YEARS: Final = 10
"""Years that everything is kept at least (BIG-MAP data management plan, section 2.4.5)."""


class Level(StrEnum):
    """How far something may go, from the widest to the narrowest."""

    PUBLIC = "public"
    """Everybody may have it."""
    RESTRICTED = "restricted"
    """Everybody may know of it; files are given by whom the contact names."""
    CONFIDENTIAL = "confidential"
    """Its content does not leave the ledger's site."""

    @property
    def rank(self) -> int:
        """0 for the widest."""
        return list(Level).index(self)


def _is_date(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_is_date),
]
"""A day, ``2027-03-31``; it begins at midnight UTC."""

Words = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000)]
"""Words for people, at least one."""


class Embargo(Model, term="enclosing"):
    """Until when files are held back."""

    until: Annotated[Day, Term("dcterms:available")] = Field(
        description="the first day on which they are given"
    )
    reason: Annotated[Text, Term("dcterms:accessRights")] = Field(
        default="", description="needed where it is longer than six months"
    )

    @property
    def day(self) -> date:
        """The first day on which files are given."""
        return date.fromisoformat(self.until)

    def active(self, at: date) -> bool:
        """Tell whether files are held back on a day."""
        return at < self.day


class DeclarationInput(Model, term="AccessDeclaration"):
    """What is spoken of. A campaign and a sample may be declared before they begin."""

    subject: Annotated[
        Literal["campaign", "sample", "result"], Term("schema:additionalProperty")
    ] = Field(description="what kind of thing")
    name: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=80),
        Term("schema:about"),
    ] = Field(description="its name or id; of a result the whole uuid")

    @model_validator(mode="after")
    def _result_is_uuid(self) -> Self:
        if self.subject == "result" and str(UUID(self.name)) != self.name:
            raise ValueError("a result is named by its whole uuid, in lower case with dashes")
        return self


class DeclarationOutput(DeclarationInput, term="AccessDeclaration"):
    """Who may have it."""

    level: Annotated[
        Literal["public", "restricted", "confidential"], Term("dcterms:accessRights")
    ] = Field(description="how far it may go")
    embargo: Embargo | None = Field(default=None, description="until when its files are held back")
    contact: Annotated[Text, Term("schema:contactPoint")] = Field(
        default="", description="whom to ask for it; needed where it is not simply public"
    )
    owner: Annotated[Text, Term("dcterms:rightsHolder")] = Field(
        default="", description="whose data they are, where not the storing lab's"
    )
    person: Annotated[Words, Term("prov:wasAssociatedWith")] = Field(description="who has decided")
    reason: Annotated[Text, Term("schema:description")] = Field(default="", description="why")

    @property
    def strictness(self) -> Level:
        """The level, as one that can be compared."""
        return Level(self.level)

    @model_validator(mode="after")
    def _somebody_to_ask(self) -> Self:
        if not self.contact.strip() and (self.strictness is Level.RESTRICTED or self.embargo):
            raise ValueError("what is restricted or under embargo names a contact: whom to ask")
        return self

    def check(self, today: date) -> None:
        """Compare the embargo with the day on which it is declared.

        Raises:
            ValueError: It has passed already, or is longer than six months without a reason.
        """
        embargo = self.embargo
        if embargo is None:
            return
        if not embargo.active(today):
            raise ValueError(f"the embargo until {embargo.until} is over: it is {today} already")
        if embargo.day > today + LONGEST_EMBARGO and not embargo.reason.strip():
            raise ValueError(
                f"an embargo of more than six months, until {embargo.until}, needs a reason"
            )


class AccessView(DeclarationOutput, term="AccessDeclaration"):
    """A declaration as it stands, and where it is written."""

    result: UUID
    offset: Count
    author: NodeName
    load_time: Nanoseconds


class Withheld(Message, name="Withheld", version=1):
    """Takes the place of a sample's last state on its topic once that may not leave the site."""

    sample: SampleId = Field(description="which")
    reason: Literal["confidential"] = Field(
        default="confidential", description="why; who may know asks the ledger at its site"
    )


class SiteAccess(Message, name="SiteAccess", version=1):
    """A ledger's word to the nodes of its own site; retained, and no bridge carries it."""

    confidential: Flag = Field(description="whether it holds anything that must not leave the site")


class Access(Model):
    """What holds of something once everything declared of it, and of what it is of, is counted.

    The strictest level and the longest embargo win; contact and owner are those of the strictest
    declaration that names one, and among equals of the most particular: result, sample, campaign.
    """

    level: Level = Level.PUBLIC
    embargo: Embargo | None = None
    contact: str = ""
    owner: str = ""
    by: tuple[str, ...] = Field(
        default=(), description="what was declared: ``campaign eol``, ``sample cell-7`` ..."
    )

    @property
    def confidential(self) -> bool:
        """Whether its content stays at the ledger's site."""
        return self.level is Level.CONFIDENTIAL

    def embargoed(self, at: date | None = None) -> bool:
        """Tell whether an embargo holds on a day; by default today, UTC."""
        return self.embargo is not None and self.embargo.active(at or today())

    def files_open(self, at: date | None = None) -> bool:
        """Tell whether everybody may have its files on a day; by default today, UTC."""
        return self.level is Level.PUBLIC and not self.embargoed(at)


OPEN: Final = Access()
"""Of what nobody has declared anything."""


def today() -> date:
    """Return the day it is, UTC."""
    return datetime.now(tz=UTC).date()


def day_of(stamp: int) -> date:
    """Return the day of a point in time, ns UTC."""
    return datetime.fromtimestamp(stamp / 1e9, tz=UTC).date()


def retain_until(load_time: int) -> date:
    """Return the day before which nothing written at ``load_time`` (ns UTC) may be deleted."""
    day = day_of(load_time)
    try:
        return day.replace(year=day.year + RETENTION_YEARS)
    except ValueError:  # 29 February
        return day.replace(year=day.year + RETENTION_YEARS, month=3, day=1)


_WITHHELD: Final = "withheld"


def withheld(body_hash: bytes) -> JsonObject:
    """Return what stands on a journal topic in place of a body that does not leave its site.

    With the body's hash the chain can still be followed. No body of an entry looks like it.
    """
    return {_WITHHELD: {"reason": Level.CONFIDENTIAL.value, "body_hash": body_hash}}


def withheld_hash(body: JsonObject) -> bytes | None:
    """Return the hash of the body that `withheld` stands for, None where ``body`` is one itself."""
    told = body.get(_WITHHELD)
    if len(body) != 1 or not isinstance(told, dict):
        return None
    found = told.get("body_hash")
    return bytes(found) if isinstance(found, bytes) else None
