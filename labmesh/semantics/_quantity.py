"""Numbers with a meaning and a unit: single ones, and arrays of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._nodes import Label, Nodes, Ref
from labmesh.semantics._vocabulary import vocabulary
from messages.errors import UnknownTermError

NUMBER: Final = "1"
"""Unit of what has none."""


def put_quantity(
    nodes: Nodes,
    iri: str,
    label: str,
    value: float,
    unit: str,
    *,
    nature: str,
    uncertainty: float | None = None,
) -> str:
    """Describe a number as EMMO does; return ``iri``.

    Args:
        nodes: What is said so far.
        iri: Of the quantity.
        label: Its class.
        value: In ``unit``.
        unit: Symbol, as schemas write it.
        nature: ``MeasuredProperty``, ``ModelledProperty`` or ``ConventionalProperty``.
        uncertainty: Standard uncertainty (k=1) in ``unit``; None where it is not known.
    """
    if iri in nodes and nodes.values(iri, "hasNumericalPart"):
        return iri  # told already: a quantity has one value
    nodes.add(iri, label, nature)
    _put_number(nodes, iri, value, unit)
    if uncertainty is not None:
        spread = nodes.add(iris.part(iri, "uncertainty"), "MetrologicalUncertainty")
        _put_number(nodes, spread, uncertainty, unit)
        nodes.put(spread, "rdfs:comment", "standard uncertainty, k = 1")
        nodes.link(iri, "hasMetrologicalUncertainty", spread)
    return iri


def put_array(
    nodes: Nodes, iri: str, label: str, value: Mapping[str, Any], unit: str, *, where: str, at: str
) -> str:
    """Describe an array: what its numbers are, how many, and where they stand; return ``iri``.

    Args:
        nodes: What is said so far.
        iri: Of the array.
        label: Class of each number in it.
        value: dtype, shape and data, as it travels.
        unit: Symbol.
        where: IRI of what holds the numbers.
        at: Path in that, as a JSON pointer.
    """
    shape = [int(length) for length in value["shape"]]
    nodes.add(iri, label, "prov:Entity")
    nodes.put(iri, "hasMeasurementUnit", _unit(unit))
    nodes.put(iri, "schema:numberOfItems", prod(shape))
    nodes.put(iri, "schema:size", " x ".join(map(str, shape)) or "1")
    nodes.put(iri, "schema:encodingFormat", str(value["dtype"]))
    nodes.link(iri, "schema:isPartOf", where)
    nodes.put(iri, "schema:identifier", at)
    return iri


def is_array(value: Any) -> bool:
    """Tell whether a plain value is an array as it travels."""
    return isinstance(value, dict) and value.keys() == {"dtype", "shape", "data"}


def is_quantity(value: Any) -> bool:
    """Tell whether a plain value is a number with its unit, as `messages.quantity.Quantity`."""
    return isinstance(value, dict) and {"value", "unit"} <= value.keys() <= _FIELDS


_FIELDS: Final = {"value", "uncertainty", "unit", "quality"}


def _put_number(nodes: Nodes, iri: str, value: float, unit: str) -> None:
    number = nodes.add(iris.part(iri, "number"), "RealData")
    nodes.put(number, "hasNumberValue", float(value))
    nodes.link(iri, "hasNumericalPart", number)
    nodes.put(iri, "hasMeasurementUnit", _unit(unit))


def _unit(symbol: str) -> Label | Ref:
    """Return the unit; one that the vocabulary lacks has an IRI of ours, and fails the shapes."""
    try:
        entry = vocabulary().unit_entry(symbol or NUMBER)
    except UnknownTermError:
        return Ref(f"{iris.OWN}unit:{iris.safe(symbol)}")
    return Label(entry.label)
