"""Results as actions of an RO-Crate: who did what with what, when, and which files came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labmesh.crate._entities import Entities, one_or_all, refs, slug
from labmesh.crate._plain import when
from labmesh.crate._types import RESULTS
from labmesh.record import JournalEntry
from messages.model import JsonObject


@dataclass(frozen=True, slots=True)
class Deed:
    """What the metadata says of a result.

    Attributes:
        uuid: Its identity.
        name: Quantity and method, for people.
    """

    uuid: str
    name: str
    author: str
    campaign: str | None
    begun: str | None
    ended: str | None
    stamp: str | None
    failure: str
    simulated: bool
    instrument: str
    software: str
    samples: tuple[str, ...]
    request: str

    @classmethod
    def of(cls, entry: JournalEntry) -> Deed:
        """Return what is said of a result's entry."""
        body = entry.body or {}
        provenance = body.get("provenance") or {}
        return cls(
            uuid=str(entry.uuid),
            name=f"{body['quantity']} by {body['method']}",
            author=entry.author,
            campaign=body.get("campaign"),
            begun=when(provenance.get("begun")),
            ended=when(provenance.get("ended")),
            stamp=when(entry.stamp),
            failure=(body.get("failure") or {}).get("message", ""),
            simulated=bool(provenance.get("simulated")),
            instrument=str(provenance.get("instrument") or ""),
            software=str(provenance.get("software") or ""),
            samples=tuple(dict.fromkeys(step["sample"] for step in body.get("samples", ()))),
            request=str(body.get("request") or ""),
        )


def describe_deed(entities: Entities, deed: Deed, files: list[str]) -> JsonObject:
    """Add the action, its agent and instruments; return the reference to it.

    Args:
        entities: Where to add them.
        deed: The result.
        files: Identities of the files that came of it.
    """
    from labmesh.semantics import iris  # noqa: PLC0415

    samples = [
        entities.add(iris.sample(name), "IndividualProduct", name=name) for name in deed.samples
    ]
    return entities.add(
        iris.record(deed.uuid),
        "CreateAction",
        name=deed.name,
        description=_words(deed),
        identifier=deed.uuid,
        agent=_site(entities, deed.author),
        instrument=one_or_all(_instruments(entities, deed)),
        object=one_or_all(samples) if samples else None,
        result=one_or_all(refs(files or [RESULTS])),
        startTime=deed.begun or deed.stamp,
        endTime=deed.ended or deed.stamp,
        actionStatus=_status(entities, deed),
        error=deed.failure,
    )


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
