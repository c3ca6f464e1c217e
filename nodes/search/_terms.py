"""The terms and units that questions are made of, as SPARQL writes them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from labmesh.semantics import vocabulary
from nodes.search._units import Dimension, Unit, unit_of

PREFIXES: Final = """\
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX schema: <https://schema.org/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX labmesh: <urn:labmesh:term:>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""

TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
LABEL: Final = "http://www.w3.org/2000/01/rdf-schema#label"
PROV: Final = "http://www.w3.org/ns/prov#"
SCHEMA: Final = "https://schema.org/"
DCTERMS: Final = "http://purl.org/dc/terms/"
SIMULATED: Final = "urn:labmesh:term:simulated"

PARTS: Final = (
    "hasSolute", "hasSolvent", "hasConstituent", "hasElectrolyte", "hasPositiveElectrode",
    "hasNegativeElectrode", "hasActiveMaterial", "hasSeparator",
)  # fmt: skip
"""How a material or a cell hangs together; with prov:wasDerivedFrom, what is in a sample."""


@cache
def iri(label: str) -> str:
    """Return the IRI of a term."""
    return vocabulary().iri(label)


@cache
def term(label: str) -> str:
    """Return a term as SPARQL has it."""
    return f"<{iri(label)}>"


def number_of(quantity: str, value: str, unit: str) -> str:
    """Return the pattern of a quantity's number and unit; names of variables without ``?``."""
    return (
        f"?{quantity} {term('hasNumericalPart')}/{term('hasNumberValue')} ?{value} ; "
        f"{term('hasMeasurementUnit')} ?{unit} ."
    )


def inside_path() -> str:
    """Return the path from a sample to what is in it."""
    return f"({'|'.join(term(part) for part in PARTS)}|prov:wasDerivedFrom)+"


def values(variable: str, iris: Iterable[str]) -> str:
    """Return VALUES of IRIs."""
    return f"VALUES ?{variable} {{ {' '.join(f'<{each}>' for each in sorted(iris))} }}"


@cache
def units() -> dict[str, Unit]:
    """Return the units of the vocabulary that can be converted, by IRI."""
    found = {}
    for entry in vocabulary().entries():
        for symbol in entry.symbols[:1]:
            if (unit := unit_of(symbol)) is not None:
                found[entry.iri] = unit
    return found


def units_like(dimension: Dimension) -> dict[str, Unit]:
    """Return the units of a dimension by IRI."""
    return {iri: unit for iri, unit in units().items() if unit.dimension == dimension}


def symbol_of(unit_iri: str) -> str:
    """Return how people write a unit; its label where nobody has said."""
    known = units().get(unit_iri)
    return known.symbol if known else vocabulary().label(unit_iri)


def literal(text: str) -> str:
    """Return text as a SPARQL string."""
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    )
    return f'"{escaped}"'
