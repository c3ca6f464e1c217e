"""Samples and their states: what they are, from what, and by which process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._nodes import Nodes, as_json, moment
from messages.model import JsonObject
from messages.sample_state import COIN_CELL, UNKNOWN

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stock_solution": ("StockSolution",),
    "electrolyte": ("ElectrolyteSolution",),
    COIN_CELL: ("CoinCell",),
}
"""Classes of the kinds of samples; another kind is a sample of no further class."""


def put_sample(nodes: Nodes, name: str, kind: str) -> str:
    """Describe a sample by its kind; return its IRI."""
    iri = nodes.add(iris.sample(name), *KINDS.get(kind, ()), "Sample", "prov:Entity")
    nodes.put(iri, "schema:identifier", name)
    nodes.put(iri, "schema:category", kind)
    if kind == COIN_CELL:
        # CR2032 is a primary cell of another chemistry; R2032 is the case alone.
        case = nodes.add(iris.part(iri, "case"), "R2032")
        nodes.link(iri, "hasCase", case)
    return iri


def put_steps(nodes: Nodes, steps: Any, activity: str) -> list[str]:
    """Say what a result has done to samples; return the IRIs of those it gave birth to."""
    born = []
    for step in steps:
        sample = put_sample(nodes, step["sample"], step["kind"])
        state = _put_state(nodes, step, sample)
        nodes.link(state, "prov:wasGeneratedBy", activity)
        nodes.link(activity, "prov:generated", state)
        if step["expects_state"] is None:
            born.append(sample)
            nodes.link(sample, "prov:wasGeneratedBy", activity)
            nodes.link(activity, "prov:generated", sample)
        else:
            before = iris.sample_state(step["sample"], step["expects_state"])
            nodes.link(activity, "prov:used", nodes.add(before, "SampleState", "prov:Entity"))
            nodes.link(before, "prov:specializationOf", sample)
        for parent in step["parents"]:
            nodes.link(activity, "prov:used", iris.sample(parent))
    return born


def put_sample_entry(nodes: Nodes, body: JsonObject) -> str:
    """Describe a state of a sample from its own entry; return its IRI."""
    sample = put_sample(nodes, body["sample"], body["kind"])
    state = _put_state(nodes, body, sample)
    nodes.put(state, "prov:generatedAtTime", moment(body["at"]))
    nodes.link(state, "prov:wasGeneratedBy", iris.record(body["result"]))
    if body["properties"]:
        nodes.put(state, "labmesh:values", as_json(body["properties"]))
    return state


def _put_state(nodes: Nodes, step: Mapping[str, Any], sample: str) -> str:
    number = step["state"]
    iri = nodes.add(iris.sample_state(step["sample"], number), "SampleState", "prov:Entity")
    nodes.put(iri, "rdfs:label", step["label"])
    nodes.put(iri, "schema:position", number)
    nodes.link(iri, "prov:specializationOf", sample)
    if number:
        nodes.link(iri, "prov:wasRevisionOf", iris.sample_state(step["sample"], number - 1))
    if step["label"] == UNKNOWN:
        nodes.put(iri, "rdfs:comment", "nobody can vouch for it; it waits for a person")
    if step["location"]:
        place = nodes.add(f"{iris.OWN}place:{iris.safe(step['location'])}", "prov:Location")
        nodes.put(place, "schema:name", step["location"])
        nodes.link(iri, "prov:atLocation", place)
    for key in ("protocol_hash",):
        if isinstance(step["properties"].get(key), str):
            nodes.link(iri, "dcterms:conformsTo", iris.protocol(step["properties"][key]))
    if "simulated" in step["properties"]:
        nodes.put(iri, "labmesh:simulated", bool(step["properties"]["simulated"]))
    for parent in step["parents"]:
        nodes.link(sample, "prov:wasDerivedFrom", iris.sample(parent))
    return iri
