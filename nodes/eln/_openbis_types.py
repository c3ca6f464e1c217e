"""The types of openBIS that a campaign needs, with properties and the terms they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from labmesh.semantics import vocabulary
from messages.errors import ConfigurationError
from nodes.eln._openbis_plan import (
    ASSEMBLY,
    CELL,
    CELL_STATE,
    COMPONENT,
    CYCLING_PROCESS,
    ELECTROLYTE,
    ELECTROLYTE_STATE,
    LINKED_DATA,
    RESULT_DATA,
)
from nodes.eln._openbis_session import OpenBis

CAMPAIGN: Final = "CAMPAIGN"
PREFIX: Final = "LABMESH_"
"""Of every property: property types belong to the whole server."""

_OURS: Final = "Labmesh: "
"""Beginning of the description of every type that is ours."""

_ALL: Final = ("ID", "NAME", "LABEL", "AT", "RESULT", "SIMULATED", "ACCESS", "DETAILS")
_SAMPLE: Final = (*_ALL, "BEGUN", "ENDED", "CONTACT")
_STATE: Final = (*_ALL, "INDEX", "LOCATION", "PROTOCOL", "PROTOCOL_HASH")
_PROCESS: Final = (*_SAMPLE, "INSTRUMENT", "SOFTWARE", "PROTOCOL")

OBJECTS: Final = {
    COMPONENT: ("a stock solution or a part of a cell", "Material", _SAMPLE),
    ELECTROLYTE: ("an electrolyte in its vial", "ElectrolyteSolution", _SAMPLE),
    ASSEMBLY: ("cells being put together", "ElectrochemicalDeviceAssembly", _PROCESS),
    CELL: ("a battery cell", "BatteryCell", _SAMPLE),
    CELL_STATE: ("one state of a cell", "SampleState", _STATE),
    ELECTROLYTE_STATE: ("one state of an electrolyte", "SampleState", _STATE),
    CYCLING_PROCESS: ("a cell being cycled", "CyclingTest", _PROCESS),
}
"""Types of objects: in words, the term each stands for, and its properties."""

_DATA_SETS: Final = {
    RESULT_DATA: "a result: JSON, linked data, and the files of the measurement",
    LINKED_DATA: "a sample and its history as JSON-LD",
}

_PROPERTIES: Final = {
    "ID": ("VARCHAR", "IRI of the sample, state or result in the ledger", "schema:identifier"),
    "NAME": ("VARCHAR", "title", "schema:name"),
    "LABEL": ("VARCHAR", "what kind, or what state", ""),
    "INDEX": ("INTEGER", "number of a state, 0 at the birth", ""),
    "AT": ("TIMESTAMP", "when it came to be", "prov:generatedAtTime"),
    "BEGUN": ("TIMESTAMP", "when the work began", "prov:startedAtTime"),
    "ENDED": ("TIMESTAMP", "when the work ended", "prov:endedAtTime"),
    "LOCATION": ("VARCHAR", "where it is", "prov:atLocation"),
    "RESULT": ("VARCHAR", "uuid of the result that made it", "prov:wasGeneratedBy"),
    "INSTRUMENT": ("VARCHAR", "by what", ""),
    "SOFTWARE": ("VARCHAR", "by which program", ""),
    "PROTOCOL": ("VARCHAR", "name of the cycling protocol", ""),
    "PROTOCOL_HASH": ("VARCHAR", "its fingerprint", ""),
    "SIMULATED": ("BOOLEAN", "no real instrument or sample", ""),
    "ACCESS": ("VARCHAR", "public or restricted", ""),
    "CONTACT": ("VARCHAR", "whom to ask for access", ""),
    "SHA256": ("VARCHAR", "hash of what a data set is made of", ""),
    "NOTE": ("VARCHAR", "what is missing, and why", ""),
    "DETAILS": ("MULTILINE_VARCHAR", "all properties, as JSON", ""),
}
_OF_DATA: Final = (
    "ID", "NAME", "AT", "RESULT", "SIMULATED", "ACCESS", "CONTACT", "SHA256", "NOTE",
)  # fmt: skip
_OF_CAMPAIGN: Final = ("ID", "NAME", "ACCESS", "CONTACT")

_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


def make_types(server: OpenBis) -> dict[str, int]:
    """Make what is missing of properties, types and annotations; return how many of each.

    Raises:
        ConfigurationError: A type of that name is there, and is not ours.
        NotebookError: The server refuses.
    """
    made = {"property": 0, "type": 0, "annotation": 0}
    made["property"] = _properties(server)
    bis = server.bis
    for code, (words, _, objects) in OBJECTS.items():
        made["type"] += _type(
            server, code, words, objects, bis.get_sample_types, bis.get_sample_type,
            lambda code, words: bis.new_sample_type(
                code=code, generatedCodePrefix=f"{code[:4]}-", description=words
            ),
        )  # fmt: skip
    for code, words in _DATA_SETS.items():
        made["type"] += _type(
            server, code, words, _OF_DATA, bis.get_dataset_types, bis.get_dataset_type,
            lambda code, words: bis.new_dataset_type(code=code, description=words),
        )  # fmt: skip
    made["type"] += _type(
        server, CAMPAIGN, "a campaign: requests that serve one objective", _OF_CAMPAIGN,
        bis.get_experiment_types, bis.get_experiment_type,
        lambda code, words: bis.new_experiment_type(code=code, description=words),
    )  # fmt: skip
    made["annotation"] = _annotations(server)
    return made


def _properties(server: OpenBis) -> int:
    there = _codes(server, server.bis.get_property_types)
    missing = [name for name in _PROPERTIES if PREFIX + name not in there]
    for name in missing:
        kind, words, _ = _PROPERTIES[name]
        new = server.asked(
            server.bis.new_property_type, code=PREFIX + name, label=name.replace("_", " ").lower(),
            description=_OURS + words, dataType=kind,
        )  # fmt: skip
        server.asked(new.save)
    return len(missing)


def _type(
    server: OpenBis, code: str, words: str, properties: Iterable[str], every: Any, one: Any,
    new: Any,
) -> int:  # fmt: skip
    made = code not in _codes(server, every)
    if made:
        found = server.asked(new, code, _OURS + words)
        server.asked(found.save)
    found = server.asked(one, code)
    if not str(found.description or "").startswith(_OURS):
        raise ConfigurationError(
            f"openBIS has a type {code} that is not ours", where=server.url,
            remedy="its description does not begin with 'Labmesh:'; use a server or an instance "
            "where these types are free",
        )  # fmt: skip
    there = _codes(server, found.get_property_assignments)
    for name in properties:
        if PREFIX + name not in there:
            server.asked(found.assign_property, PREFIX + name)
    return int(made)


def _annotations(server: OpenBis) -> int:
    listed = server.asked(server.bis.search_semantic_annotations, only_data=True)
    there = {
        (each.get("entityType") or each.get("propertyType"), each["descriptorAccessionId"])
        for each in listed
    }
    wanted = [({"entityType": code}, code, term) for code, (_, term, _) in OBJECTS.items()]
    wanted += [
        ({"propertyType": PREFIX + name}, PREFIX + name, term)
        for name, (_, _, term) in _PROPERTIES.items()
        if term
    ]
    made = 0
    for whose, code, term in wanted:
        entry = vocabulary().entry(term)
        if (code, entry.iri) in there:
            continue
        new = server.asked(
            server.bis.new_semantic_annotation, **whose,
            predicateOntologyId="rdf", predicateOntologyVersion="1.1",
            predicateAccessionId=_TYPE, descriptorOntologyId=entry.ontology,
            descriptorOntologyVersion="", descriptorAccessionId=entry.iri,
        )  # fmt: skip
        server.asked(new.save)
        made += 1
    return made


def typed(name: str, value: str) -> str | int | bool:
    """Return a property's value as the type of its property asks for."""
    kind = _PROPERTIES[name][0]
    if kind == "BOOLEAN":
        return value == "true"
    return int(value) if kind == "INTEGER" else value


def _codes(server: OpenBis, listing: Callable[[], Any]) -> set[str]:
    """Return the codes of what pyBIS lists."""
    return {str(code) for code in server.asked(lambda: listing().df["code"])}
