"""Who and what was at work: nodes, sites, software, instruments, settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._nodes import Nodes, Typed

RIGHTS: Final = "dcterms:rightsHolder"


def put_node(nodes: Nodes, name: str) -> str:
    """Describe a node ``site/node`` and where it is; return its IRI."""
    iri = nodes.add(iris.node(name), "prov:SoftwareAgent")
    nodes.put(iri, "rdfs:label", name)
    nodes.link(iri, "prov:actedOnBehalfOf", put_site(nodes, name.partition("/")[0]))
    return iri


def put_site(nodes: Nodes, name: str) -> str:
    """Describe a site; return its IRI."""
    iri = nodes.add(iris.site(name), "Laboratory", "schema:Organization")
    nodes.put(iri, "schema:name", name)
    return iri


def put_software(nodes: Nodes, text: str) -> str | None:
    """Describe software from ``name version``; return its IRI, None where nothing is said."""
    if not text:
        return None
    iri = nodes.add(f"{iris.OWN}software:{iris.safe(text)}", "schema:SoftwareApplication")
    name, _, version = text.rpartition(" ")
    nodes.put(iri, "schema:name", name or text)
    nodes.put(iri, "schema:softwareVersion", version if name else "")
    return iri


def put_instrument(
    nodes: Nodes, author: str, name: str, label: str, *, simulated: bool
) -> str | None:
    """Describe an instrument of class ``label`` by the name its node gives it; return its IRI.

    None where it has no name.
    """
    if not name:
        return None
    iri = nodes.add(
        iris.part(iris.node(author), "instrument", *([] if name == author else [name])),
        label,
        "prov:Entity",
    )
    nodes.put(iri, "rdfs:label", f"{name} (simulated)" if simulated else name)
    nodes.put(iri, "labmesh:simulated", simulated)
    nodes.link(iri, "prov:atLocation", put_site(nodes, author.partition("/")[0]))
    return iri


def put_settings(nodes: Nodes, settings: Mapping[str, Any]) -> str | None:
    """Describe the parameters of a node while it worked, named by their hash; return the IRI.

    Equal settings are one thing. The hash is the sha256 of JSON with sorted keys, no white space.
    """
    if not settings:
        return None
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = sha256(text.encode()).hexdigest()
    iri = nodes.add(f"{iris.OWN}settings:{digest}", "prov:Plan", "prov:Entity")
    nodes.put(iri, "rdfs:label", "parameters of the node")
    nodes.put(iri, "schema:sha256", digest)
    nodes.put(iri, "labmesh:values", Typed(text, "rdf:JSON"))
    return iri


def put_protocol(nodes: Nodes, digest: str, name: str = "") -> str:
    """Describe a frozen protocol by its hash; return its IRI."""
    iri = nodes.add(iris.protocol(digest), "prov:Plan", "prov:Entity")
    nodes.put(iri, "schema:name", name)
    nodes.put(iri, "schema:sha256", digest)
    return iri


def put_campaign(nodes: Nodes, name: str) -> str:
    """Describe a campaign; return its IRI."""
    iri = nodes.add(iris.campaign(name), "prov:Collection", "prov:Entity")
    nodes.put(iri, "schema:name", name)
    return iri
