"""Our own classes are no use to a reader without our ontology: upstream's stand beside them."""

from __future__ import annotations

from functools import cache

from labmesh.semantics._nodes import Nodes
from labmesh.semantics._vocabulary import vocabulary


def add_upstream_types(nodes: Nodes) -> None:
    """Give every node of a class of ours the nearest classes of others above it, too."""
    for iri, types, _ in list(nodes):
        for label in list(types):
            nodes.add(iri, *upstream(label))


@cache
def upstream(label: str) -> tuple[str, ...]:
    """Return the nearest classes of others above a class of ours; nothing of another's class."""
    words = vocabulary()
    if label not in words or words.entry(label).ontology != "labmesh":
        return ()
    own = words.iri(label).partition(":term:")[0] + ":term:"
    others = [iri for iri in words.superclasses(words.iri(label)) if not iri.startswith(own)]
    above = {iri: words.superclasses(iri) - {iri} for iri in others}
    nearest = [iri for iri in others if not any(iri in above[other] for other in others)]
    return tuple(sorted(words.label(i) if words.label(i) in words else i for i in nearest))
