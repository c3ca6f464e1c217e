"""The data of a result as a dataset: what it is about, whose it is, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from labmesh.semantics._agents import RIGHTS, put_node, put_site
from labmesh.semantics._identity import named
from labmesh.semantics._nodes import Label, Nodes, Ref, moment
from labmesh.semantics._vocabulary import vocabulary
from messages.model import JsonObject


def put_dataset(
    nodes: Nodes,
    entry: JournalEntry,
    body: JsonObject,
    activity: str,
    classes: Sequence[str],
    files: Sequence[str],
) -> str:
    """Describe the data of a result; return the IRI.

    Args:
        nodes: Where it is said.
        entry: The result's.
        body: Of the entry.
        activity: What made the data.
        classes: Labels of what is in them.
        files: IRIs of the files that belong to them.
    """
    iri = nodes.add(iris.part(activity, "dataset"), "Dataset", "schema:Dataset", "prov:Entity")
    nodes.put(iri, "schema:name", f"{body['quantity']} by {body['method']}, {entry.uuid}")
    nodes.link(iri, "prov:wasGeneratedBy", activity)
    nodes.link(activity, "prov:generated", iri)
    nodes.put(iri, "schema:dateCreated", moment(entry.stamp))
    nodes.link(iri, "prov:wasAttributedTo", put_node(nodes, entry.author))
    nodes.put(iri, "labmesh:simulated", bool(body["provenance"]["simulated"]))
    nodes.link(iri, "schema:isPartOf", iris.entry(entry.hash))
    words = vocabulary()
    keywords = sorted(words.keywords.intersection(classes))
    for keyword in keywords:
        nodes.put(iri, "schema:keywords", keyword)
    for keyword in keywords:
        if words.is_a(keyword, "Quantity"):
            nodes.put(iri, "schema:variableMeasured", Label(keyword))
    if files:
        # BattINFO's shapes ask every dcat:Dataset for a file; without one it is none.
        nodes.add(iri, "dcat:Dataset")
    for file in files:
        nodes.link(iri, "dcat:distribution", file)
        nodes.link(iri, "schema:distribution", file)
    source = body["provenance"]["source"]
    if source is not None:
        _put_source(nodes, iri, activity, source)
    else:
        nodes.link(iri, RIGHTS, put_site(nodes, entry.author.partition("/")[0]))
    return iri


def _put_source(nodes: Nodes, iri: str, activity: str, source: Mapping[str, Any]) -> None:
    """Say from which publication data were taken, and under which licence."""
    origin = nodes.add(
        named(source["doi"], {}) or iris.part(activity, "source"),
        "prov:Entity",
        "schema:CreativeWork",
    )
    nodes.put(origin, "schema:name", source["title"])
    nodes.link(iri, "prov:hadPrimarySource", origin)
    nodes.link(activity, "prov:used", origin)
    nodes.put(iri, "schema:citation", source["retrieved"])
    licence = source["licence"]
    if licence and " " not in licence:
        nodes.put(iri, "schema:license", Ref(f"https://spdx.org/licenses/{iris.safe(licence)}"))
    elif licence:
        nodes.put(iri, "dcterms:rights", licence)
