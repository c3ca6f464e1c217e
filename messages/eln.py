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
from messages.model import Count, Flag, Model, Text, Unit

IMPORT: Final = ("eln", "import")
"""The capability whose results are entries of others' notebooks; told, not asked for."""

DEPLOYMENT: Final = ("eln", "deployment")
"""The capability that writes a campaign into a notebook."""


class ElnImportInput(Model):
    """Which entry of which file."""

    file: Text = Field(description="name of the .eln file")
    sha256: Digest = Field(description="of the .eln file")
    entry: Text = Field(description="@id of the entry in the file's ro-crate-metadata.json")


class ElnVariable(Model):
    """A value that an entry states, as its notebook writes it."""

    name: Text = Field(description="as the notebook spells it")
    value: Text = Field(description="number, words, date")
    unit: Text = Field(default="", description="as the notebook spells it; empty for none")


class ElnFile(Model):
    """A file of an entry; its content is the artifact with this address."""

    path: Text = Field(description="in the .eln file, below its root folder")
    sha256: Digest = Field(description="of its content")
    description: Text = Field(default="", description="in the notebook's words")


class ElnEntry(Model):
    """An entry of a notebook: an experiment, a sample, a record.

    What is longer than a result may be is cut, and ``cut`` says so; the artifact
    ``ro-crate-metadata.json`` has the notebook's own words, whole.
    """

    name: Text = Field(description="its title")
    identifier: Text = Field(default="", description="as its notebook has it: a URL, a number")
    url: Text = Field(default="", description="where its notebook shows it")
    genre: Text = Field(default="", description="experiment, resource, sample ...")
    text: Text = Field(default="", description="in words; HTML or Markdown as it was written")
    authors: tuple[Text, ...] = Field(default=(), description="names, with ORCID where said")
    created: Text = Field(default="", description="ISO 8601, as its notebook writes it")
    modified: Text = Field(default="", description="as ``created``")
    keywords: tuple[Text, ...] = Field(default=(), description="tags")
    licence: Text = Field(default="", description="of the entry, else of the whole file")
    notebook: Text = Field(default="", description="the program that wrote the file")
    content: Digest = Field(description="of the entry and its files; the same entry has the same")
    variables: tuple[ElnVariable, ...] = Field(default=(), description="in the entry's order")
    files: tuple[ElnFile, ...] = Field(default=(), description="each an artifact of the result")
    cut: Flag = Field(default=False, description="whether this is shorter than the entry")


class ElnDeploymentInput(Model):
    """Ask for a campaign to be written into the notebook that the node is set up for."""

    campaign: CampaignName = Field(description="whose samples and results are written")
    dry_run: Flag = Field(default=False, description="only say what would be written")


class ElnWritten(Model):
    """How many things of one kind are in the notebook."""

    kind: Text = Field(description="CELL, CYCLING_PROCESS, dataset ... as the notebook calls it")
    created: Annotated[Count, Unit("1")] = Field(description="that were not there before")
    present: Annotated[Count, Unit("1")] = Field(description="that were there, and stay")


class ElnObject(Model):
    """A thing in the notebook, and what it is to us."""

    kind: Text = Field(description="as the notebook calls it")
    subject: Text = Field(description="IRI of our sample, result or state")
    code: Text = Field(description="the notebook's name of it")


class ElnDeploymentOutput(Model):
    """What a campaign's deployment wrote."""

    system: Literal["file", "openbis", "elabftw"] = Field(description="which kind of notebook")
    place: Text = Field(description="URL of the notebook, or the file")
    campaign: CampaignName = Field(description="which was asked for")
    dry_run: Flag = Field(default=False, description="nothing was written: it would have been")
    written: tuple[ElnWritten, ...] = Field(description="by kind")
    objects: tuple[ElnObject, ...] = Field(
        default=(), description="the electrolytes and cells, at most 200"
    )
    withheld: Annotated[Count, Unit("1")] = Field(
        default=0, description="results and samples that are confidential and stay here"
    )
    restricted: Annotated[Count, Unit("1")] = Field(
        default=0, description="results of which only the metadata went, not the files"
    )
    file: Digest | None = Field(default=None, description="sha256 of the .eln that was written")
    verified: Text = Field(default="", description="how far this adapter has been tried, in words")
