"""Requests, and what became of them."""

from __future__ import annotations

from typing import Final

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from labmesh.semantics._agents import put_campaign, put_node
from labmesh.semantics._nodes import Label, Nodes, moment
from labmesh.semantics._schemas import Schemas
from labmesh.semantics._walk import Place, Walk
from messages.ledger import Status
from messages.model import JsonObject

_ACTION: Final = {
    Status.PENDING: "schema:PotentialActionStatus",
    Status.RESERVED: "schema:PotentialActionStatus",
    Status.HELD: "schema:PotentialActionStatus",
    Status.RUNNING: "schema:ActiveActionStatus",
    Status.CANCELING: "schema:ActiveActionStatus",
    Status.RESOLVED: "schema:CompletedActionStatus",
    Status.FAILED: "schema:FailedActionStatus",
    Status.RETRACTED: "schema:FailedActionStatus",
    Status.EXPIRED: "schema:FailedActionStatus",
    Status.ABANDONED: "schema:FailedActionStatus",
}
"""What schema.org calls a status."""


def put_request(nodes: Nodes, entry: JournalEntry, body: JsonObject, schemas: Schemas) -> str:
    """Describe what was asked for: a plan that nobody has carried out yet; return its IRI."""
    quantity, method = body["quantity"], body["method"]
    iri = nodes.add(iris.record(entry.uuid), "prov:Plan", "prov:Entity")
    nodes.put(iri, "rdfs:label", f"request of {quantity} by {method}")
    nodes.link(iri, "prov:wasAttributedTo", put_node(nodes, entry.author))
    nodes.put(iri, "prov:generatedAtTime", moment(entry.stamp))
    capability = schemas.of(quantity, method)
    put_conformance(nodes, iri, quantity, method, capability.version)
    if body["campaign"]:
        nodes.link(iri, "dcterms:isPartOf", put_campaign(nodes, body["campaign"]))
    if body["parent"]:
        nodes.link(iri, "dcterms:isPartOf", iris.record(body["parent"]))
    if body["expires"]:
        nodes.put(iri, "schema:expires", moment(body["expires"]))
    if body["from_state"]:
        begin = body["from_state"]
        nodes.link(iri, "dcterms:requires", iris.sample_state(begin["sample"], begin["state"]))
    put_parameters(nodes, iri, body["parameters"], capability.parameters, holder=iri)
    for needed in nodes.take(iri, "prov:used"):
        nodes.put(iri, "dcterms:requires", needed)  # a plan has used nothing yet
    return iri


def put_parameters(
    nodes: Nodes, iri: str, parameters: JsonObject, schema: object, *, holder: str, base: str = ""
) -> Walk:
    """Describe what is to be done, or was done, as set points of a plan."""
    walk = Walk(nodes, holder, examines="schema:object")
    if isinstance(schema, dict):
        place = Place(
            iri,
            base or iri,
            ("parameters",),
            "hasProperty",
            "hasPart",
            "ConventionalProperty",
        )
        walk.root(parameters, schema, place)
    return walk


def put_conformance(nodes: Nodes, iri: str, quantity: str, method: str, version: int) -> None:
    """Say which capability something is for."""
    technique = nodes.add(iris.technique(quantity, method), "prov:Plan", "CapabilityDescription")
    nodes.put(technique, "schema:name", f"{quantity}/{method}")
    if version:
        own = nodes.add(iris.capability(quantity, method, version), "CapabilityDescription")
        nodes.link(own, "dcterms:isVersionOf", technique)
        nodes.link(iri, "dcterms:conformsTo", own)
    nodes.link(iri, "dcterms:conformsTo", technique)


def put_status(nodes: Nodes, entry: JournalEntry, body: JsonObject) -> str:
    """Describe a change of a request's status; return the IRI of the request as it was then."""
    request = nodes.add(iris.record(body["request"]), "prov:Plan", "prov:Entity")
    iri = nodes.add(iris.part(request, "status", entry.offset), "prov:Entity")
    nodes.link(iri, "prov:specializationOf", request)
    nodes.put(iri, "schema:creativeWorkStatus", body["after"])
    nodes.put(iri, "schema:actionStatus", Label(_ACTION[Status(body["after"])]))
    nodes.put(iri, "prov:generatedAtTime", moment(entry.stamp))
    nodes.link(iri, "prov:wasAttributedTo", put_node(nodes, body["by"]))
    nodes.put(iri, "rdfs:comment", body["message"])
    if body["worker"]:
        nodes.link(iri, "schema:agent", put_node(nodes, body["worker"]))
    if body["result"]:
        nodes.link(iri, "schema:result", iris.record(body["result"]))
    return iri


def put_amendment(nodes: Nodes, entry: JournalEntry, body: JsonObject) -> str:
    """Describe an amendment of a result; return the IRI of its data as they stand since then."""
    data = nodes.add(iris.part(iris.record(body["result"]), "dataset"), "prov:Entity")
    iri = nodes.add(iris.part(iris.record(body["result"]), "status", entry.offset), "prov:Entity")
    nodes.link(iri, "prov:specializationOf", data)
    nodes.put(iri, "schema:creativeWorkStatus", body["status"])
    nodes.put(iri, "prov:generatedAtTime", moment(entry.stamp))
    nodes.link(iri, "prov:wasAttributedTo", put_node(nodes, entry.author))
    nodes.put(iri, "rdfs:comment", body["reason"])
    if body["status"] == "deleted":
        nodes.put(data, "prov:invalidatedAtTime", moment(entry.stamp))
    return iri
