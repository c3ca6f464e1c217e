"""What every entry says of itself: where it stands, whose it is, and that nobody changed it."""

from __future__ import annotations

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from labmesh.semantics._agents import put_node
from labmesh.semantics._nodes import Nodes, moment

_GENESIS = bytes(32)


def put_header(nodes: Nodes, entry: JournalEntry, about: str | None) -> str:
    """Describe an entry; return its IRI.

    Args:
        nodes: Where it is said.
        entry: Which.
        about: IRI of what it tells of; None of a withheld one.
    """
    iri = nodes.add(iris.entry(entry.hash), "prov:Bundle", "prov:Entity")
    nodes.put(iri, "schema:position", entry.offset)
    nodes.put(iri, "schema:identifier", str(entry.uuid))
    nodes.put(iri, "schema:category", entry.kind.value)
    nodes.put(iri, "dcterms:type", entry.type)
    nodes.put(iri, "schema:dateCreated", moment(entry.stamp))
    nodes.put(iri, "prov:generatedAtTime", moment(entry.load_time))
    nodes.link(iri, "prov:wasAttributedTo", put_node(nodes, entry.author))
    nodes.put(iri, "schema:sha256", entry.body_hash.hex())
    if entry.prev_hash != _GENESIS:
        nodes.link(iri, "schema:isBasedOn", iris.entry(entry.prev_hash))
    if about is not None:
        nodes.link(iri, "schema:about", about)
    if entry.body is None:
        nodes.put(iri, "schema:conditionsOfAccess", "withheld: the body has not left its site")
    return iri
