"""What a campaign is in openBIS: objects with parents along their provenance, and data sets.

Pure: no server is asked. Every code follows from our own ids, so that the same campaign is the same
objects whenever and from wherever it is deployed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any, Final

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from messages.ledger import ArtifactRef
from messages.model import JsonObject
from messages.sample_state import COIN_CELL
from nodes.eln._documents import Documents
from nodes.eln._names import free_name
from nodes.eln._story import Result, Sample, State, Story
from nodes.eln._variables import plain
from nodes.eln._words import result_title, sample_title

COMPONENT: Final = "COMPONENT"
ELECTROLYTE: Final = "ELECTROLYTE"
ASSEMBLY: Final = "ASSEMBLY"
CELL: Final = "CELL"
CELL_STATE: Final = "CELL_STATE"
ELECTROLYTE_STATE: Final = "ELECTROLYTE_STATE"
CYCLING_PROCESS: Final = "CYCLING_PROCESS"
RESULT_DATA: Final = "RESULT_DATA"
LINKED_DATA: Final = "LINKED_DATA"

_KINDS: Final = {"electrolyte": ELECTROLYTE, COIN_CELL: CELL}
_STATES: Final = {ELECTROLYTE: ELECTROLYTE_STATE, CELL: CELL_STATE}
_PARTS: Final = ("anode", "cathode", "separator")
_CYCLING: Final = re.compile(r"(^|_)(cycling|capacity)")
_NOT_IN_CODES: Final = re.compile(r"[^A-Z0-9._-]+")
_DETAILS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Thing:
    """An object to be.

    Attributes:
        kind: Its type.
        code: Its code, by which it is found again.
        subject: IRI of what it is to us.
        parents: Codes of the objects it came from.
        said: Properties, without those that are empty.
    """

    kind: str
    code: str
    subject: str
    parents: tuple[str, ...]
    said: dict[str, str]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set to be.

    Attributes:
        kind: Its type.
        owner: Code of the object it belongs to; empty for the campaign itself.
        subject: IRI of the result or sample.
        content: Hash of the entries and artifacts it is made of; what is there with it is not sent
            again.
        said: Properties.
        documents: Makes the files that are made here, by name.
        artifacts: Files of the measurement, by name.
    """

    kind: str
    owner: str
    subject: str
    content: str
    said: dict[str, str]
    documents: Callable[[], dict[str, bytes]] = field(repr=False)
    artifacts: dict[str, ArtifactRef] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a campaign, parents before children."""

    campaign: str
    code: str
    said: dict[str, str]
    things: tuple[Thing, ...]
    data_sets: tuple[DataSet, ...]


def code_of(name: str) -> str:
    """Return an openBIS code for one of our ids: capitals, and six digits that tell names apart."""
    digest = sha256(name.encode()).hexdigest()[:6].upper()
    return f"{_NOT_IN_CODES.sub('-', name.upper())[:80]}-{digest}"


def plan(story: Story) -> Plan:
    """Return what a campaign is in openBIS."""
    made = _Things(story)
    made.fill()
    data_sets = tuple(_data_sets(story, made))
    said = {
        "NAME": f"Campaign {story.campaign}", "ID": iris.campaign(story.campaign),
        "ACCESS": story.access.level.value, "CONTACT": story.access.contact,
    }  # fmt: skip
    return Plan(
        story.campaign, code_of(story.campaign), _clean(said), tuple(made.things.values()),
        data_sets,
    )  # fmt: skip


class _Things:
    def __init__(self, story: Story) -> None:
        self._story = story
        self.things: dict[str, Thing] = {}
        self.of_result: dict[str, str] = {}
        """Of each result that is an object of its own its code."""

    def fill(self) -> None:
        """Make all of them, in the order in which they came to be."""
        steps: list[tuple[int, int, Any]] = []
        for sample in self._story.samples.values():
            steps += [(state.entry.offset, n, (sample, state))
                      for n, state in enumerate(sample.states)]  # fmt: skip
        steps += [(each.entry.offset, 0, each) for each in self._story.results.values()]
        for _, _, step in sorted(steps, key=lambda each: each[:2]):
            if isinstance(step, Result):
                self._process(step)
            else:
                self._state(*step)

    def _state(self, sample: Sample, state: State) -> None:
        kind = _KINDS.get(sample.kind, COMPONENT)
        if state is sample.states[0]:
            self._sample(sample, kind)
        if kind not in _STATES:
            return
        before = sample.states.index(state) - 1
        parents = [code_of(sample.id)]
        if before >= 0:
            parents.append(state_code(sample, sample.states[before]))
        if state.result in self.of_result:
            parents.append(self.of_result[state.result])
        self._add(
            _STATES[kind], state_code(sample, state), iris.sample_state(sample.id, state.index),
            parents,
            NAME=f"{sample.id}: {state.index} {state.label}", LABEL=state.label,
            INDEX=str(state.index), AT=timestamp(state.at), LOCATION=state.location,
            RESULT=state.result, SIMULATED=_flag(sample.simulated),
            ACCESS=sample.access.level.value,
            PROTOCOL=str(state.properties.get("protocol", "")),
            PROTOCOL_HASH=str(state.properties.get("protocol_hash", "")),
            DETAILS=_details(state.properties),
        )  # fmt: skip

    def _sample(self, sample: Sample, kind: str) -> None:
        birth = sample.states[0]
        parents = [code_of(each) for each in sample.parents]
        if birth.result in self.of_result:
            parents = [self.of_result[birth.result]]
        by = self._story.results.get(birth.result)
        self._add(
            kind, code_of(sample.id), iris.sample(sample.id), parents,
            NAME=sample_title(sample), LABEL=sample.kind, AT=timestamp(birth.at),
            BEGUN=timestamp(by.begun) if by else "", ENDED=timestamp(by.ended) if by else "",
            RESULT=birth.result, SIMULATED=_flag(sample.simulated),
            ACCESS=sample.access.level.value, CONTACT=sample.access.contact,
            DETAILS=_details(birth.properties),
        )  # fmt: skip

    def _process(self, result: Result) -> None:
        births = [step for step in result.body["samples"] if step["state"] == 0]
        cells = [each for each in births if _KINDS.get(each["kind"]) == CELL]
        known = self._story.samples
        quantity, method = result.capability
        if cells:
            parts = self._parts(result)
            made_of = dict.fromkeys(p for each in cells for p in each["parents"] if p in known)
            self._add_process(ASSEMBLY, result, [*map(code_of, made_of), *parts])
        elif _CYCLING.search(quantity) or _CYCLING.search(method):
            about = [known[each] for each in result.about if _KINDS.get(known[each].kind) == CELL]
            if about:
                parents = [code for each in about for code in self._before(each, result)]
                self._add_process(CYCLING_PROCESS, result, parents)

    def _before(self, cell: Sample, result: Result) -> Iterator[str]:
        """Yield the cell, and the state it was in when a process began."""
        yield code_of(cell.id)
        earlier = [
            each for each in cell.states
            if each.entry.offset < result.entry.offset and each.result != result.id
        ]  # fmt: skip
        if earlier:
            yield state_code(cell, earlier[-1])

    def _parts(self, result: Result) -> Iterator[str]:
        """Yield the codes of a cell's parts; the same part is one component in every campaign."""
        cell = _map(result.body["data"].get("cell")) or _map(result.body["parameters"].get("cell"))
        chemistry, lots = _map(cell.get("battery_chemistry")), _map(result.body["data"].get("lots"))
        for role in _PARTS:
            if not (what := _map(chemistry.get(role)) or _map(cell.get(role))):
                continue
            identity = {"role": role, **plain(what), "lot": lots.get(role, "")}
            text = json.dumps(identity, sort_keys=True)
            code = f"PART-{sha256(text.encode()).hexdigest()[:24].upper()}"
            self._add(
                COMPONENT, code, f"urn:labmesh:part:{code.removeprefix('PART-').lower()}", [],
                NAME=f"{role}: {_material(what)}", LABEL=role, DETAILS=_details(identity),
                AT=timestamp(result.begun), SIMULATED=_flag(result.simulated),
            )  # fmt: skip
            yield code

    def _add_process(self, kind: str, result: Result, parents: list[str]) -> None:
        code = f"{'ASSEMBLY' if kind == ASSEMBLY else 'CYCLING'}-{result.id.upper()}"
        provenance = result.body["provenance"]
        asked = result.body["parameters"]
        self.of_result[result.id] = code
        self._add(
            kind, code, iris.record(result.id), parents,
            NAME=result_title(result), LABEL=result.body["outcome"],
            BEGUN=timestamp(result.begun), ENDED=timestamp(result.ended),
            AT=timestamp(result.ended), RESULT=result.id,
            INSTRUMENT=provenance.get("instrument", "") or result.entry.author,
            SOFTWARE=provenance.get("software", ""), SIMULATED=_flag(result.simulated),
            PROTOCOL=str(asked.get("cycling_protocol") or ""),
            ACCESS=result.access.level.value, CONTACT=result.access.contact,
            DETAILS=_details(asked),
        )  # fmt: skip

    def _add(self, kind: str, code: str, subject: str, parents: list[str], **said: str) -> None:
        there = tuple(dict.fromkeys(each for each in parents if each in self.things))
        if code not in self.things:
            self.things[code] = Thing(kind, code, subject, there, _clean({"ID": subject, **said}))


def state_code(sample: Sample, state: State) -> str:
    """Return the code of a state of a sample."""
    return f"{code_of(sample.id)}_S{state.index}"


def timestamp(nanoseconds: int) -> str:
    """Return a point in time as openBIS reads it."""
    return datetime.fromtimestamp(nanoseconds // 10**9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S +0000")


def _data_sets(story: Story, made: _Things) -> Iterator[DataSet]:
    documents = Documents(story)
    for result in story.results.values():
        artifacts: dict[str, ArtifactRef] = {}
        taken = {"result.json", "metadata.jsonld"}
        for each in result.files:
            artifacts[free_name(each.name, taken)] = each
        left = result.withheld_files
        said = {
            "NAME": result_title(result), "AT": timestamp(result.ended), "RESULT": result.id,
            "SIMULATED": _flag(result.simulated), "ACCESS": result.access.level.value,
            "CONTACT": result.access.contact,
            "NOTE": f"{left} files are restricted and not here" if left else "",
        }  # fmt: skip
        yield _data_set(
            RESULT_DATA, made.of_result.get(result.id) or _owner(story, result),
            iris.record(result.id), said, [result.entry],
            partial(_of_result, documents, result),
            artifacts,
        )  # fmt: skip
    for sample in story.samples.values():
        if sample.kind not in _KINDS:
            continue
        said = {
            "NAME": f"{sample.id} and its history as linked data",
            "AT": timestamp(sample.states[-1].at), "SIMULATED": _flag(sample.simulated),
            "ACCESS": sample.access.level.value,
        }  # fmt: skip
        yield _data_set(
            LINKED_DATA, code_of(sample.id), iris.sample(sample.id), said,
            documents.history(sample),
            partial(_of_sample, documents, sample), {},
        )  # fmt: skip


def _of_result(documents: Documents, result: Result) -> dict[str, bytes]:
    return {
        "result.json": documents.result(result),
        "metadata.jsonld": documents.result_linked(result),
    }


def _of_sample(documents: Documents, sample: Sample) -> dict[str, bytes]:
    return {"metadata.jsonld": documents.sample_linked(sample)}


def _data_set(
    kind: str,
    owner: str,
    subject: str,
    said: dict[str, str],
    entries: list[JournalEntry],
    documents: Callable[[], dict[str, bytes]],
    artifacts: dict[str, ArtifactRef],
) -> DataSet:
    # Of the record's own hashes, not of the documents: those another version may write otherwise.
    hashes = sorted(each.sha256 for each in artifacts.values())
    basis = [[entry.body_hash.hex() for entry in entries], hashes]
    content = sha256(json.dumps(basis).encode()).hexdigest()
    said = _clean({"ID": subject, **said, "SHA256": content})
    return DataSet(kind, owner, subject, content, said, documents, artifacts)


def _owner(story: Story, result: Result) -> str:
    """Return what a result that is no object of its own belongs to: the one thing it is about."""
    for wanted in (CELL, ELECTROLYTE):
        about = [each for each in result.about
                 if _KINDS.get(story.samples[each].kind) == wanted]  # fmt: skip
        if len(about) == 1:
            return code_of(about[0])
        if about:
            return ""
    return code_of(result.about[0]) if len(result.about) == 1 else ""


def _details(value: JsonObject) -> str:
    text = json.dumps(plain(value), sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _DETAILS else f"{text[: _DETAILS - 3]}..."


def _material(part: JsonObject) -> str:
    material = part.get("material", "")
    names = [
        str(_map(each.get("chemical")).get("name", ""))
        for each in _map(material).get("components", ())
    ]
    return ", ".join(filter(None, names)) or str(material)[:80]


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _clean(said: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in said.items() if value}
