"""Shapes: what a description must have and may not have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from labmesh.semantics._entry import DATA
from labmesh.semantics._vocabulary import ontology

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

Severity = Literal["violation", "warning", "info"]

SHAPES: Final = (
    "shapes_measurement.ttl",
    "shapes_units.ttl",
    "shapes_fair.ttl",
    "battinfo/publication.shapes.ttl",
    "battinfo/cell-spec.shapes.ttl",
)
"""Files of shapes below the data folder: ours, then BattINFO's."""

_ORDER: Final[tuple[Severity, ...]] = ("violation", "warning", "info")


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that a shape does not allow.

    Attributes:
        severity: What its shape says of it; a warning is advice.
        node: IRI of what it is about.
        path: What is wrong with it: IRIs of properties, one after another; empty where none.
        message: Words for people.
        value: The value that is wrong, as text; empty where one is missing.
        shape: IRI of the shape; empty where it has none.
    """

    severity: Severity
    node: str
    path: str
    message: str
    value: str
    shape: str


def check(graph: Graph) -> tuple[Violation, ...]:
    """Return what our shapes and BattINFO's find wrong with a graph, the worst first.

    Sub-classes count as their super-classes. Blocks: tens of milliseconds for an entry, seconds
    for a campaign.
    """
    import pyshacl  # noqa: PLC0415 - heavy; only who checks needs it
    from rdflib import RDF, SH  # noqa: PLC0415 - heavy

    _, report, _ = pyshacl.validate(
        graph, shacl_graph=_shapes(), ont_graph=_classes(), inference="none", advanced=False
    )
    found = [
        _violation(report, result) for result in report.subjects(RDF.type, SH.ValidationResult)
    ]
    return tuple(sorted(found, key=lambda v: (_ORDER.index(v.severity), v.node, v.path, v.message)))


@cache
def _shapes() -> Graph:
    from rdflib import Graph  # noqa: PLC0415 - heavy

    graph = Graph()
    for name in SHAPES:
        graph.parse(DATA / name, format="turtle")
    return graph


@cache
def _classes() -> Graph:
    """The tree of classes: all that shapes need of the ontology."""
    from rdflib import RDFS, Graph  # noqa: PLC0415 - heavy

    graph = Graph()
    for triple in ontology().triples((None, RDFS.subClassOf, None)):
        graph.add(triple)
    return graph


def _violation(report: Graph, result: Node) -> Violation:
    from rdflib import SH  # noqa: PLC0415 - heavy

    severity = str(report.value(result, SH.resultSeverity) or "").rpartition("#")[2].lower()
    return Violation(
        severity=next((each for each in _ORDER if each == severity), "violation"),
        node=_text(report.value(result, SH.focusNode)),
        path=_path(report, report.value(result, SH.resultPath)),
        message=_text(report.value(result, SH.resultMessage)),
        value=_text(report.value(result, SH.value)),
        shape=_shape(report, result),
    )


def _shape(report: Graph, result: Node) -> str:
    from rdflib import SH, URIRef  # noqa: PLC0415 - heavy

    source = report.value(result, SH.sourceShape)
    if isinstance(source, URIRef):
        return str(source)
    owner = next(_shapes().subjects(SH.property, source), None)
    return str(owner) if isinstance(owner, URIRef) else ""


def _path(report: Graph, path: Any) -> str:
    from rdflib import URIRef  # noqa: PLC0415 - heavy
    from rdflib.collection import Collection  # noqa: PLC0415 - heavy

    if path is None or isinstance(path, URIRef):
        return _text(path)
    return " / ".join(map(str, Collection(report, path)))


def _text(node: Any) -> str:
    return "" if node is None else str(node)
