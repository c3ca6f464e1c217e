"""From what a question was understood to ask to a SPARQL query."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from labmesh.semantics import iris
from nodes.search._lexicon import Concept, Lexicon
from nodes.search._reading import Range, Reading
from nodes.search._terms import PREFIXES, inside_path, literal, number_of, term, units_like, values

PARTS: Final = (
    "bound", "conditions", "containing", "without", "object", "method", "simulated", "quality",
    "campaign", "site", "since", "until", "sample",
)  # fmt: skip
"""What a question may be freed of, one after the other, to say why nothing was found."""


def query(
    reading: Reading, lexicon: Lexicon, *, skip: int, limit: int, amended: bool = True
) -> str:
    """Return the query for (result, q): results and values in them, newest first.

    Args:
        reading: What is asked.
        lexicon: Knows the sub-classes.
        skip: Rows to leave out.
        limit: Most rows.
        amended: Whether results may have been deleted; those are left out, which takes time.
    """
    found = pattern(reading, lexicon, amended=amended)
    return (
        f"{PREFIXES}SELECT DISTINCT ?result ?q ?when WHERE {{\n{found}\n"
        "OPTIONAL { ?result prov:startedAtTime ?begun }\n"
        "OPTIONAL { ?entry schema:about ?result ; prov:generatedAtTime ?told }\n"
        f"BIND(COALESCE(?begun, ?told) AS ?when)\n{_times(reading)}}}\n"
        f"ORDER BY DESC(?when) ?result ?q LIMIT {limit} OFFSET {skip}"
    )


def freed(reading: Reading) -> list[tuple[str, Reading]]:
    """Return a question freed of each of its parts, by what it was freed of."""
    empty = Reading()
    return [
        (name, replace(reading, **{name: getattr(empty, name)}))
        for name in PARTS
        if getattr(reading, name) not in (None, "", [])
    ]


def pattern(reading: Reading, lexicon: Lexicon, *, amended: bool) -> str:
    """Return the graph pattern that binds ?result and ?q."""
    lines = []
    if reading.quantity is not None:
        lines.append(values("class", lexicon.below(reading.quantity.iri)))
        lines.append(f"?q a ?class . ?result {term('hasOutput')}|^prov:wasGeneratedBy ?q .")
    else:
        lines.append(f"?result {term('hasOutput')} ?q .")
    if amended:
        lines.append("FILTER NOT EXISTS { ?result prov:generated/prov:invalidatedAtTime ?gone }")
    lines.append(f"FILTER NOT EXISTS {{ ?result {term('hasMeasurementParameter')} ?q }}")
    if reading.bound is None:
        # A series has a unit, and its numbers elsewhere.
        lines.append(f"?q {term('hasMeasurementUnit')} ?unit .")
    else:
        lines.append(number_of("q", "value", "unit"))
        lines += _within(reading.bound, "value", "unit", "b")
    if reading.simulated is not None:
        kind = "ModelledProperty" if reading.simulated else "MeasuredProperty"
        lines.append(f"?q a {term(kind)} .")
    lines += [_condition(each, index, lexicon) for index, each in enumerate(reading.conditions)]
    lines += _sample(reading, lexicon)
    lines += _circumstances(reading, lexicon)
    return "\n".join(lines)


def _within(interval: Range, value: str, unit: str, tag: str) -> list[str]:
    """Return the filter of an interval, in whatever unit of its dimension a value is."""
    lines, shown = [], f"?{value}"
    if interval.unit is not None:
        rows = " ".join(
            f"(<{iri}> {known.factor!r} {known.shift!r})"
            for iri, known in sorted(units_like(interval.unit.dimension).items())
        )
        lines.append(f"VALUES (?{unit} ?factor{tag} ?shift{tag}) {{ {rows} }}")
        shown = f"(xsd:double(?{value}) * ?factor{tag} + ?shift{tag})"
    # What is equal but for the last digits of a conversion is equal.
    if interval.low is not None:
        lines.append(f"FILTER({shown} >= {interval.low - abs(interval.low) * 1e-9!r})")
    if interval.high is not None:
        lines.append(f"FILTER({shown} <= {interval.high + abs(interval.high) * 1e-9!r})")
    return lines


def _condition(interval: Range, index: int, lexicon: Lexicon) -> str:
    name, value, unit = f"k{index}", f"kv{index}", f"ku{index}"
    lines = [f"?result {term('hasMeasurementParameter')}|^prov:wasGeneratedBy ?{name} ."]
    if interval.quantity is not None:
        lines.append(values(f"kc{index}", lexicon.below(interval.quantity.iri)))
        lines.append(f"?{name} a ?kc{index} .")
    lines.append(number_of(name, value, unit))
    lines += _within(interval, value, unit, f"k{index}")
    lines.append(f"FILTER(?{name} != ?q)")
    return "\n".join(lines)


def _sample(reading: Reading, lexicon: Lexicon) -> list[str]:
    lines = []
    examined = f"{term('hasMeasurementSample')}|{term('hasTestObject')}"
    named = "(prov:used/schema:object)"
    if reading.sample:
        lines.append(
            f"?result {examined}|prov:used|prov:generated|{named} <{iris.sample(reading.sample)}> ."
        )
    if reading.containing:
        lines.append(f"?result {examined}|prov:generated ?sample .")
    if reading.object is not None:
        # What a prediction is about is named by what was asked; a cell says it, too. Joined as a
        # whole: beside a path to what is inside, the store would begin at the wrong end.
        lines.append(
            f"{{ SELECT DISTINCT ?result WHERE {{ "
            f"{values('kind', lexicon.below(reading.object.iri))} ?object a ?kind . "
            f"?result {examined}|prov:generated|{named}|^prov:wasDerivedFrom ?object . }} }}"
        )
    lines += [_with(each, lexicon) for each in reading.containing]
    lines += [
        f"MINUS {{ ?result {examined}|prov:generated ?sample . {_with(each, lexicon)} }}"
        for each in reading.without
    ]
    return lines


def _with(substance: Concept, lexicon: Lexicon) -> str:
    """Return the samples that have a substance in them, found from the substance's side.

    Joined as a whole: oxigraph plans what is in an EXISTS as if nothing outside of it were known.
    """
    return (
        f"{{ SELECT DISTINCT ?sample WHERE {{ {values('what', lexicon.below(substance.iri))} "
        f"?part a ?what . ?sample {inside_path()} ?part . }} }}"
    )


def _circumstances(reading: Reading, lexicon: Lexicon) -> list[str]:
    lines = []
    if reading.campaign:
        lines.append(f"?result dcterms:isPartOf <{iris.campaign(reading.campaign)}> .")
    if "/" in reading.site:
        lines.append(f"?result prov:wasAssociatedWith <{iris.node(reading.site)}> .")
    elif reading.site:
        lines.append(f"?result prov:atLocation <{iris.site(reading.site)}> .")
    if reading.method is not None:
        lines.append(f"{values('how', lexicon.below(reading.method.iri))} ?result a ?how .")
    if reading.method_name:
        ending = literal(f"/{reading.method_name}")
        lines.append(
            "FILTER EXISTS { ?result dcterms:conformsTo/schema:name ?technique . "
            f"FILTER(STRENDS(?technique, {ending})) }}"
        )
    if reading.quality is not None:
        rated = "schema:contentRating/schema:ratingValue"
        lines.append(
            f"OPTIONAL {{ ?q {rated} ?own }} OPTIONAL {{ ?result {rated} ?whole }} "
            f"FILTER(COALESCE(?own, ?whole) >= {reading.quality})"
        )
    return lines


def _times(reading: Reading) -> str:
    lines = []
    if reading.since:
        lines.append(f"FILTER(?when >= {literal(reading.since)}^^xsd:dateTime)")
    if reading.until:
        lines.append(f"FILTER(?when < {literal(reading.until)}^^xsd:dateTime)")
    return "".join(f"{line}\n" for line in lines)
