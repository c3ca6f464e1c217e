"""Each of the 28 requirements holds for both recorded labs, and fails where it should."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labmesh.fair import REQUIREMENTS, Verdict
from labmesh.fair._case import Case, key_of, notes_of
from labmesh.fair._check import judge
from labmesh.fair._exhibit import Exhibit
from labmesh.fair._found import CHECKS, Found
from labmesh.record import JournalEntry
from messages.reproducibility import REPRODUCIBILITY
from tests.labmesh.fair.conftest import EVERY

PREDICTION = ("degradation_eol", "degradation_model")
CYCLING = ("capacity", "cycling")
PROPOSAL = ("campaign", "proposal")
BOTTLE = ("stock_solution", "weighing")
LITERATURE = ("conductivity", "literature")


def test_there_are_28_and_each_has_a_check_and_a_command() -> None:
    assert [each.number for each in REQUIREMENTS] == list(range(1, 29)) == sorted(CHECKS)
    for each in REQUIREMENTS:
        assert each.words
        assert each.section
        assert each.command.startswith("labmesh ")


@pytest.mark.parametrize("lab", ["eol", "conductivity"])
def test_all_of_them_hold(lab: str, request: pytest.FixtureRequest) -> None:
    exhibit: Exhibit = request.getfixturevalue(lab)
    assert exhibit.summary is not None, exhibit.broken
    answers = judge(exhibit, EVERY)
    told = {a.requirement.number: a.why for a in answers if a.verdict is not Verdict.HOLDS}
    assert told == {}
    assert all(answer.evidence for answer in answers)
    assert not any(re.search(r"\b(CAMPAIGN|SAMPLE)\b", answer.command) for answer in answers)


# -- A record in which one thing is not as it should be -----------------------------------


def doctored(
    exhibit: Exhibit, key: tuple[str, str], change: Callable[[dict[str, Any]], Any]
) -> Exhibit:
    """Return a copy of the exhibit, the body of the first result of a capability changed."""

    def spoilt(entries: list[JournalEntry]) -> list[JournalEntry]:
        found = []
        for entry in entries:
            if str(entry.uuid) == target:
                entry = replace(entry, body=body)  # noqa: PLW2901
            found.append(entry)
        return found

    first = next(entry for entry in exhibit.case.everything if key_of(entry) == key)
    target, body = str(first.uuid), deepcopy(first.body)
    assert body is not None
    change(body)
    case = copied(exhibit.case)
    case.results, case.earlier = spoilt(case.results), spoilt(case.earlier)
    case.entries = spoilt(case.entries)
    case.declarations = spoilt(case.declarations)
    return shown(exhibit, case)


def copied(case: Case) -> Case:
    """Return a copy whose own lists and maps may be changed."""
    other = replace(case)
    for name in ("requests", "capabilities", "workers", "uuids"):
        setattr(other, name, dict(getattr(case, name)))
    for name in ("entries", "results", "earlier", "deposits", "declarations"):
        setattr(other, name, list(getattr(case, name)))
    return other


def shown(exhibit: Exhibit, case: Case) -> Exhibit:
    """Return an exhibit of another case, with the same crate and copy."""
    return Exhibit(
        case, exhibit.description, exhibit.summary, exhibit.bodies, exhibit.copy, exhibit.heads,
        exhibit.broken,
    )  # fmt: skip


def crate_of(exhibit: Exhibit, folder: Path) -> Exhibit:
    """Return an exhibit with a crate of its own, to be spoilt."""
    assert exhibit.summary is not None
    shutil.copytree(exhibit.folder, folder / "crate")
    other = shown(exhibit, exhibit.case)
    other.summary = replace(exhibit.summary, path=folder / "crate")
    return other


def fails(exhibit: Exhibit, number: int, words: str) -> Found:
    found = CHECKS[number](exhibit)
    assert found.verdict is Verdict.FAILS, found
    assert re.search(words, found.why), found.why
    return found


def note(body: dict[str, Any]) -> dict[str, Any]:
    return body["provenance"]["notes"][REPRODUCIBILITY]  # type: ignore[no-any-return]


OF_A_RESULT: list[tuple[int, tuple[str, str], Callable[[dict[str, Any]], Any], str]] = [
    (7, PREDICTION, lambda b: note(b).update(seeds=[1]), "are not what their hash says"),
    (7, PREDICTION, lambda b: b["parameters"].update(x=1), "are not what their hash says"),
    (7, PREDICTION, lambda b: note(b).pop("metadata_sha256"), "has no hash"),
    (8, PROPOSAL, lambda b: b["data"].update(request="0" * 32), "says why request"),
    (8, PROPOSAL, lambda b: b["data"]["knew"].update(sha256=""), "does not say what was known"),
    (9, PREDICTION, lambda b: b["provenance"].update(software=""), "neither software nor source"),
    (9, PREDICTION, lambda b: b["provenance"]["notes"].pop("rests_on_simulated"),
     "rests on simulated data and does not say so"),
    (9, CYCLING, lambda b: b.update(rating=None), "has no rating"),
    (12, BOTTLE, lambda b: b.update(parameters={}, data={}), "nobody says what stock-"),
    (13, CYCLING, lambda b: b["provenance"].update(instrument=""), "does not name its instrument"),
    (13, CYCLING, lambda b: b["provenance"]["notes"].update(protocol_hash="0" * 64),
     "was not frozen"),
    (13, ("cycling_protocol", "freezing"), lambda b: b["data"]["canonical"].update(x=1),
     "is not what its fingerprint says"),
    (14, CYCLING, lambda b: b["provenance"].update(begun=None), "when it began and ended"),
    (15, CYCLING, lambda b: b["artifacts"][0].update(media_type=""), "has no media type"),
    (15, CYCLING, lambda b: b["provenance"].update(software="mine"), "no version of its software"),
    (16, PREDICTION, lambda b: note(b)["hardware"].update(cpu=""), "does not say: computer$"),
    (16, PREDICTION, lambda b: note(b).update(code={}), "does not say: code$"),
    (17, PREDICTION, lambda b: note(b).pop("initial_parameters"), "say: initial_parameters"),
    (17, PREDICTION, lambda b: note(b).update(training_sha256="0" * 64), "differ in their data"),
    (18, BOTTLE, lambda b: b.update(parameters={}, data={}), "of whose materials nothing is known"),
    (25, PREDICTION, lambda b: b["data"]["prediction"]["end_of_life"].update(value="much"),
     "is not of type"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "key", "change", "words"),
    OF_A_RESULT,
    ids=[f"{number}: {words}" for number, _, _, words in OF_A_RESULT],
)
def test_it_fails_for_a_result_that_lacks_it(
    eol: Exhibit,
    number: int,
    key: tuple[str, str],
    change: Callable[[dict[str, Any]], Any],
    words: str,
) -> None:
    exhibit = doctored(eol, key, change)
    exhibit.__dict__["violations"] = ()
    fails(exhibit, number, words)


@pytest.mark.parametrize("number", [1, 4])
def test_1_and_4_what_is_not_of_the_vocabulary(eol: Exhibit, number: int) -> None:
    import rdflib

    spoilt = rdflib.Graph()
    stranger = rdflib.URIRef("https://example.org/Vibes")
    for triple in eol.graph:
        spoilt.add(triple)
    a_result = next(e for e in eol.case.everything if key_of(e) == PREDICTION)
    subject = rdflib.URIRef(f"urn:uuid:{a_result.uuid}")
    exhibit = shown(eol, eol.case)
    exhibit.__dict__["violations"] = eol.violations
    exhibit.__dict__["graph"] = spoilt
    if number == 1:
        spoilt.remove((subject, None, None))
        fails(exhibit, 1, f"{a_result.uuid} is not described")
    else:
        spoilt.add((subject, rdflib.RDF.type, stranger))
        fails(exhibit, 4, "https://example.org/Vibes is no term")


def test_1_and_25_what_a_shape_forbids(eol: Exhibit) -> None:
    from labmesh.semantics import Violation

    exhibit = shown(eol, eol.case)
    exhibit.__dict__["graph"] = eol.graph
    exhibit.__dict__["violations"] = (
        Violation("violation", "urn:x", "", "a temperature below zero", "-1", "urn:shape"),
    )
    for number in (1, 25):
        fails(exhibit, number, "a temperature below zero")


def test_2_an_identifier_that_is_there_twice(eol: Exhibit) -> None:
    case = copied(eol.case)
    name = next(name for name in case.uuids if name.startswith("result"))
    case.uuids[name] = [1, 2]
    fails(shown(eol, case), 2, "is in the ledger 2 times")


def test_2_a_deposit_without_a_name(eol: Exhibit) -> None:
    case = copied(eol.case)
    template = case.results[0]
    case.deposits = [replace(template, body={"data": {"pid": "", "record": ""}})]
    fails(shown(eol, case), 2, "neither a PID nor a record")
    case.deposits = [replace(template, body={"data": {"pid": "10.5072/1", "record": "1"}})]
    found = CHECKS[2](shown(eol, case))
    assert found.verdict is Verdict.HOLDS
    assert (found.evidence["PIDs"], found.remains) == (1, "")


def test_3_an_import_without_its_licence(conductivity: Exhibit) -> None:
    def change(body: dict[str, Any]) -> None:
        body["provenance"]["source"]["licence"] = ""

    exhibit = doctored(conductivity, LITERATURE, change)
    exhibit.__dict__["graph"] = conductivity.graph
    fails(exhibit, 3, "lacks its source's DOI or licence")


def of_the_root(exhibit: Exhibit, **changes: Any) -> Exhibit:
    other = shown(exhibit, exhibit.case)
    entities = deepcopy(exhibit.entities)
    entities["./"].update(changes)
    other.__dict__["entities"] = entities
    return other


@pytest.mark.parametrize(
    ("number", "changes", "words"),
    [
        (5, {"keywords": "vibes"}, "no keyword is a term.*'vibes' is no term"),
        (6, {"version": "the latest"}, "no semantic or calendar version"),
        (6, {"datePublished": "soon"}, "is no date"),
        (10, {"license": None}, "the crate has no license"),
        (23, {"license": {"@id": "https://example.org/mine"}}, "is no known licence"),
        (23, {"license": None}, "names no licence"),
        (26, {"retain_until": "2030-01-01"}, "and 10 are required"),
    ],
)
def test_a_crate_that_says_too_little(
    eol: Exhibit, number: int, changes: dict[str, Any], words: str
) -> None:
    exhibit = of_the_root(eol, **changes)
    exhibit.__dict__["findings"] = ()
    fails(exhibit, number, words)


def test_10_a_damaged_crate(eol: Exhibit, tmp_path: Path) -> None:
    exhibit = crate_of(eol, tmp_path)
    (exhibit.folder / "results.json").write_text("[]")
    fails(exhibit, 10, "results.json")


def test_11_a_file_that_was_left_behind(eol: Exhibit, tmp_path: Path) -> None:
    exhibit = crate_of(eol, tmp_path)
    (exhibit.folder / "metadata.jsonld").unlink()
    assert exhibit.summary is not None
    exhibit.summary = replace(exhibit.summary, missing=("ab" * 32,))
    fails(exhibit, 11, "metadata.jsonld is not in the crate; file abababababab could not be had")


def test_14_a_state_without_a_time(eol: Exhibit) -> None:
    case = copied(eol.case)
    case.samples = deepcopy(case.samples)
    sample = case.own_samples[0]
    case.samples.states[sample][0].body["at"] = 0
    fails(shown(eol, case), 14, f"a state of {sample} has no time")


def test_19_words_that_nobody_knows(eol: Exhibit) -> None:
    import rdflib

    exhibit = shown(eol, eol.case)
    exhibit.__dict__["graph"] = rdflib.Graph().parse(
        data="<urn:a> a <https://example.org/B> .", format="turtle"
    )
    fails(exhibit, 19, "nothing is of an EMMO class.*no property of PROV is used")


class Secretive:
    """A book in which one result is confidential."""

    def __init__(self, exhibit: Exhibit, uuid: object) -> None:
        self._book = exhibit.case.book
        self._uuid = uuid

    def may_leave(self, entry: JournalEntry) -> bool:
        return entry.uuid != self._uuid

    def __getattr__(self, name: str) -> Any:
        return getattr(self._book, name)


def test_20_a_secret_in_the_crate(eol: Exhibit) -> None:
    case: Any = copied(eol.case)
    cycled = next(entry for entry in case.results if key_of(entry) == CYCLING)
    case.book = Secretive(eol, cycled.uuid)
    found = fails(shown(eol, case), 20, "is in the crate")
    assert any("results.json" in fault for fault in found.faults)
    assert any("is in the crate's ledger" in fault for fault in found.faults)
    assert any(".parquet of capacity/cycling" in fault for fault in found.faults)


class Declared:
    """A book with declarations of its own."""

    def __init__(self, exhibit: Exhibit, **said: Any) -> None:
        from messages.access import Access, DeclarationOutput, Embargo, Level

        embargo = Embargo(until="2030-01-01", reason="") if said.pop("embargo", None) else None
        owner = said.pop("owner", "")
        self.declared = {
            ("campaign", "eol"): DeclarationOutput.model_construct(
                subject="campaign", name="eol", level="restricted", embargo=embargo,
                contact="", owner=owner, person="Ada", reason="",
            )
        }  # fmt: skip
        self._access = Access(level=Level.RESTRICTED, owner=owner)

    def of_campaign(self, _name: str) -> Any:
        return self._access


def test_21_restricted_and_nobody_to_ask(eol: Exhibit) -> None:
    case: Any = copied(eol.case)
    case.book = Declared(eol)
    fails(shown(eol, case), 21, "campaign eol is restricted and names nobody to ask")


def test_22_a_table_without_its_csv(eol: Exhibit, tmp_path: Path) -> None:
    exhibit = crate_of(eol, tmp_path)
    for path in (exhibit.folder / "data").rglob("*.csv"):
        path.unlink()
    fails(exhibit, 22, "has no CSV beside it")


def test_24_an_embargo_without_a_reason(eol: Exhibit) -> None:
    case = copied(eol.case)
    data = {
        "subject": "campaign", "name": "eol", "level": "restricted", "contact": "ada@example.org",
        "person": "Ada", "embargo": {"until": "2099-01-01", "reason": ""},
    }  # fmt: skip
    case.declarations = [replace(case.results[0], body={"quantity": "access", "data": data})]
    fails(shown(eol, case), 24, "more than six months, until 2099-01-01, needs a reason")
    data["embargo"] = {"until": "2099-01-01", "reason": "a patent"}
    assert CHECKS[24](shown(eol, case)).verdict is Verdict.HOLDS


def test_25_a_schema_that_takes_anything(eol: Exhibit) -> None:
    case = copied(eol.case)
    case.capabilities[PREDICTION] = {
        **case.capabilities[PREDICTION], "parameters_schema": {}, "result_schema": {},
    }  # fmt: skip
    exhibit = shown(eol, case)
    exhibit.__dict__["violations"] = ()
    fails(exhibit, 25, "would take words for a number")


def test_26_a_ledger_that_lets_itself_be_emptied(eol: Exhibit, tmp_path: Path) -> None:
    assert eol.copy is not None
    exhibit = shown(eol, eol.case)
    exhibit.copy = tmp_path / "open.sqlite"
    shutil.copy(eol.copy, exhibit.copy)
    with sqlite3.connect(exhibit.copy) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        assert names
        for (name,) in names:
            database.execute(f"DROP TRIGGER {name}")
    fails(exhibit, 26, "the ledger allows DELETE")


def test_27_another_ledger_came_back(eol: Exhibit) -> None:
    assert eol.heads is not None
    exhibit = shown(eol, eol.case)
    exhibit.heads = (eol.heads[0], (3, bytes(32)))
    fails(exhibit, 27, "restored, its head is 3")
    exhibit.heads = None
    assert CHECKS[27](exhibit).verdict is Verdict.OPEN


def test_28_an_owner_whom_the_crate_does_not_know(eol: Exhibit) -> None:
    case: Any = copied(eol.case)
    case.book = Declared(eol, owner="Somebody Else")
    fails(shown(eol, case), 28, "Somebody Else owns it, and the crate does not say so")


def test_what_says_nothing_of_models_is_open_and_not_green(eol: Exhibit) -> None:
    case = copied(eol.case)
    case.results = [
        entry
        for entry in case.results
        if case.worker(entry) != "model" and REPRODUCIBILITY not in notes_of(entry)
    ]
    case.earlier = []
    answers = judge(shown(eol, case), [7, 16, 17])
    assert {answer.verdict for answer in answers} == {Verdict.OPEN}
    assert json.dumps([answer.plain() for answer in answers])
