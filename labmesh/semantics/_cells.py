"""Coin cells of a batch: what all of them are built of, said of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from labmesh.semantics._look import Schema, look
from labmesh.semantics._nodes import Nodes, Ref
from labmesh.semantics._walk import Place, Walk

_PARTS = ("hasPositiveElectrode", "hasNegativeElectrode")
_SHARED = "cell"
"""Field of an assembly's data that says how its cells were built where they do not differ."""


def put_cells(
    nodes: Nodes, data: Mapping[str, Any], schema: Schema | None, walk: Walk, born: Collection[str]
) -> None:
    """Say of every cell that was born here what the batch says of all of them."""
    shared = data.get(_SHARED)
    field = (schema or {}).get("properties", {}).get(_SHARED)
    if not isinstance(shared, dict) or not isinstance(field, Mapping) or schema is None:
        return
    sense = look(field, schema, shared)
    for cell in born:
        if "CoinCell" not in nodes.types(cell):
            continue
        if not any(nodes.values(cell, part) for part in _PARTS):
            place = Place(cell, cell, (), "hasProperty", "schema:hasPart", "ConventionalProperty")
            walk.fields(shared, sense.schema, place, schema)
        for filling in nodes.values(cell, "hasElectrolyte"):
            for parent in nodes.values(cell, "prov:wasDerivedFrom"):
                if isinstance(filling, Ref) and isinstance(parent, Ref):
                    nodes.link(filling.iri, "prov:wasDerivedFrom", parent.iri)
