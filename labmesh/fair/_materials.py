"""Requirements 12 to 15, 18 and 22: materials, instruments, time and place, files, the chain."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from labmesh.crate import is_open
from labmesh.fair._case import Case, body_of, name_of, notes_of, provenance_of
from labmesh.fair._chains import made_of, roots
from labmesh.fair._exhibit import Exhibit
from labmesh.fair._found import Found, requirement
from labmesh.record import JournalEntry
from messages.frozen_protocol import FREEZING
from messages.model import JsonObject


@requirement(12)
def materials(exhibit: Exhibit) -> Found:
    """Each sample begins with materials, and each chemical has an identifier or at least a name."""
    case = exhibit.case
    found = Found(
        evidence={"samples": len(case.own_samples), "chemicals": 0, "without InChIKey": 0}
    )
    named: dict[str, bool] = {}
    for sample in case.own_samples:
        told = made_of(case, sample)
        if not told and not case.samples.parents(sample):
            found.faults.append(f"nobody says what {sample} is made of")
        for each in told:
            name = str(each.get("name") or "")
            if not name and not each.get("inchikey"):
                found.faults.append(f"a chemical of {sample} has neither name nor InChIKey")
            named[name] = named.get(name, False) or bool(each.get("inchikey"))
    bare = sorted(name for name, keyed in named.items() if not keyed)
    found.evidence |= {"chemicals": len(named), "without InChIKey": len(bare)}
    if bare:
        found.remains = f"no persistent identifier: {', '.join(bare)}, which is no molecule"
    if not case.own_samples:
        found.undecided = "no result of this campaign is about a sample"
    return found


@requirement(13)
def protocols(exhibit: Exhibit) -> Found:
    """What instruments did names instrument and protocol, whose content was frozen."""
    case, found = exhibit.case, Found(evidence={"results of instruments": 0, "protocols": 0})
    frozen = {str(told.get("fingerprint")): told for told in map(_data, case.of(FREEZING))}
    marks: set[str] = set()
    for entry in case.results:
        notes = notes_of(entry)
        if case.worker(entry) == "instrument":
            found.evidence["results of instruments"] += 1
            if not provenance_of(entry).get("instrument"):
                found.faults.append(f"{name_of(entry)} does not name its instrument")
        if not notes.get("protocol"):
            continue
        mark = str(notes.get("protocol_hash") or "")
        marks.add(mark)
        if mark not in frozen:
            found.faults.append(f"the protocol of {name_of(entry)} was not frozen")
        elif _fingerprint(frozen[mark].get("canonical")) != mark:
            words = f"the protocol {notes['protocol']}"
            found.faults.append(f"{words} is not what its fingerprint says")
    found.evidence["protocols"] = len(marks)
    if not found.evidence["results of instruments"]:
        found.undecided = "no instrument has done anything in this campaign"
    return found


def _fingerprint(canonical: Any) -> str:
    """As docs/samples.md tells it."""
    words = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(words.encode()).hexdigest()


@requirement(14)
def time_and_place(exhibit: Exhibit) -> Found:
    """Whatever was asked for has begin and end, every state of a sample its time, all a site."""
    case, found = exhibit.case, Found(evidence={"results": 0, "states": 0, "places": 0})
    for entry in case.everything:
        told, asked = provenance_of(entry), body_of(entry).get("request") is not None
        found.evidence["results"] += 1
        begun, ended = told.get("begun"), told.get("ended")
        if asked and (not begun or not ended or begun > ended):
            found.faults.append(f"{name_of(entry)} does not say when it began and ended")
        if "/" not in entry.author:
            found.faults.append(f"{name_of(entry)} does not say at which site it was made")
    places = set()
    for sample in case.own_samples:
        for state in case.samples.states[sample]:
            found.evidence["states"] += 1
            places.add(str(state.body.get("location") or state.author.partition("/")[0]))
            if not state.body.get("at"):
                found.faults.append(f"a state of {sample} has no time")
    found.evidence["places"] = len(places)
    return found


@requirement(15)
def output(exhibit: Exhibit) -> Found:
    """Each file has a media type; who made it is named with a version."""
    found = Found(evidence={"files": 0, "results": len(exhibit.case.results)})
    for entry in exhibit.case.everything:
        for file in _files(entry):
            found.evidence["files"] += 1
            if "/" not in str(file.get("media_type") or ""):
                found.faults.append(f"{file.get('name')} of {name_of(entry)} has no media type")
        software = str(provenance_of(entry).get("software") or "")
        if _files(entry) and not any(letter.isdigit() for letter in software):
            words = "has files and names no version of its software"
            found.faults.append(f"{name_of(entry)} {words}")
    return found


@requirement(18)
def chain(exhibit: Exhibit) -> Found:
    """Every result about a sample reaches the materials that the sample was made of."""
    case, reached, alone = exhibit.case, 0, 0
    found = Found()
    for entry in case.results:
        told = case.samples.results.get(str(entry.uuid))
        if told is None:
            alone += 1
        elif lost := _lost(case, told.about):
            words = f"{name_of(entry)} reaches {lost}"
            found.faults.append(f"{words}, of whose materials nothing is known")
        else:
            reached += 1
    found.evidence = {
        "results": len(case.results), "reach materials": reached, "without a sample": alone,
    }  # fmt: skip
    if not reached and not found.faults:
        found.undecided = "no result of this campaign is about a sample"
    return found


def _lost(case: Case, samples: frozenset[str]) -> str:
    """Return the first beginning of a chain that says nothing of materials."""
    for sample in sorted(samples & case.samples.states.keys()):
        for root in roots(case, sample):
            if not made_of(case, root):
                return root
    return ""


@requirement(22)
def formats(exhibit: Exhibit) -> Found:
    """Files are in open formats, or name the software that reads them; each Parquet has its CSV."""
    found = Found(evidence={"files": 0, "open": 0})
    for entry in exhibit.case.everything:
        for file in _files(entry):
            found.evidence["files"] += 1
            if is_open(str(file.get("media_type") or "")):
                found.evidence["open"] += 1
            elif not provenance_of(entry).get("software"):
                found.faults.append(f"{file.get('name')} of {name_of(entry)} names no software")
    data = exhibit.folder / "data"
    for table in sorted(data.rglob("*.parquet")) if data.is_dir() else ():
        if not any(table.with_name(f"{name}.csv").exists() for name in (table.stem, table.name)):
            found.faults.append(f"{table.name} has no CSV beside it")
    return found


def _data(entry: JournalEntry) -> JsonObject:
    return dict(body_of(entry).get("data") or {})


def _files(entry: JournalEntry) -> list[JsonObject]:
    return list(body_of(entry).get("artifacts") or ())
