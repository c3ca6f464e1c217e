"""Makes the vocabulary's files from the upstream ontologies: ``python -m ...semantics.make_terms``.

``chosen.csv`` says which terms, by ontology and exact preferred label; everything else of a row is
read from the upstream files. A label that is missing there, deprecated, or stands twice is an
error: nothing is written then.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pyoxigraph as ox
from rdflib.namespace import DCAT, DCTERMS, PROV

from tests.labmesh.semantics import upstream
from tests.labmesh.semantics.inchikey import inchikey
from tests.labmesh.semantics.upstream import RDFS, SKOS, UNIT, Subject, subjects

DATA: Final = Path(__file__).parents[3] / "labmesh" / "semantics" / "data"
CHOSEN: Final = Path(__file__).parent / "chosen.csv"

COLUMNS: Final = (
    "label", "iri", "kind", "ontology", "symbols", "dimension", "factor", "qudt", "inchikey",
    "source", "note",
)  # fmt: skip

PREFIXES: Final = {
    "emmo": upstream.EMMO,
    "echem": "https://w3id.org/emmo/domain/electrochemistry#",
    "battery": "https://w3id.org/emmo/domain/battery#",
    "chems": "https://w3id.org/emmo/domain/chemical-substance#",
    "chameo": "https://w3id.org/emmo/domain/characterisation-methodology/chameo#",
    "manufacturing": "https://w3id.org/emmo/domain/manufacturing#",
    "bdf": "https://w3id.org/battery-data-alliance/ontology/battery-data-format#",
    "prov": str(PROV),
    "schema": "https://schema.org/",
    "dcterms": str(DCTERMS),
    "dcat": str(DCAT),
    "osmo": "https://purl.vimmp.eu/semantics/osmo/osmo.ttl#",
    "labmesh": "urn:labmesh:term:",
}
"""Namespaces by prefix; those of the first six are written by label alone."""

LABELLED: Final = ("emmo", "echem", "battery", "chems", "chameo", "manufacturing", "labmesh")
"""Ontologies whose terms are written by label alone; of the others by prefix and name."""

ONE: Final = "T0 L0 M0 I0 Θ0 N0 J0"
"""The dimension of a number."""

ELSEWHERE: Final = {
    "prov": "rdflib.namespace.PROV",
    "dcterms": "rdflib.namespace.DCTERMS",
    "dcat": "rdflib.namespace.DCAT",
    "schema": "rocrate data/schema.jsonld",
    "osmo": "VIMMP-Ontologies all-vimmp-ontologies.ttl (cited, not copied)",
}
_KINDS_OF_SCHEMA: Final = {"rdfs:Class": "class", "rdf:Property": "property"}


class UnknownLabelError(LookupError):
    """A chosen term that upstream has not, or not for good."""


def rows() -> Iterator[dict[str, str]]:
    """Yield the table's rows: the chosen terms, then our own.

    Raises:
        UnknownLabelError: Upstream has no such label, has deprecated it, or has it twice.
    """
    with CHOSEN.open(newline="") as file:
        chosen = list(csv.DictReader(file))
    for each in chosen:
        yield row(each)
    yield from _own()


def files() -> dict[str, str]:
    """Return the text of every file that is made, by its name in `DATA`."""
    table = list(rows())
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return {
        "terms.csv": text.getvalue(),
        "tbox.ttl": _tbox(table),
        "shapes_units.ttl": _unit_shapes(table),
        "context.jsonld": json.dumps({"@context": _context(table)}, indent=1) + "\n",
    }


def row(chosen: dict[str, str]) -> dict[str, str]:
    """Return a row of the table from one of ``chosen.csv``; errors as `rows`."""
    prefix, label = chosen["ontology"], chosen["label"]
    base = {"label": label, "symbols": chosen["symbols"], "note": chosen["note"]}
    if prefix in ELSEWHERE:
        name = f"{prefix}:{label}"
        iri, kind = PREFIXES[prefix] + label, _kind_elsewhere(prefix, label)
        return _full(
            base, label=name, iri=iri, kind=kind, ontology=prefix, source=ELSEWHERE[prefix]
        )
    iri = _find(prefix, label)
    here = subjects()[iri]
    is_unit = any(i in _units() for i in upstream.ancestors(iri))
    return _full(
        base,
        label=f"bdf:{label}" if prefix == "bdf" else label,
        iri=iri,
        kind="unit" if is_unit else here.kind,
        ontology=prefix,
        dimension=_agreed(chosen["dimension"], upstream.dimension(iri), label),
        factor=chosen["factor"] or upstream.factor(iri),
        qudt=min(
            (v for v in here.annotations[upstream.QUDT_MATCH] if v.startswith(UNIT)), default=""
        ),
        inchikey=_inchikey(here),
        source=min(here.files),
    )


def _inchikey(substance: Subject) -> str:
    """Return the key, or nothing where upstream has no standard InChI of it, or more than one."""
    known = {v for v in substance.annotations[upstream.INCHI] if v.startswith("InChI=1S/")}
    return inchikey(min(known)) if len(known) == 1 else ""


def _full(base: dict[str, str], **more: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | base | more


def _agreed(ours: str, theirs: str, label: str) -> str:
    ours = {"1": ONE}.get(ours, ours)
    if ours and theirs and ours != theirs:
        raise UnknownLabelError(
            f"{label}: chosen.csv gives it the dimension {ours}, upstream {theirs}"
        )
    return ours or theirs


def _find(prefix: str, label: str) -> str:
    start = PREFIXES[prefix]
    if prefix == "bdf":
        found = [start + label] if start + label in subjects() else []
    else:
        found = [i for i in _by_label().get(label, ()) if i.startswith(start)]
    alive = [iri for iri in found if not subjects()[iri].deprecated]
    if len(alive) != 1:
        what = "is deprecated" if found and not alive else f"stands for {len(alive)} terms"
        raise UnknownLabelError(f"{label!r} {what} in {start}")
    return alive[0]


@cache
def _by_label() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for iri, subject in subjects().items():
        for label in subject.labels:
            found.setdefault(label, []).append(iri)
    return found


@cache
def _units() -> frozenset[str]:
    return frozenset(_by_label()["MeasurementUnit"])


@cache
def _schema_org() -> dict[str, str]:
    spec = find_spec("rocrate")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("rocrate is needed, for schema.org's terms: see pyproject.toml")
    text = (Path(spec.origin).parent / "data" / "schema.jsonld").read_text()
    return {
        node["@id"]: _KINDS_OF_SCHEMA.get(node["@type"], "individual")
        for node in json.loads(text)["@graph"]
        if isinstance(node["@type"], str) and "schema:supersededBy" not in node
    }


def _kind_elsewhere(prefix: str, name: str) -> str:
    if prefix == "osmo":
        return "individual" if name.isupper() else "class"
    if prefix == "schema":
        kind = _schema_org().get(f"schema:{name}") or _schema_org().get(
            f"https://schema.org/{name}"
        )
        if kind is None:
            raise UnknownLabelError(f"schema.org has no {name!r}, or has replaced it")
        return kind
    space = {"prov": PROV, "dcterms": DCTERMS, "dcat": DCAT}[prefix]
    if name not in space:
        raise UnknownLabelError(f"{space} has no {name!r}")
    return "class" if name[0].isupper() else "property"


@cache
def own_terms() -> dict[str, Subject]:
    """Return what ``labmesh.ttl`` says, by IRI."""
    found: dict[str, Subject] = {}
    for triple in ox.parse(path=str(DATA / "labmesh.ttl"), format=ox.RdfFormat.TURTLE):
        subject = found.setdefault(str(getattr(triple.subject, "value", "")), Subject())
        predicate, value = triple.predicate.value, str(getattr(triple.object, "value", ""))
        if predicate in (RDFS + "subClassOf", RDFS + "subPropertyOf"):
            subject.parents.add(value)
        elif predicate == upstream.RDF + "type":
            subject.kind = upstream.KINDS[value]
        elif predicate == SKOS + "prefLabel":
            subject.labels.add(value)
        else:
            subject.annotations[predicate].add(value)
    return found


def _own() -> Iterator[dict[str, str]]:
    start = PREFIXES["labmesh"]
    for iri, own in sorted(own_terms().items()):
        if not iri.startswith(start):
            continue
        symbols = " ".join(sorted(own.annotations.get(start + "symbol", ())))
        yield _full(
            {},
            label=iri.removeprefix(start),
            iri=iri,
            kind="unit" if symbols else own.kind,
            ontology="labmesh",
            symbols=symbols,
            dimension=_own_dimension(iri),
            factor=min(own.annotations.get(start + "factor", ()), default=""),
            qudt=min(own.annotations.get(SKOS + "exactMatch", ()), default=""),
            source="labmesh.ttl",
        )


def _own_dimension(iri: str) -> str:
    own = own_terms().get(iri)
    if own is None:
        return upstream.dimension(iri)
    said = min(own.annotations.get(PREFIXES["labmesh"] + "dimension", ()), default="")
    above = {d for parent in own.parents if (d := _own_dimension(parent))}
    return _agreed(said, min(above, default=""), iri)


def _tbox(table: list[dict[str, str]]) -> str:
    """Return the chosen terms and all above them, as far as upstream says it, as Turtle."""
    roots = {row["iri"] for row in table} | {p for own in own_terms().values() for p in own.parents}
    wanted = {up for iri in roots for up in upstream.ancestors(iri) if up in subjects()}
    lines = [f"@prefix {p}: <{n}> ." for p, n in sorted(PREFIXES.items()) if p in _IN_TBOX]
    lines += [f"@prefix {p}: <{n}> ." for p, n in _STANDARD.items()]
    for iri in sorted(wanted):
        lines += ["", *_statements(iri, subjects()[iri])]
    return "\n".join(lines) + "\n"


_IN_TBOX: Final = (*LABELLED[:-1], "bdf", "schema")
_STANDARD: Final = {"owl": upstream.OWL, "rdfs": RDFS, "skos": SKOS}
_MORE: Final = {
    "csvw": "http://www.w3.org/ns/csvw#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""Namespaces of which documents use single names that are no terms of the table."""

_OWL_KINDS: Final = {
    "class": "owl:Class",
    "object property": "owl:ObjectProperty",
    "datatype property": "owl:DatatypeProperty",
    "annotation property": "owl:AnnotationProperty",
    "individual": "owl:NamedIndividual",
}
_KEPT: Final = (upstream.ELUCIDATION, upstream.FORMULA, upstream.IUPAC_NAME, upstream.INCHI)


def _statements(iri: str, subject: Subject) -> Iterator[str]:
    kind = subject.kind or "class"
    above = "rdfs:subClassOf" if kind in ("class", "individual") else "rdfs:subPropertyOf"
    said = [f"a {_OWL_KINDS[kind]}"]
    said += [f"{above} <{parent}>" for parent in sorted(subject.parents)]
    said += [f"skos:prefLabel {_text(label)}" for label in sorted(subject.labels)]
    said += [f"skos:altLabel {_text(label)}" for label in sorted(subject.other_labels)]
    for predicate in _KEPT:
        said += [f"<{predicate}> {_text(v)}" for v in sorted(subject.annotations[predicate])]
    yield f"<{iri}> {said[0]}" + (" ;" if said[1:] else " .")
    for number, line in enumerate(said[1:], start=2):
        yield f"    {line} {'.' if number == len(said) else ';'}"


def _text(value: str) -> str:
    return str(ox.Literal(value, language="en"))


MEASURED: Final = (
    "ElectricConductivity", "ElectricResistance", "Voltage", "ElectricCurrent", "ElectricCharge",
    "Duration", "Volume", "Mass", "MolarMass", "Length", "Area", "Energy", "Frequency", "CRate",
    "AreicCapacity", "RatioQuantity", "PureNumberQuantity", "Pressure",
)  # fmt: skip
"""Quantities whose units a shape holds them, and all their sub-classes, to."""


def _unit_shapes(table: list[dict[str, str]]) -> str:
    """Return a shape for each of `MEASURED`: a unit of the table, of the same dimension."""
    by_label = {row["label"]: row for row in table}
    lines = [
        "# Units of quantities, and of all their sub-classes: those of the table with the same",
        "# dimension. Made by tests/labmesh/semantics/make_terms.py.",
        "",
        "@prefix sh: <http://www.w3.org/ns/shacl#> .",
        "@prefix s: <urn:labmesh:shape:unit:> .",
    ]
    for label in MEASURED:
        quantity = by_label[label]
        dimension = quantity["dimension"] or ONE
        units = [r["iri"] for r in table if r["kind"] == "unit" and r["dimension"] == dimension]
        lines += [
            "",
            f"s:{label} a sh:NodeShape ;",
            f"    sh:targetClass <{quantity['iri']}> ;",
            f"    sh:property [ sh:path <{upstream.HAS_UNIT}> ;",
            f"        sh:in ( {' '.join(f'<{iri}>' for iri in units)} ) ;",
            f'        sh:message "a unit of {label}, of dimension {dimension}" ] .',
        ]
    return "\n".join(lines) + "\n"


def _context(table: list[dict[str, str]]) -> dict[str, Any]:
    context: dict[str, Any] = {"@version": 1.1, **PREFIXES, **_STANDARD, **_MORE}
    context |= {"id": "@id", "type": "@type"}
    for row in table:
        label, iri, kind = row["label"], row["iri"], row["kind"]
        if label in _TYPED:
            context[label] = {"@id": iri, "@type": _TYPED[label]}
        elif "object property" in kind or label in _LINKS:
            context[label] = {"@id": iri, "@type": "@id"}
        elif ":" not in label:
            context[label] = iri
    context["labmesh:simulated"] = {"@type": "xsd:boolean"}
    return context


_TYPED: Final = {
    "hasMeasurementUnit": "@vocab",
    "hasNumberValue": "xsd:double",
    "prov:startedAtTime": "xsd:dateTime",
    "prov:endedAtTime": "xsd:dateTime",
    "prov:generatedAtTime": "xsd:dateTime",
    "prov:invalidatedAtTime": "xsd:dateTime",
}
_LINKS: Final = frozenset(
    {
        "prov:used", "prov:wasGeneratedBy", "prov:wasAssociatedWith", "prov:wasDerivedFrom",
        "prov:specializationOf", "prov:wasRevisionOf", "prov:hadPlan", "prov:wasInformedBy",
        "prov:generated", "prov:wasAttributedTo", "prov:actedOnBehalfOf", "prov:hadMember",
        "prov:hadPrimarySource", "prov:wasInfluencedBy", "prov:atLocation", "schema:license",
        "dcterms:license", "dcterms:isPartOf", "dcterms:hasPart", "schema:isPartOf",
        "schema:hasPart", "schema:isBasedOn", "schema:measurementTechnique",
        "schema:distribution", "schema:location", "schema:contentLocation",
        "prov:qualifiedAssociation", "prov:agent", "dcat:downloadURL", "dcat:distribution",
        "dcat:mediaType",
    }
)  # fmt: skip
"""Properties whose values are written as IRIs."""


if __name__ == "__main__":
    for file_name, content in files().items():
        (DATA / file_name).write_text(content)
