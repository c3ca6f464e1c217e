"""Electronic lab notebooks: what was deployed to one, and what came out of one.

An entry that somebody else wrote comes into the ledger as a result nobody asked for, of
`IMPORT`; its files are the result's artifacts. `DEPLOYMENT` is asked for: it writes a campaign into
a notebook.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from messages.cycling_data import Digest
from messages.ledger import CampaignName
from messages.meaning import ADMINISTRATIVE, Term
from messages.model import Count, Flag, Model, Text, Unit

IMPORT: Final = ("eln", "import")
"""The capability whose results are entries of others' notebooks; told, not asked for."""

DEPLOYMENT: Final = ("eln", "deployment")
"""The capability that writes a campaign into a notebook."""


class ElnImportInput(Model, term="DataExchange"):
    """Which entry of which file."""

    file: Annotated[Text, Term("schema:url")] = Field(description="name of the .eln file")
    sha256: Digest = Field(description="of the .eln file")
    entry: Annotated[Text, Term("schema:identifier")] = Field(
        description="@id of the entry in the file's ro-crate-metadata.json"
    )


class ElnVariable(Model, term="schema:PropertyValue", relation="schema:variableMeasured"):
    """A value that an entry states, as its notebook writes it."""

    name: Annotated[Text, Term("schema:name")] = Field(description="as the notebook spells it")
    value: Annotated[Text, Term("schema:value")] = Field(description="number, words, date")
    unit: Annotated[Text, Term("schema:unitText")] = Field(
        default="", description="as the notebook spells it; empty for none"
    )


class ElnFile(Model, term="DataFile", relation="hasPart"):
    """A file of an entry; its content is the artifact with this address."""

    path: Annotated[Text, Term("schema:name")] = Field(
        description="in the .eln file, below its root folder"
    )
    sha256: Digest = Field(description="of its content")
    description: Annotated[Text, Term("schema:description")] = Field(
        default="", description="in the notebook's words"
    )


class ElnEntry(Model, term="DataExchange"):
    """An entry of a notebook: an experiment, a sample, a record.

    What is longer than a result may be is cut, and ``cut`` says so; the artifact
    ``ro-crate-metadata.json`` has the notebook's own words, whole.
    """

    name: Annotated[Text, Term("schema:name")] = Field(description="its title")
    identifier: Annotated[Text, Term("schema:identifier")] = Field(
        default="", description="as its notebook has it: a URL, a number"
    )
    url: Annotated[Text, Term("schema:url")] = Field(
        default="", description="where its notebook shows it"
    )
    genre: Annotated[Text, Term("schema:category")] = Field(
        default="", description="experiment, resource, sample ..."
    )
    text: Annotated[Text, Term("schema:text")] = Field(
        default="", description="in words; HTML or Markdown as it was written"
    )
    authors: Annotated[tuple[Text, ...], Term("schema:author")] = Field(
        default=(), description="names, with ORCID where said"
    )
    created: Annotated[Text, Term("schema:dateCreated")] = Field(
        default="", description="ISO 8601, as its notebook writes it"
    )
    modified: Annotated[Text, Term("schema:dateModified")] = Field(
        default="", description="as ``created``"
    )
    keywords: Annotated[tuple[Text, ...], Term("schema:keywords")] = Field(
        default=(), description="tags"
    )
    licence: Annotated[Text, Term("schema:license")] = Field(
        default="", description="of the entry, else of the whole file"
    )
    notebook: Annotated[Text, Term("schema:softwareVersion")] = Field(
        default="", description="the program that wrote the file"
    )
    content: Digest = Field(description="of the entry and its files; the same entry has the same")
    variables: tuple[ElnVariable, ...] = Field(default=(), description="in the entry's order")
    files: tuple[ElnFile, ...] = Field(default=(), description="each an artifact of the result")
    cut: Annotated[Flag, ADMINISTRATIVE] = Field(
        default=False, description="whether this is shorter than the entry"
    )


class ElnDeploymentInput(Model, term="DataExchange"):
    """Ask for a campaign to be written into the notebook that the node is set up for."""

    campaign: Annotated[CampaignName, Term("schema:about")] = Field(
        description="whose samples and results are written"
    )
    dry_run: Annotated[Flag, ADMINISTRATIVE] = Field(
        default=False, description="only say what would be written"
    )


class ElnWritten(Model, term="enclosing"):
    """How many things of one kind are in the notebook."""

    kind: Annotated[Text, ADMINISTRATIVE] = Field(
        description="CELL, CYCLING_PROCESS, dataset ... as the notebook calls it"
    )
    created: Annotated[Count, Unit("1"), ADMINISTRATIVE] = Field(
        description="that were not there before"
    )
    present: Annotated[Count, Unit("1"), ADMINISTRATIVE] = Field(
        description="that were there, and stay"
    )


class ElnObject(Model, term="prov:Entity", relation="prov:generated"):
    """A thing in the notebook, and what it is to us."""

    kind: Annotated[Text, Term("schema:category")] = Field(description="as the notebook calls it")
    subject: Annotated[Text, Term("schema:sameAs")] = Field(
        description="IRI of our sample, result or state"
    )
    code: Annotated[Text, Term("schema:identifier")] = Field(
        description="the notebook's name of it"
    )


class ElnDeploymentOutput(Model, term="DataExchange"):
    """What a campaign's deployment wrote."""

    system: Annotated[Literal["file", "openbis", "elabftw"], Term("schema:category")] = Field(
        description="which kind of notebook"
    )
    place: Annotated[Text, Term("schema:url")] = Field(
        description="URL of the notebook, or the file"
    )
    campaign: Annotated[CampaignName, Term("schema:about")] = Field(
        description="which was asked for"
    )
    dry_run: Annotated[Flag, ADMINISTRATIVE] = Field(
        default=False, description="nothing was written: it would have been"
    )
    written: tuple[ElnWritten, ...] = Field(description="by kind")
    objects: tuple[ElnObject, ...] = Field(
        default=(), description="the electrolytes and cells, at most 200"
    )
    withheld: Annotated[Count, Unit("1"), ADMINISTRATIVE] = Field(
        default=0, description="results and samples that are confidential and stay here"
    )
    restricted: Annotated[Count, Unit("1"), ADMINISTRATIVE] = Field(
        default=0, description="results of which only the metadata went, not the files"
    )
    file: Digest | None = Field(default=None, description="sha256 of the .eln that was written")
    verified: Annotated[Text, Term("schema:comment")] = Field(
        default="", description="how far this adapter has been tried, in words"
    )
