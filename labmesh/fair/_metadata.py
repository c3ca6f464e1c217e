"""Requirements 1 to 6 and 19: described, identified, named in the words of the field."""

from __future__ import annotations

import re
from datetime import date
from importlib import import_module
from typing import Final

from labmesh.fair._case import body_of, key_of, name_of, provenance_of
from labmesh.fair._chains import rests_silently
from labmesh.fair._exhibit import Exhibit
from labmesh.fair._found import Found, requirement
from labmesh.semantics import iris, ontology, vocabulary
from messages.archive import DEPOSIT
from messages.model import JsonObject

_KNOWN: Final = (
    "http://www.w3.org/", "https://www.w3.org/", "http://schema.org/", "https://schema.org/",
    "http://purl.org/dc/terms/", "http://purl.org/spar/", "https://w3id.org/battery-data-alliance/",
    "http://qudt.org/",
    "http://spdx.org/rdf/terms#",
)  # fmt: skip
"""Beginnings of IRIs of vocabularies that the world knows: W3C's, schema.org, Dublin Core ..."""

_VERSION: Final = re.compile(r"^\d+\.\d+\.\d+([-+.][\w.+-]+)?$")
_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_EMMO: Final = "https://w3id.org/emmo"
_BESIDE: Final = {
    "PROV": "http://www.w3.org/ns/prov#",
    "Dublin Core": "http://purl.org/dc/terms/",
}


@requirement(1)
def described(exhibit: Exhibit) -> Found:
    """Every result has triples of its own, and the shapes find nothing wrong with any."""
    graph, found = exhibit.graph, Found()
    subjects = {str(subject) for subject in graph.subjects()}
    for entry in exhibit.case.everything:
        if iris.record(entry.uuid) not in subjects and exhibit.case.book.may_leave(entry):
            found.faults.append(f"{name_of(entry)} is not described")
    found.faults += [f"{each.node}: {each.message}" for each in exhibit.violations]
    found.evidence = {"results": len(exhibit.case.everything), "triples": len(graph)}
    return found


@requirement(2)
def identified(exhibit: Exhibit) -> Found:
    """Each entry has a uuid that no other of its kind has; what is published has a PID."""
    case = exhibit.case
    found = Found(evidence={"identifiers": len(case.uuids), "samples": len(case.own_samples)})
    for name, offsets in case.uuids.items():
        kind, _, uuid = name.partition(" ")
        # Changes of status carry the uuid of the message that caused them.
        if len(offsets) > 1 and kind in ("request", "result"):
            found.faults.append(f"{kind} {uuid} is in the ledger {len(offsets)} times")
    for sample in case.own_samples:
        births = [each for each in case.samples.states[sample] if each.body["state"] == 0]
        if len(births) != 1:
            found.faults.append(f"sample {sample} was born {len(births)} times")
    deposits = [body_of(entry).get("data") or {} for entry in case.deposits]
    for told in deposits:
        if not told.get("pid") and not told.get("record"):
            found.faults.append("a deposit names neither a PID nor a record")
    pids = [told["pid"] for told in deposits if told.get("pid")]
    found.evidence |= {"deposits": len(deposits), "PIDs": len(pids)}
    if not pids:
        found.remains = (
            "the archive it was given to mints no PID" if deposits
            else f"not published yet: {'/'.join(DEPOSIT)} brings the PID back"
        )  # fmt: skip
    return found


@requirement(3)
def imported(exhibit: Exhibit) -> Found:
    """Whatever was imported names its source's identifier and licence, and its triples do, too."""
    found = Found(evidence={"imported results": 0})
    for entry in exhibit.case.everything:
        source = provenance_of(entry).get("source")
        if source is None:
            continue
        found.evidence["imported results"] += 1
        doi = str(source.get("doi") or "")
        if not doi or not source.get("licence"):
            found.faults.append(f"{name_of(entry)} lacks its source's DOI or licence")
        elif not any(doi in str(used) for used in _of(exhibit, entry.uuid)):
            found.faults.append(f"the triples of {name_of(entry)} do not name {doi}")
    if not found.evidence["imported results"]:
        found.remains = "nothing was imported"
    return found


def _of(exhibit: Exhibit, uuid: object) -> set[object]:
    """Return what the graph says about a result, two steps far."""
    graph = exhibit.graph
    near = set(graph.objects(import_module("rdflib").URIRef(iris.record(str(uuid)))))
    return near | {far for each in near for far in graph.objects(each)}


@requirement(4)
def named(exhibit: Exhibit) -> Found:
    """Every class and property is a term of the vocabulary, or of one that the world knows."""
    graph, words = exhibit.graph, vocabulary()
    known = {entry.iri for entry in words.entries()}
    types = {str(kind) for _, predicate, kind in graph if str(predicate) == _TYPE}
    used = types | {str(predicate) for predicate in graph.predicates()}
    strangers = {iri for iri in used - known if not iri.startswith(_KNOWN)}
    if strangers:
        strangers -= {str(subject) for subject in ontology().subjects()}
    ours = sum(iri in known for iri in used)
    return Found(
        evidence={"terms": ours, "classes": len(types)},
        faults=[f"{iri} is no term" for iri in sorted(strangers)],
    )


@requirement(5)
def keywords(exhibit: Exhibit) -> Found:
    """The crate has keywords; those that nobody gave are preferred labels of BattINFO and EMMO."""
    told = [each.strip() for each in str(exhibit.root.get("keywords") or "").split(",")]
    told = [each for each in told if each]
    labels, given = vocabulary().keywords, set(exhibit.description.keywords)
    found = Found(
        evidence={"keywords": len(told), "of the vocabulary": sum(k in labels for k in told)}
    )
    if not found.evidence["of the vocabulary"]:
        found.faults.append("no keyword is a term of BattINFO or EMMO")
    found.faults += [f"{each!r} is no term" for each in told if each not in labels | given]
    return found


@requirement(6)
def versioned(exhibit: Exhibit) -> Found:
    """The crate has a semantic or calendar version, and the day of its last entry."""
    version, day = exhibit.root.get("version"), exhibit.root.get("datePublished")
    found = Found(evidence={"versions": int(bool(version))})
    if not _VERSION.match(str(version)):
        found.faults.append(f"{version!r} is no semantic or calendar version")
    try:
        date.fromisoformat(str(day))
    except ValueError:
        found.faults.append(f"{day!r} is no date")
    if not exhibit.case.deposits:
        found.remains = "not deposited: an archive counts versions of its own, too"
    return found


@requirement(19)
def in_the_worlds_words(exhibit: Exhibit) -> Found:
    """EMMO's terms, in an OWL ontology with SKOS labels; Dublin Core and PROV beside them."""
    graph = exhibit.graph
    used = {str(predicate) for predicate in graph.predicates()}
    types = {kind for _, predicate, kind in graph if str(predicate) == _TYPE}
    emmo = {kind for kind in types if str(kind).startswith(_EMMO)}
    found = Found(evidence={"EMMO classes": len(emmo), "properties": len(used)})
    labels = {str(s) for s, predicate, _ in ontology() if str(predicate).endswith("#prefLabel")}
    if not emmo:
        found.faults.append("nothing is of an EMMO class")
    bare = [str(kind) for kind in emmo if str(kind) not in labels]
    found.faults += [f"{kind} has no SKOS label" for kind in sorted(bare)]
    for name, begin in _BESIDE.items():
        if not any(iri.startswith(begin) for iri in used):
            found.faults.append(f"no property of {name} is used")
    return found


@requirement(9)
def method_and_provenance(exhibit: Exhibit) -> Found:
    """Each result: what, by which method that is described, with which software, real or not."""
    case, found = exhibit.case, Found(evidence={"results": 0, "capabilities": 0})
    seen = set()
    for entry in case.everything:
        body, told = body_of(entry), provenance_of(entry)
        key, words = key_of(entry), name_of(entry)
        found.evidence["results"] += 1
        seen.add(key)
        if not _described(case.capabilities.get(key) or {}):
            found.faults.append(f"nobody has described {'/'.join(key)}")
        if not told.get("software") and told.get("source") is None:
            found.faults.append(f"{words} says neither software nor source")
        if not isinstance(told.get("simulated"), bool):
            found.faults.append(f"{words} does not say whether it is simulated")
        if case.worker(entry) == "instrument" and body.get("rating") is None:
            found.faults.append(f"{words} has no rating: its fidelity is not said")
    found.faults += _silent(exhibit)
    found.faults = list(dict.fromkeys(found.faults))
    found.evidence["capabilities"] = len(seen)
    return found


def _described(capability: JsonObject) -> bool:
    """Whether a capability says what it is, by itself or by the schema of its results."""
    schema = capability.get("result_schema") or {}
    return bool(capability.get("description") or schema.get("description"))


def _silent(exhibit: Exhibit) -> list[str]:
    """Return which results of models rest on something simulated, and do not say so."""
    words = "rests on simulated data and does not say so"
    return [f"{name_of(each)} {words}" for each in rests_silently(exhibit.case)]
