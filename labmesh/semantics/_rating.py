"""How far something can be trusted, as the one who made it rates it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labmesh.semantics._nodes import Nodes


def put_rating(nodes: Nodes, iri: str, rating: Mapping[str, Any]) -> str:
    """Describe a rating of 0 to 5, 5 is best; return ``iri``."""
    nodes.add(iri, "schema:Rating")
    nodes.put(iri, "schema:ratingValue", rating["rating"])
    nodes.put(iri, "schema:bestRating", 5)
    nodes.put(iri, "schema:worstRating", 0)
    nodes.put(iri, "schema:ratingExplanation", rating.get("reason"))
    return iri
