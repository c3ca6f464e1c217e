"""Results: what was done, by whom, with what, and what came of it."""

from __future__ import annotations

from typing import Final

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from labmesh.semantics._agents import (
    put_campaign,
    put_instrument,
    put_node,
    put_protocol,
    put_settings,
    put_site,
    put_software,
)
from labmesh.semantics._artifacts import put_artifacts, put_origin
from labmesh.semantics._cells import put_cells
from labmesh.semantics._dataset import put_dataset
from labmesh.semantics._examined import put_conditions, put_examined
from labmesh.semantics._nodes import Label, Nodes, Ref, as_json, moment
from labmesh.semantics._process import examining, is_class, is_process, process_types
from labmesh.semantics._rating import put_rating
from labmesh.semantics._recipe import put_recipe
from labmesh.semantics._requests import put_conformance, put_parameters
from labmesh.semantics._samples import put_steps
from labmesh.semantics._schemas import Capability, Schemas
from labmesh.semantics._walk import SAMPLE_RELATIONS, Place, Walk
from messages.access import DECLARATION
from messages.model import JsonObject

_FINGERPRINTS: Final = ("protocol_hash", "protocol_fingerprint")
"""Notes in which a node says by which frozen protocol it worked."""


def put_result(nodes: Nodes, entry: JournalEntry, body: JsonObject, schemas: Schemas) -> str:
    """Describe a result: the process, its samples, conditions, outputs and data; return its IRI."""
    quantity, method = body["quantity"], body["method"]
    capability = schemas.of(quantity, method, entry.author)
    process, simulated = capability.process, bool(body["provenance"]["simulated"])
    activity = nodes.add(iris.record(entry.uuid))
    if body["outcome"] == "resolved":
        # What a simulated node merely tells, such as what a name stands for, is no simulation.
        run = simulated and (body["request"] is not None or examining(process))
        nodes.add(activity, *process_types(process, simulated=run))
    elif is_class(process):
        # What failed is no measurement; it would have been one.
        nodes.put(activity, "schema:measurementTechnique", Label(process))
    nodes.add(activity, "prov:Activity")
    nodes.put(activity, "rdfs:label", f"{quantity} by {method}{', simulated' if simulated else ''}")
    nodes.put(activity, "labmesh:simulated", simulated)
    put_conformance(nodes, activity, quantity, method, capability.version)
    _put_outcome(nodes, activity, body)
    plans = _put_surroundings(nodes, entry, body, activity)
    if capability.worker != "model":
        _put_device(nodes, entry, body, activity, process)
    _put_association(nodes, entry, activity, plans)
    born = put_steps(nodes, body["samples"], activity)
    nature = _nature(process, capability, body)
    told = body["provenance"]["source"] is not None
    examines = "" if told or not process or examining(process) else "prov:used"
    walk = Walk(nodes, iris.part(activity, "dataset"), born=born, examines=examines)
    if capability.result is not None:
        place = Place(activity, activity, ("data",), "hasOutput", "hasOutput", nature)
        walk.root(body["data"], capability.result, place)
    asked = _put_performed(nodes, activity, body, capability)
    put_cells(nodes, body["data"], capability.result, walk, born)
    put_examined(nodes, activity, process, body["samples"], asked)
    put_conditions(nodes, activity, asked)
    _put_outputs(nodes, activity, walk, nature, born)
    put_recipe(nodes, activity, iris.part(activity, "dataset"), body["provenance"]["notes"])
    files = put_artifacts(nodes, body["artifacts"], activity, _writer(body))
    put_origin(nodes, body["data"])
    if (quantity, method) == DECLARATION:
        _put_subject(nodes, activity, body["parameters"])
    put_dataset(nodes, entry, body, activity, [process, *walk.classes], files)
    return activity


def _put_subject(nodes: Nodes, activity: str, parameters: JsonObject) -> None:
    """Say of what somebody has declared who may have it."""
    name = parameters["name"]
    subject = {
        "campaign": iris.campaign(name),
        "sample": iris.sample(name),
        "result": iris.part(iris.record(name), "dataset"),
    }[parameters["subject"]]
    nodes.link(activity, "schema:about", subject)


def _put_outcome(nodes: Nodes, activity: str, body: JsonObject) -> None:
    done = body["outcome"] == "resolved"
    status = "schema:CompletedActionStatus" if done else "schema:FailedActionStatus"
    nodes.put(activity, "schema:actionStatus", Label(status))
    if body["failure"]:
        nodes.put(activity, "schema:error", body["failure"]["message"])
    if body["rating"]:
        rating = put_rating(nodes, iris.part(activity, "rating"), body["rating"])
        nodes.link(activity, "schema:contentRating", rating)


def _put_surroundings(
    nodes: Nodes, entry: JournalEntry, body: JsonObject, activity: str
) -> list[str]:
    """Say when, where, by what means; return the IRIs of the plans that were followed."""
    provenance = body["provenance"]
    for key, name in (("begun", "prov:startedAtTime"), ("ended", "prov:endedAtTime")):
        if provenance[key] is not None:
            nodes.put(activity, name, moment(provenance[key]))
    nodes.link(activity, "prov:atLocation", put_site(nodes, entry.author.partition("/")[0]))
    nodes.put(activity, "labmesh:host", provenance["host"])
    nodes.put(activity, "labmesh:calibration", provenance["calibration"])
    software = put_software(nodes, provenance["software"])
    if software:
        nodes.link(activity, "prov:used", software)
    if body["campaign"]:
        nodes.link(activity, "dcterms:isPartOf", put_campaign(nodes, body["campaign"]))
    if provenance["notes"]:
        nodes.put(activity, "labmesh:notes", as_json(provenance["notes"]))
    plans = [put_settings(nodes, provenance["parameters"])]
    for key in _FINGERPRINTS:
        digest = provenance["notes"].get(key)
        if isinstance(digest, str) and digest:
            name = str(provenance["notes"].get("protocol") or "")
            plans.append(put_protocol(nodes, digest, name))
    if body["request"]:
        plans.append(nodes.add(iris.record(body["request"]), "prov:Plan", "prov:Entity"))
    return [plan for plan in plans if plan]


def _put_device(
    nodes: Nodes, entry: JournalEntry, body: JsonObject, activity: str, process: str
) -> None:
    """Say with what it was done; of what examines nothing: a device, no measuring instrument."""
    provenance = body["provenance"]
    label = "CharacterisationMeasurementInstrument" if examining(process) else "Device"
    instrument = put_instrument(
        nodes, entry.author, provenance["instrument"], label, simulated=provenance["simulated"]
    )
    if instrument:
        nodes.link(activity, "prov:used", instrument)
        if examining(process):
            nodes.link(activity, "hasCharacterisationMeasurementInstrument", instrument)


def _put_association(nodes: Nodes, entry: JournalEntry, activity: str, plans: list[str]) -> None:
    agent = put_node(nodes, entry.author)
    nodes.link(activity, "prov:wasAssociatedWith", agent)
    part = nodes.add(iris.part(activity, "association"), "prov:Association")
    nodes.link(activity, "prov:qualifiedAssociation", part)
    nodes.link(part, "prov:agent", agent)
    for plan in plans:
        nodes.link(part, "prov:hadPlan", plan)
        nodes.link(activity, "prov:used", plan)


def _put_performed(nodes: Nodes, activity: str, body: JsonObject, capability: Capability) -> Walk:
    """Describe the parameters by which it was really done."""
    if not body["parameters"] or capability.parameters is None:
        return Walk(nodes, activity)
    plan = nodes.add(iris.part(activity, "parameters"), "prov:Plan", "prov:Entity")
    nodes.put(plan, "rdfs:label", "what was really done")
    nodes.link(activity, "prov:used", plan)
    walk = put_parameters(
        nodes, plan, body["parameters"], capability.parameters, holder=activity, base=activity
    )
    for used in nodes.take(plan, "prov:used"):
        nodes.put(activity, "prov:used", used)
    return walk


def _nature(process: str, capability: Capability, body: JsonObject) -> str:
    """Return what the numbers are: a simulated instrument measures nothing, nor does a model."""
    if body["provenance"]["source"] is not None:
        return "MeasuredProperty"  # somewhere else, by who published it
    modelled = body["provenance"]["simulated"] or capability.worker == "model"
    if modelled or is_process(process, "Estimation") or is_process(process, "Workflow"):
        return "ModelledProperty"
    return "MeasuredProperty"


def _put_outputs(nodes: Nodes, activity: str, walk: Walk, nature: str, born: list[str]) -> None:
    relation = "hasModelledProperty" if nature == "ModelledProperty" else "hasMeasuredProperty"
    for owner, how, iri in walk.quantities:
        nodes.add(iri, "prov:Entity")
        nodes.link(iri, "prov:wasGeneratedBy", activity)
        if how not in ("hasOutput", "hasProperty"):
            continue
        about = [v for key in SAMPLE_RELATIONS for v in nodes.values(owner, key)]
        found = {value.iri for value in about if isinstance(value, Ref)}
        if not found and owner == activity and len(born) == 1:
            found = set(born)  # what was found out while it was made
        for sample in sorted(found):
            nodes.link(sample, relation, iri)


def _writer(body: JsonObject) -> str:
    """Return the software behind files in formats of their own, where the result says it."""
    for told in (body["data"].get("instrument"), body["provenance"]["notes"].get("backend")):
        if isinstance(told, str) and told:
            return told
    return ""
