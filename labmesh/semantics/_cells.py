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
        parents = nodes.values(cell, "prov:wasDerivedFrom")
        filled = [p for p in parents if isinstance(p, Ref) and _is_electrolyte(nodes, p.iri)]
        if not any(nodes.values(cell, part) for part in _PARTS):
            place = Place(cell, cell, (), "hasProperty", "hasPart", "ConventionalProperty")
            built = _without_electrolyte(shared) if filled else shared
            walk.fields(built, sense.schema, place, schema)
        for parent in filled:
            nodes.link(cell, "hasElectrolyte", parent.iri)


def _is_electrolyte(nodes: Nodes, iri: str) -> bool:
    """Whether a parent is what a cell was filled with: anything not known as something else."""
    types = nodes.types(iri)
    return not types or "ElectrolyteSolution" in types


def _without_electrolyte(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell's design without its electrolyte, which is a sample with a history."""
    chemistry = cell.get("battery_chemistry") or {}
    return {
        **cell,
        "battery_chemistry": {k: v for k, v in chemistry.items() if k != "electrolyte"},
    }
