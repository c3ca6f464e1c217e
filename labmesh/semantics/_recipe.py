"""What it takes to make the result of a model again, as its node has noted it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labmesh.semantics import iris
from labmesh.semantics._agents import put_software
from labmesh.semantics._nodes import Nodes, as_json
from labmesh.semantics._quantity import NUMBER, put_quantity
from messages.reproducibility import REPRODUCIBILITY, RESTS_ON_SIMULATED


def put_recipe(nodes: Nodes, activity: str, data: str, notes: Mapping[str, Any]) -> None:
    """Describe model, code, initial parameters, seeds, training data and hardware of a result.

    Args:
        nodes: Where it is said.
        activity: IRI of the computation.
        data: IRI of what came of it.
        notes: Of the result's provenance; without the note nothing is said.
    """
    if RESTS_ON_SIMULATED in notes:
        nodes.put(data, "labmesh:restsOnSimulated", bool(notes[RESTS_ON_SIMULATED]))
    note = notes.get(REPRODUCIBILITY)
    if not isinstance(note, Mapping):
        return
    iri = nodes.add(iris.part(activity, "recipe"), "prov:Plan", "prov:Entity")
    nodes.link(activity, "prov:used", iri)
    nodes.link(activity, "labmesh:reproducibility", iri)
    nodes.put(iri, "rdfs:label", note.get("model") or "what it takes to make it again")
    nodes.put(iri, "schema:sha256", note.get("metadata_sha256"))
    if note.get("initial_parameters"):
        start = nodes.add(iris.part(iri, "initial_parameters"), "ModelParameter")
        nodes.put(start, "labmesh:values", as_json(note["initial_parameters"]))
        nodes.link(iri, "hasInput", start)
    for index, seed in enumerate(note.get("seeds") or ()):
        found = iris.part(iri, "seeds", index)
        put_quantity(nodes, found, "RandomSeed", seed, NUMBER, nature="ConventionalProperty")
        nodes.link(iri, "hasInput", found)
    if note.get("training_sha256"):
        learnt = nodes.add(f"{iris.OWN}data:{note['training_sha256']}", "Dataset", "prov:Entity")
        nodes.put(learnt, "schema:sha256", note["training_sha256"])
        nodes.put(learnt, "schema:description", note.get("training_data"))
        nodes.link(activity, "prov:used", learnt)
    _put_code(nodes, activity, note.get("code") or {})
    _put_hardware(nodes, iri, note.get("hardware") or {})


def _put_code(nodes: Nodes, activity: str, code: Mapping[str, Any]) -> None:
    packages = {code.get("package"): code.get("version"), **(code.get("packages") or {})}
    for package, version in packages.items():
        software = put_software(nodes, f"{package} {version}") if package and version else None
        if software:
            nodes.link(activity, "prov:used", software)
    if code.get("commit"):
        commit = nodes.add(f"{iris.OWN}commit:{iris.safe(str(code['commit']))}", "Software")
        nodes.put(commit, "schema:name", code.get("package"))
        nodes.put(commit, "schema:identifier", code["commit"])
        nodes.link(activity, "prov:used", commit)


def _put_hardware(nodes: Nodes, iri: str, hardware: Mapping[str, Any]) -> None:
    parts = [hardware.get("cpu"), *(hardware.get("gpus") or ()), hardware.get("system")]
    if hardware.get("cores"):
        parts.append(f"{hardware['cores']} cores")
    nodes.put(iri, "schema:processorRequirements", ", ".join(map(str, filter(None, parts))))
    if hardware.get("memory"):
        nodes.put(iri, "schema:memoryRequirements", f"{hardware['memory']} B")
