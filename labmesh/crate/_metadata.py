"""``ro-crate-metadata.json``: RO-Crate 1.2, also what an ``.eln`` file must have.

Sources: https://www.researchobject.org/ro-crate/specification/1.2/ and the schema of
TheELNConsortium's file format (``tests/schema.json``), which knows one ``author``, one
``conformsTo`` an entity, and keywords as one text.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from labmesh.crate._data import DataFile
from labmesh.crate._deeds import Deed, describe_deed
from labmesh.crate._description import CrateDescription
from labmesh.crate._entities import Entities, add_licence, href, refs
from labmesh.crate._facts import Facts, Tally
from labmesh.crate._licences import licences
from labmesh.crate._media import GZIP, LEDGER, OWN, is_open
from labmesh.crate._people import (
    author_id,
    describe_people,
    describe_references,
)
from labmesh.crate._plain import when
from labmesh.crate._types import DATA, HASHES, METADATA, CrateFile
from labmesh.record import JournalEntry
from messages.model import JsonObject

CONTEXT: Final = "https://w3id.org/ro/crate/1.2/context"
CONFORMS: Final = "https://w3id.org/ro/crate/1.2"
TERM: Final = "urn:labmesh:term:"

TERMS: Final = (
    "access", "campaign", "embargo_reason", "embargo_until", "head_hash", "head_offset",
    "missing", "retain_until", "withheld",
)  # fmt: skip
"""Properties that schema.org has not, each below `TERM`."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a crate holds, for its metadata.

    Attributes:
        campaign: Its campaign.
        said: What the person says.
        facts: What is said of it as a whole.
        tally: What the campaign did.
        last: The last entry that it covers.
        keywords: Its keywords.
        deeds: Its results.
        data: Files of results.
        missing: sha256 of artifacts that could not be had, and their results.
        withheld: Bodies that stay behind, by reason.
        files: Every file but the metadata and the list of hashes.
    """

    campaign: str
    said: CrateDescription
    facts: Facts
    tally: Tally
    last: JournalEntry
    keywords: tuple[str, ...]
    deeds: Sequence[Deed]
    data: Sequence[DataFile]
    missing: dict[str, str]
    withheld: dict[str, int]
    files: Sequence[CrateFile]


def metadata(contents: Contents) -> str:
    """Return the file's content."""
    entities = Entities()
    _descriptor(entities, contents)
    parts, by_result = _files(entities, contents)
    deeds = [describe_deed(entities, each, by_result.get(each.uuid, [])) for each in contents.deeds]
    _root(entities, contents, parts, deeds)
    document = {
        "@context": [CONTEXT, {name: f"{TERM}{name}" for name in TERMS}],
        "@graph": list(entities),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _descriptor(entities: Entities, contents: Contents) -> None:
    publisher = entities.add(
        "#labmesh", "Organization", name="Labmesh",
        description=f"Written by the software Labmesh {version('labmesh')}",
    )  # fmt: skip
    entities.add(
        METADATA, "CreativeWork", name="RO-Crate metadata", about={"@id": "./"},
        conformsTo={"@id": CONFORMS}, sdPublisher=publisher, version="1.0",
        dateCreated=when(contents.last.load_time), encodingFormat="application/ld+json",
        description="RO-Crate 1.2, also an .eln file's metadata",
    )  # fmt: skip


def _root(
    entities: Entities, contents: Contents, parts: list[JsonObject], deeds: list[JsonObject]
) -> None:
    from labmesh.semantics import iris  # noqa: PLC0415

    facts, tally, last = contents.facts, contents.tally, contents.last
    sites = [
        entities.add(iris.site(site), "Organization", name=site) for site in sorted(tally.sites)
    ]
    people = describe_people(entities, contents.said, facts)
    people["publisher"] = people["publisher"] or sites[0]
    entities.add(
        "./", "Dataset",
        name=facts.title,
        description=facts.description,
        identifier=iris.campaign(contents.campaign),
        datePublished=facts.published,
        dateCreated=when(tally.first),
        dateModified=when(last.load_time),
        version=facts.version,
        license=add_licence(entities, licences()[contents.said.licence]),
        **people,
        keywords=", ".join(contents.keywords),
        citation=describe_references(entities, contents.said),
        conditionsOfAccess=facts.conditions,
        isAccessibleForFree=True,
        temporalCoverage=f"{when(tally.first)}/{when(tally.last)}",
        sourceOrganization=sites[0],
        variableMeasured=sorted({quantity for quantity, _ in tally.quantities}),
        measurementTechnique=sorted({method for _, method in tally.quantities}),
        hasPart=parts,
        mentions=deeds,
        campaign=contents.campaign,
        access=facts.access,
        embargo_until=facts.embargo_until,
        embargo_reason=facts.embargo_reason,
        retain_until=facts.retain_until,
        head_offset=last.offset,
        head_hash=last.hash.hex(),
        withheld=[f"{count} {reason}" for reason, count in sorted(contents.withheld.items())],
        missing=sorted(contents.missing),
    )  # fmt: skip


def _files(entities: Entities, contents: Contents) -> tuple[list[JsonObject], dict[str, list[str]]]:
    """Add every file; return the parts of the root, and the files of each result."""
    data = {each.path: each for each in contents.data}
    deeds = {each.uuid: each for each in contents.deeds}
    parts, by_result = [], defaultdict[str, list[str]](list)
    # Its content covers this file's hash; its size follows from the names alone.
    names = [METADATA, *(each.path for each in contents.files)]
    size = sum(len(f"{'0' * 64}  {name}\n".encode()) for name in names)
    hashes = CrateFile(HASHES, "", size, changed=True)
    for file in sorted((*contents.files, hashes), key=lambda each: each.path):
        if file.path == METADATA:
            continue
        found = data.get(file.path)
        if found is None:
            parts.append(_own(entities, file, contents))
        else:
            by_result[found.result].append(_result_file(entities, file, found, deeds[found.result]))
    for result, files in sorted(by_result.items()):
        parts.append(_dataset(entities, deeds[result], files, contents))
    return parts, by_result


def _own(entities: Entities, file: CrateFile, contents: Contents) -> JsonObject:
    segment = file.path.startswith("ledger-")
    form, purpose = OWN.get(file.path, (GZIP, "A segment of the ledger, in order and hash-chained"))
    if segment:
        entities.add(
            LEDGER, "CreativeWork", name="labmesh.ledger.1",
            description="msgpack, described in README.md and in Labmesh's docs/ledger.md",
        )  # fmt: skip
    return entities.add(
        href(file.path), "File", name=file.path, description=purpose, encodingFormat=form,
        sha256=file.sha256, contentSize=str(file.size),
        conformsTo={"@id": LEDGER} if segment else None,
        dateModified=when(contents.last.load_time),
    )  # fmt: skip


def _result_file(entities: Entities, file: CrateFile, found: DataFile, deed: Deed) -> str:
    if found.conforms_to:
        entities.add(found.conforms_to, "CreativeWork", name=found.conforms_to)
    made = "" if not found.made_from else f", made from {found.made_from} by Labmesh"
    software = None if is_open(found.media_type) else deed.software or deed.instrument or None
    entities.add(
        href(file.path), "File", name=found.name,
        description=f"{deed.name}{made}{'; simulated' if deed.simulated else ''}",
        encodingFormat=found.media_type, sha256=file.sha256, contentSize=str(file.size),
        identifier=None if found.made_from else f"urn:labmesh:artifact:{file.sha256}",
        conformsTo={"@id": found.conforms_to} if found.conforms_to else None,
        dateModified=deed.ended or deed.stamp, softwareRequirements=software,
        isBasedOn={"@id": href(found.made_from)} if found.made_from else None,
    )  # fmt: skip
    return href(file.path)


def _dataset(entities: Entities, deed: Deed, files: list[str], contents: Contents) -> JsonObject:
    author = contents.said.authors[0] if contents.said.authors else None
    return entities.add(
        f"{DATA}/{deed.uuid}/", "Dataset", name=f"{deed.name} {deed.uuid[:8]}",
        description=f"Files of the result {deed.uuid}: {deed.name}",
        identifier=f"urn:uuid:{deed.uuid}", dateCreated=deed.begun or deed.stamp,
        dateModified=deed.ended or deed.stamp, hasPart=refs(files),
        author={"@id": author_id(author)} if author else None,
    )  # fmt: skip
