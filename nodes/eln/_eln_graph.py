"""The metadata of an .eln file: an RO-Crate as notebooks import it, one Dataset a thing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from importlib.metadata import version
from typing import Any, Final

from labmesh.crate import Author, CrateDescription, licences
from labmesh.semantics import iris, vocabulary
from messages.model import JsonObject
from nodes.eln._story import Result, Sample, Story
from nodes.eln._variables import Variable
from nodes.eln._words import (
    campaign_line,
    result_line,
    result_text,
    result_title,
    sample_line,
    sample_text,
    sample_title,
    when,
)

METADATA: Final = "ro-crate-metadata.json"

CONTEXT: Final[list[Any]] = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "http://schema.org/sha256"},
]
"""RO-Crate 1.1, as the .eln format asks for; its context lacks sha256, which 1.2 has."""

_LAYOUT: Final = "104"
"""Version of the layout as eLabFTW counts it: from 103 on, variables are nodes of their own."""

PUBLISHER: Final = "#labmesh"
IDENTITY: Final = "labmesh_id"
"""The variable that names our sample or result; notebooks keep it when they export it again."""


class ElnGraph:
    """Collects the nodes of an .eln file's metadata.

    Args:
        story: The campaign.
        description: What a person says of it.
        samples: Ids of those that are in the file, and so can be pointed at.
        plain: Use RO-Crate 1.1's own context alone, as SampleDB insists on.
    """

    def __init__(
        self, story: Story, description: CrateDescription, samples: Collection[str], *,
        plain: bool = False,
    ) -> None:  # fmt: skip
        self._samples = samples
        self._context: Any = CONTEXT[0] if plain else CONTEXT
        self._story = story
        self._licence = licences()[description.licence]
        self._nodes: dict[str, JsonObject] = {}
        self._entries: list[str] = []
        self._site = self._organization()
        self._author = self._authors(description)
        self._about = description

    def sample(self, sample: Sample, folder: str, files: list[JsonObject]) -> None:
        """Add a sample and its files."""
        last = sample.states[-1]
        variables = [
            Variable("kind", sample.kind), Variable("state", last.label),
            Variable("location", last.location), Variable("simulated", sample.simulated),
        ]  # fmt: skip
        self._entry(
            folder, files, variables,
            identifier=iris.sample(sample.id), name=sample_title(sample),
            description=sample_line(sample), text=sample_text(sample), genre="sample",
            dateCreated=when(sample.states[0].at), dateModified=when(last.at),
            keywords=_tags(sample.kind, simulated=sample.simulated),
            mentions=self._mentions(sample.parents),
        )  # fmt: skip

    def result(self, result: Result, files: list[JsonObject], variables: list[Variable]) -> None:
        """Add a result and its files."""
        provenance = result.body["provenance"]
        facts = [
            Variable("outcome", result.body["outcome"]),
            Variable("instrument", provenance.get("instrument", "")),
            Variable("software", provenance.get("software", "")),
            Variable("simulated", result.simulated),
        ]
        terms = dict.fromkeys(each.term for each in variables if each.term and ":" not in each.term)
        self._entry(
            result_folder(result), files, [*facts, *variables],
            identifier=iris.record(result.id), name=result_title(result),
            description=result_line(result), text=result_text(result, variables),
            genre="experiment", dateCreated=when(result.begun), dateModified=when(result.ended),
            keywords=_tags(*result.capability, *list(terms)[:8], simulated=result.simulated),
            mentions=self._mentions(result.about),
        )  # fmt: skip

    def document(self) -> bytes:
        """Return the metadata file."""
        story, about = self._story, self._about
        ended = when(story.ended)
        head: list[JsonObject] = [
            {
                "@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}, "dateCreated": ended,
                "sdPublisher": {"@id": PUBLISHER}, "version": "1.1",
            },
            {
                "@id": "./", "@type": "Dataset",
                "name": about.title or f"Campaign {story.campaign}",
                "description": about.description or campaign_line(story),
                "identifier": iris.campaign(story.campaign), "datePublished": ended[:10],
                "dateCreated": ended, "license": {"@id": self._licence.url},
                **({"author": {"@id": self._author}} if self._author else {}),
                "publisher": {"@id": self._site},
                "version": _LAYOUT,
                "keywords": ",".join((story.campaign, *about.keywords)),
                "hasPart": [{"@id": each} for each in self._entries],
            },
            # eLabFTW takes a publisher without areaServed for an old release of its own.
            {
                "@id": PUBLISHER, "@type": "Organization", "name": "Labmesh",
                "areaServed": "Laboratory",
                "description": f"A mesh of autonomous laboratories, {version('labmesh')}",
            },
            {
                "@id": self._licence.url, "@type": "CreativeWork", "name": self._licence.name,
                "identifier": self._licence.id, "url": self._licence.url,
            },
        ]  # fmt: skip
        graph = [*head, *(self._nodes[each] for each in sorted(self._nodes))]
        document = {"@context": self._context, "@graph": graph}
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()

    def _mentions(self, samples: Iterable[str]) -> list[JsonObject]:
        return [{"@id": sample_folder(each)} for each in samples if each in self._samples]

    def _entry(
        self, folder: str, files: list[JsonObject], variables: list[Variable], **said: Any
    ) -> None:
        identity = Variable(IDENTITY, said["identifier"])
        names = [
            self._variable(folder, number, each)
            for number, each in enumerate((identity, *variables))
            if each.value != ""
        ]
        names.append(self._extra_fields(folder, [identity, *variables]))
        mentions = said.pop("mentions")
        self._nodes[folder] = {
            "@id": folder, "@type": "Dataset", **said,
            "temporal": said["dateCreated"],
            **({"author": {"@id": self._author}} if self._author else {}),
            "license": {"@id": self._licence.url}, "encodingFormat": "text/html",
            "variableMeasured": [{"@id": each} for each in names],
            "hasPart": [{"@id": each["@id"]} for each in files],
            **({"mentions": mentions} if mentions else {}),
        }  # fmt: skip
        self._entries.append(folder)
        for each in files:
            self._nodes[each["@id"]] = each

    def _variable(self, folder: str, number: int, each: Variable) -> str:
        name = f"#{folder.strip('./')}-{number}"
        node: JsonObject = {
            "@id": name, "@type": "PropertyValue", "propertyID": each.path, "name": each.path,
            "value": each.value,
        }  # fmt: skip
        if each.unit and each.unit != "1":
            node["unitText"] = each.unit
        if each.uncertainty is not None:
            node["description"] = f"standard uncertainty {each.uncertainty:.3g} {each.unit}"
        if iri := _iri(each.term):
            node["identifier"] = iri  # where Kadi4Mat looks for a term
        self._nodes[name] = node
        return name

    def _extra_fields(self, folder: str, variables: list[Variable]) -> str:
        """Add eLabFTW's own form of variables, the only one that its import keeps."""
        fields: dict[str, JsonObject] = {}
        for each in variables:
            if each.value == "":
                continue
            number = isinstance(each.value, int | float) and not isinstance(each.value, bool)
            fields[each.path] = {
                "type": "number" if number else "text",
                "value": str(each.value) if not isinstance(each.value, bool)
                else ("yes" if each.value else "no"),
                "position": len(fields) + 1,
                **({"unit": each.unit, "units": [each.unit]} if number and each.unit else {}),
            }  # fmt: skip
        name = f"#{folder.strip('./')}-elabftw"
        self._nodes[name] = {
            "@id": name, "@type": "PropertyValue", "propertyID": "elabftw_metadata",
            "description": "the variables once more, as eLabFTW reads them",
            "value": json.dumps({"extra_fields": fields}, ensure_ascii=False),
        }  # fmt: skip
        return name

    def _organization(self) -> str:
        """Add the site where the first result was made; return its @id."""
        first = next((each.entry.author for each in self._story.results.values()), "unknown/")
        site = first.split("/")[0]
        name = iris.site(site)
        self._nodes[name] = {
            "@id": name, "@type": "Organization", "name": f"Laboratory site {site}",
        }  # fmt: skip
        return name

    def _authors(self, description: CrateDescription) -> str:
        """Add the people; return the first, or "": an author is a person, to SampleDB at least."""
        names = [self._person(n, each) for n, each in enumerate(description.authors, 1)]
        return names[0] if names else ""

    def _person(self, number: int, author: Author) -> str:
        name = author.orcid or f"#author-{number}"
        if not name.startswith(("http", "#")):
            name = f"https://orcid.org/{name}"
        node: JsonObject = {"@id": name, "@type": "Person", "name": author.full}
        if author.given:
            node |= {"givenName": author.given}
        node |= {"familyName": author.family}
        places = []
        for each in author.affiliations:
            place = each.ror or f"#{each.name}"
            self._nodes[place] = {"@id": place, "@type": "Organization", "name": each.name}
            places.append({"@id": place})
        if places:
            node["affiliation"] = places[0] if len(places) == 1 else places
        self._nodes[name] = node
        return name


def sample_folder(sample: str) -> str:
    """Return the folder of a sample in the file: a colon is no good in file names."""
    return f"./samples/{sample.replace(':', '~')}/"


def result_folder(result: Result) -> str:
    """Return the folder of a result in the file."""
    return f"./results/{result.id}/"


def _tags(*words: str, simulated: bool) -> str:
    return ",".join((*words, *(("simulated",) if simulated else ())))


def _iri(label: str) -> str:
    known = vocabulary()
    return known.iri(label) if label in known else ""
