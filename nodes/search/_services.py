"""What the services of the search node take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from messages.model import Count, Flag, JsonObject, Model, Positive, Text

Words = Annotated[str, Field(max_length=400)]
Limit = Annotated[int, Field(strict=True, ge=1, le=500)]


class SparqlArguments(Model):
    """``search.sparql``."""

    query: Annotated[str, Field(max_length=20_000)] = Field(description="SPARQL 1.1, reading")
    format: (
        Literal["json", "csv", "tsv", "xml", "turtle", "ntriples", "jsonld", "rdfxml"] | None
    ) = Field(default=None, description="by default json, of CONSTRUCT and DESCRIBE turtle")
    after: Count = Field(default=0, description="rows to leave out: `next` of the page before")
    limit: Positive | None = Field(default=None, description="most rows; the node's own by default")


class SparqlAnswer(Model):
    """A page of an answer.

    Attributes:
        media_type: Of ``text``.
        text: The page, a document of its own.
        rows: Rows or triples on it.
        next: What the next call passes as ``after``; None: this is the last page.
        offset: Of the last ledger entry that the store holds. Where it grows between two pages,
            rows may be missed or seen twice: ask with ORDER BY, or begin again.
        cut: Whether the query has more rows than the node gives anybody.
    """

    media_type: Text
    text: str
    rows: Count
    next: Count | None
    offset: int
    cut: Flag = False


class Question(Model):
    """``search.find``: in words, by options, or both; options count before words."""

    text: Words = Field(default="", description="plain words")
    quantity: Words = Field(default="", description="what was found: ionic conductivity")
    containing: tuple[Words, ...] = Field(default=(), description="substances in the sample")
    without: tuple[Words, ...] = Field(default=(), description="substances that are not in it")
    above: Words = Field(default="", description="least value, with its unit: 1 S/m")
    below: Words = Field(default="", description="greatest value, with its unit")
    at: tuple[Words, ...] = Field(
        default=(), description="conditions: 298 K, 25 degC +- 2 K, temperature 298 K"
    )
    sample: Words = Field(default="", description="an object (coin cell), or a sample's id")
    method: Words = Field(default="", description="how: a term, or a capability's method")
    campaign: Words = ""
    site: Words = Field(default="", description="site or site/node that found it")
    since: Words = Field(default="", description="begun at this day or time, or later (UTC)")
    until: Words = Field(default="", description="begun before this day or time (UTC)")
    simulated: bool | None = Field(
        default=None, description="only simulated ones, or only measured"
    )
    quality: Annotated[int, Field(strict=True, ge=0, le=5)] | None = Field(
        default=None, description="least rating"
    )
    after: Count = Field(default=0, description="rows to leave out: `next` of the page before")
    limit: Limit = 50


class Meant(Model):
    """How a phrase was understood."""

    phrase: str
    meaning: str
    iri: str = ""


class Condition(Model):
    """Under what something was found."""

    quantity: str
    value: float | None
    unit: str
    uncertainty: float | None = None


class Found(Model):
    """One value that was found.

    Attributes:
        result: Its id; ``labmesh result show`` has all of it.
        quantity: Label of its class.
        value: In ``unit``; None of a series of numbers, which the result has.
        uncertainty: Standard uncertainty, in ``unit``.
        count: Of a series, how many numbers.
        kind: measured, simulated, predicted or stated.
        quality: Rating, 0 to 5.
        sample: Its id.
        contains: Labels of what is in the sample.
        begun: ISO 8601, UTC.
        provenance: Only where it was asked for.
        distance: Only of `search.related`: see docs/search.md.
        because: Only of `search.related`: what the two have in common.
    """

    result: str
    quantity: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    count: int | None = None
    conditions: tuple[Condition, ...] = ()
    method: str = ""
    kind: str = ""
    quality: int | None = None
    sample: str = ""
    contains: tuple[str, ...] = ()
    campaign: str = ""
    author: str = ""
    begun: str = ""
    provenance: JsonObject = Field(default_factory=dict)
    distance: float | None = None
    because: tuple[str, ...] = ()


class Findings(Model):
    """``search.find``: a page of what was found, and how the question was understood.

    Attributes:
        understood: What each part of the question was taken for.
        ignored: Words that were not understood.
        hints: What to ask instead, where nothing was found or understood.
        found: Newest first.
        next: What the next call passes as ``after``; None: this is the last page.
        offset: Of the last ledger entry that the store holds.
    """

    understood: tuple[Meant, ...] = ()
    ignored: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()
    next: Count | None = None
    offset: int = -1


class FindArguments(Question):
    """``search.find``: the question, and what to tell of each value."""

    provenance: Flag = Field(default=False, description="tell how each value came about")


class RelatedArguments(Model):
    """``search.related``."""

    like: Words = Field(description="a result's or a sample's id, or a beginning of a result's")
    limit: Limit = 10
    provenance: Flag = False


class SearchStatus(Model):
    """``search.status``: how far the store is.

    Attributes:
        offset: Of the last entry described.
        head: Of the ledger's last entry.
        triples: In the store.
        rebuilds: Since the node's start.
        withheld: Entries whose content never leaves the site.
    """

    offset: int
    head: int
    triples: Count
    rebuilds: Count
    withheld: Count
    failed: Count = Field(default=0, description="entries that could not be described")
    http: str = Field(default="", description="where pages and SPARQL are served")


Plain = dict[str, Any]
