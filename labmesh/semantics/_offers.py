"""Capabilities, and who offers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from labmesh.semantics._agents import put_node
from labmesh.semantics._nodes import Label, Nodes, moment
from labmesh.semantics._requests import put_conformance
from labmesh.semantics._schemas import Schemas
from labmesh.semantics._vocabulary import vocabulary
from messages.meaning import TERM
from messages.model import JsonObject
from messages.schema import hash_schema


def put_capability(nodes: Nodes, entry: JournalEntry, body: JsonObject, schemas: Schemas) -> str:
    """Describe what can be asked for, and what comes back; return its IRI."""
    quantity, method, version = body["quantity"], body["method"], body["version"]
    iri = nodes.add(
        iris.capability(quantity, method, version), "CapabilityDescription", "prov:Plan"
    )
    technique = nodes.add(iris.technique(quantity, method), "CapabilityDescription", "prov:Plan")
    nodes.put(technique, "schema:name", f"{quantity}/{method}")
    nodes.link(iri, "dcterms:isVersionOf", technique)
    nodes.put(iri, "schema:name", f"{quantity}/{method}")
    nodes.put(iri, "schema:version", str(version))
    nodes.put(iri, "schema:description", body["description"])
    state = nodes.add(iris.part(iri, "status", entry.offset), "prov:Entity")
    nodes.link(state, "prov:specializationOf", iri)
    nodes.put(state, "schema:creativeWorkStatus", "active" if body["active"] else "withdrawn")
    nodes.put(state, "prov:generatedAtTime", moment(entry.stamp))
    for key in ("parameters_schema", "result_schema"):
        nodes.put(iri, "schema:sha256", hash_schema(body[key]))
    known = schemas.of(quantity, method)
    words = vocabulary()
    if known.process in words:
        nodes.put(iri, "schema:measurementTechnique", Label(known.process))
    for label in dict.fromkeys(_labels(known.result)):
        if label in words.keywords and words.is_a(label, "Quantity"):
            nodes.put(iri, "schema:variableMeasured", Label(label))
    for label in dict.fromkeys(_labels(known.parameters)):
        if label in words.keywords:
            nodes.put(iri, "dcterms:subject", Label(label))
    return iri


def put_offer(nodes: Nodes, entry: JournalEntry, body: JsonObject) -> str:
    """Describe who serves a capability, or does not any more; return the IRI of the offer."""
    quantity, method, offer = body["quantity"], body["method"], body["offer"]
    node = put_node(nodes, body["node"])
    iri = nodes.add(iris.part(node, "offer", quantity, method), "prov:Entity")
    state = nodes.add(iris.part(node, "offer", quantity, method, entry.offset), "prov:Entity")
    nodes.link(state, "prov:specializationOf", iri)
    nodes.put(iri, "rdfs:label", f"{body['node']} serves {quantity}/{method}")
    nodes.link(iri, "schema:provider", node)
    put_conformance(nodes, iri, quantity, method, 0)
    nodes.put(state, "prov:generatedAtTime", moment(entry.stamp))
    nodes.put(state, "schema:creativeWorkStatus", "active" if offer else "withdrawn")
    if offer:
        put_conformance(nodes, state, quantity, method, offer["version"])
        nodes.put(state, "schema:description", offer["description"])
        nodes.put(state, "schema:category", offer["worker"])
        nodes.put(state, "labmesh:simulated", bool(offer["simulated"]))
    return iri


def _labels(schema: Any) -> Iterator[str]:
    """Yield the terms in a schema."""
    if isinstance(schema, list | tuple):
        for each in schema:
            yield from _labels(each)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("properties", "$defs"):
                for each in value.values():
                    yield from _labels(each)
            elif key == TERM and isinstance(value, str):
                yield value
            else:
                yield from _labels(value)
