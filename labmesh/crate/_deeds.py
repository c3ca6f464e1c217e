"""Results as actions of an RO-Crate: who did what with what, when, and which files came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labmesh.crate._entities import Entities, add_licence, one_or_all, refs, slug
from labmesh.crate._identifiers import link_of
from labmesh.crate._licences import licences
from labmesh.crate._plain import when
from labmesh.crate._types import RESULTS
from labmesh.record import JournalEntry
from messages.model import JsonObject


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where imported data come from: others' work, to be named.

    Attributes:
        title: Its title.
        link: A DOI's URL, or empty.
        licence: SPDX identifier or words, or empty.
    """

    title: str
    link: str
    licence: str

    @classmethod
    def of(cls, source: JsonObject | None) -> DataSource | None:
        """Return what a result's provenance says of its source."""
        if not source:
            return None
        link = link_of(source["doi"]) if source.get("doi") else ""
        return cls(str(source["title"]), link, str(source.get("licence") or ""))

    @property
    def words(self) -> str:
        """How it is to be named."""
        return ", ".join(each for each in (self.title, self.link, self.licence) if each)


@dataclass(frozen=True, slots=True)
class Deed:
    """What the metadata says of a result.

    Attributes:
        uuid: Its identity.
        name: Quantity and method, for people.
        author: The node that says it.
        begun: When the work began, ISO 8601; ``ended`` and ``stamp`` likewise.
        failure: Why it failed; empty where it did not.
        samples: Those it made or changed, each with its kind.
        source: Where it was imported from.
    """

    uuid: str
    name: str
    author: str
    begun: str | None
    ended: str | None
    stamp: str | None
    failure: str
    simulated: bool
    instrument: str
    software: str
    samples: tuple[tuple[str, str], ...]
    source: DataSource | None

    @classmethod
    def of(cls, entry: JournalEntry) -> Deed:
        """Return what is said of a result's entry."""
        body = entry.body or {}
        provenance = body.get("provenance") or {}
        return cls(
            uuid=str(entry.uuid),
            name=f"{body['quantity']} by {body['method']}",
            author=entry.author,
            begun=when(provenance.get("begun")),
            ended=when(provenance.get("ended")),
            stamp=when(entry.stamp),
            failure=(body.get("failure") or {}).get("message", ""),
            simulated=bool(provenance.get("simulated")),
            instrument=str(provenance.get("instrument") or ""),
            software=str(provenance.get("software") or ""),
            samples=tuple(
                dict.fromkeys((step["sample"], step["kind"]) for step in body.get("samples", ()))
            ),
            source=DataSource.of(provenance.get("source")),
        )


def describe_deed(entities: Entities, deed: Deed, files: list[str]) -> JsonObject:
    """Add the action, its agent and instruments; return the reference to it.

    Args:
        entities: Where to add them.
        deed: The result.
        files: Identities of the files that came of it.
    """
    from labmesh.semantics import iris  # noqa: PLC0415

    objects = [
        entities.add(
            iris.sample(name), "IndividualProduct", name=name, description=f"Sample, {kind}"
        )
        for name, kind in deed.samples
    ]
    if deed.source is not None:
        objects.append(_source(entities, deed.source))
    return entities.add(
        iris.record(deed.uuid),
        "CreateAction",
        name=deed.name,
        description=_words(deed),
        identifier=deed.uuid,
        agent=_site(entities, deed.author),
        instrument=one_or_all(_instruments(entities, deed)),
        object=one_or_all(objects) if objects else None,
        result=one_or_all(refs(files or [RESULTS])),
        startTime=deed.begun or deed.stamp,
        endTime=deed.ended or deed.stamp,
        actionStatus=_status(entities, deed),
        error=deed.failure,
    )


def _source(entities: Entities, source: DataSource) -> JsonObject:
    licence = licences().get(source.licence)
    if licence is not None:
        add_licence(entities, licence)
    return entities.add(
        source.link or f"#source-{slug(source.title)}", "CreativeWork", name=source.title,
        description="Data of others, imported", license=(
            {"@id": licence.url} if licence else source.licence
        ),
        url=source.link,
    )  # fmt: skip


def _status(entities: Entities, deed: Deed) -> JsonObject:
    name = "FailedActionStatus" if deed.failure else "CompletedActionStatus"
    return entities.add(f"http://schema.org/{name}", "ActionStatusType", name=name)


def _instruments(entities: Entities, deed: Deed) -> list[Any]:
    from labmesh.semantics import iris  # noqa: PLC0415

    node = entities.add(
        iris.node(deed.author), "IndividualProduct", name=deed.author,
        description=f"Node {deed.author} of the mesh",
    )  # fmt: skip
    found = [node]
    if deed.instrument and deed.instrument != deed.author:
        kind = "Simulated instrument or model" if deed.simulated else "Instrument or model"
        found.append(
            entities.add(
                f"#instrument-{slug(deed.instrument)}-{'simulated' if deed.simulated else 'real'}",
                "IndividualProduct", name=deed.instrument, description=kind,
            )
        )  # fmt: skip
    if deed.software:
        # SoftwareApplication asks for a URL, SoftwareSourceCode for a file (RO-Crate 1.2).
        found.append(
            entities.add(
                f"#software-{slug(deed.software)}", "CreativeWork", name=deed.software,
                version=_version(deed.software),
            )
        )  # fmt: skip
    return found


def _version(software: str) -> str | None:
    last = software.rpartition(" ")[2]
    return last if last[:1].isdigit() else None


def _site(entities: Entities, author: str) -> JsonObject:
    from labmesh.semantics import iris  # noqa: PLC0415

    site = author.partition("/")[0]
    return entities.add(
        iris.site(site), "Organization", name=site, description=f"Laboratory, site {site}"
    )


def _words(deed: Deed) -> str:
    text = f"{deed.name}, by node {deed.author}"
    if deed.simulated:
        text += "; simulated: no real instrument was involved"
    return text
