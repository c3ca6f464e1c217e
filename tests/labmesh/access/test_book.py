"""The book of access: what hangs on what, and that stricter never means more visible."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from labmesh.access import OPEN, AccessBook, Level, withheld, withheld_hash
from labmesh.cli._tail import entry_of
from labmesh.record import JournalEntry
from messages.access import (
    DECLARATION,
    DeclarationInput,
    DeclarationOutput,
    Embargo,
    day_of,
    retain_until,
)
from messages.model import JsonObject

YEAR_2026 = 1_767_225_600_000_000_000


@dataclass(frozen=True)
class E:
    """An entry."""

    kind: str
    uuid: UUID
    body: JsonObject | None = field(hash=False)


def uid(number: int) -> UUID:
    return UUID(int=number)


def request(number: int, campaign: str | None = None, **fields: Any) -> E:
    body = {"quantity": "q", "method": "m", "parameters": {}, "campaign": campaign, **fields}
    return E("request", uid(number), body)


def result(number: int, **fields: Any) -> E:
    body = {
        "quantity": "q", "method": "m", "parameters": {}, "outcome": "resolved", "data": {},
        "request": None, "campaign": None, "samples": [], "artifacts": [], **fields,
    }  # fmt: skip
    return E("result", uid(number), body)


def born(sample: str, *parents: str) -> JsonObject:
    return {"sample": sample, "kind": "vial", "state": 0, "label": "made", "parents": list(parents)}


def step(sample: str, state: int = 1) -> JsonObject:
    return {"sample": sample, "kind": "vial", "state": state, "label": "used", "parents": []}


def state(number: int, sample: str, by: int) -> E:
    return E("sample", uid(number), {"sample": sample, "result": str(uid(by)), "parents": []})


def declared(number: int, subject: str, name: str, level: str, **fields: Any) -> E:
    quantity, method = DECLARATION
    contact = "" if level != "restricted" else "ada@example.org"
    said = {"subject": subject, "name": name, "level": level, "contact": contact, "person": "Ada"}
    return result(
        number,
        quantity=quantity,
        method=method,
        parameters={"subject": subject, "name": name},
        data={**said, **fields},
    )


def book_of(*entries: E) -> AccessBook:
    book = AccessBook()
    for entry in entries:
        book.take(entry)
    return book


SHA = "ab" * 32


def test_what_nobody_declared_is_public() -> None:
    entry = request(1, "eol")
    book = book_of(entry, result(2, request=str(uid(1))))
    assert book.of(entry) is OPEN
    assert book.may_leave(entry)
    assert not book.confidential


def test_a_campaign_covers_its_requests_results_states_samples_and_artifacts() -> None:
    asked = request(1, "eol")
    came = result(2, request=str(uid(1)), samples=[born("vial")], artifacts=[{"sha256": SHA}])
    change = E("status", uid(3), {"request": str(uid(1)), "result": str(uid(2))})
    amended = E("result_status", uid(5), {"result": str(uid(2))})
    others = request(6, "other"), result(7, campaign="other")
    book = book_of(asked, came, state(4, "vial", 2), *others)
    book.take(declared(9, "campaign", "eol", "confidential"))
    for entry in (asked, came, change, amended, state(4, "vial", 2)):
        assert not book.may_leave(entry), entry
    assert book.of_sample("vial").confidential
    assert book.of_artifact(SHA).confidential
    assert all(book.may_leave(entry) for entry in others)
    offer = E("offer", uid(8), {"node": "kit/asab"})
    assert book.may_leave(offer)


def test_what_is_declared_of_something_stays_with_it() -> None:
    word = declared(9, "campaign", "eol", "confidential", reason="a patent")
    assert not book_of(word).may_leave(word)


def test_children_are_as_confidential_as_what_they_were_made_of() -> None:
    made = result(1, samples=[born("bottle")])
    mixed = result(2, samples=[born("vial", "bottle")])
    filled = result(3, samples=[born("cell", "vial")])
    book = book_of(made, mixed, filled, declared(9, "sample", "vial", "confidential"))
    assert not book.of_sample("bottle").confidential
    assert book.of_sample("cell").by == ("sample vial",)
    assert [book.may_leave(e) for e in (made, mixed, filled)] == [True, False, False]
    assert not book.may_leave(request(4, from_state={"sample": "cell", "state": 0}))


def test_a_shared_bottle_stays_public_and_so_do_siblings() -> None:
    used = result(1, campaign="secret", samples=[step("bottle"), born("vial", "bottle")])
    batch = result(2, samples=[born("one"), born("two")])
    book = book_of(result(0, samples=[born("bottle")]), used, batch)
    book.take(declared(9, "campaign", "secret", "confidential"))
    book.take(declared(10, "sample", "one", "confidential"))
    assert not book.of_sample("bottle").confidential
    assert not book.may_leave(state(3, "bottle", 1))
    assert book.of_sample("vial").confidential
    assert not book.may_leave(batch)
    assert not book.of_sample("two").confidential


def test_whatever_names_it_in_its_parameters_or_data_is_as_confidential() -> None:
    book = book_of(result(1, samples=[born("cell-7")]), result(2))
    carry = request(3, parameters={"samples": ["cell-7"]})
    trained = result(4, data={"cells": [{"id": {"sample": "cell-7"}}], "x": [1.0, 2.0]})
    about = result(5, parameters={"of": str(uid(2))})
    for entry in (carry, trained, about):
        book.take(entry)
    book.take(declared(9, "sample", "cell-7", "confidential"))
    book.take(declared(10, "result", str(uid(2)), "confidential"))
    assert not any(book.may_leave(entry) for entry in (carry, trained, about))
    assert book.of_new("request", carry.body or {}).confidential


def test_a_request_tells_of_its_answer() -> None:
    asked = request(1, parameters={"formulation": ["a secret"]})
    came = result(2, request=str(uid(1)), samples=[born("vial"), born("other")])
    change = E("status", uid(3), {"request": str(uid(1)), "result": None})
    served = request(4, parent=str(uid(1)))
    book = book_of(declared(8, "result", str(uid(2)), "confidential"), asked, came, served)
    assert not book.may_leave(asked)
    assert not book.may_leave(change)
    assert book.of_request(uid(1)).confidential
    # But not of what else was asked in its service.
    assert book.may_leave(served)
    names = request(5, parameters={"sample": "vial"})
    early = book_of(names, declared(9, "sample", "vial", "confidential"))
    assert not early.may_leave(names)


def test_sub_requests_share_the_access_of_whom_they_serve() -> None:
    book = book_of(request(1, "eol"), request(2, parent=str(uid(1))))
    book.take(declared(9, "campaign", "eol", "confidential"))
    assert not book.may_leave(request(2, parent=str(uid(1))))
    assert book.of_new("request", {"parent": str(uid(2)), "parameters": {}}).confidential


def test_the_last_declaration_of_a_subject_counts() -> None:
    entry = request(1, "eol")
    book = book_of(entry, declared(8, "campaign", "eol", "confidential"))
    assert not book.may_leave(entry)
    book.take(declared(9, "campaign", "eol", "restricted"))
    assert book.of(entry).level is Level.RESTRICTED
    assert book.of(entry).contact == "ada@example.org"


def test_the_strictest_level_and_the_longest_embargo_win() -> None:
    short = {"until": "2027-01-01", "reason": ""}
    long = {"until": "2028-01-01", "reason": "a patent"}
    book = book_of(
        result(1, campaign="eol", samples=[born("cell")]),
        declared(7, "campaign", "eol", "public", embargo=long, contact="Ada", owner="KIT"),
        declared(8, "sample", "cell", "restricted", embargo=short, contact="Eve"),
    )
    found = book.of_result(uid(1))
    assert (found.level, found.contact, found.owner) == (Level.RESTRICTED, "Eve", "KIT")
    assert found.embargo == Embargo(**long)
    assert found.by == ("campaign eol", "sample cell")


def test_an_embargo_ends_by_itself() -> None:
    embargo = {"until": "2027-01-01", "reason": ""}
    said = declared(7, "campaign", "eol", "public", embargo=embargo, contact="Ada")
    found = book_of(said).of_campaign("eol")
    assert found.embargoed(date(2026, 12, 31))
    assert not found.files_open(date(2026, 12, 31))
    assert found.files_open(date(2027, 1, 1))
    assert not found.confidential


def test_a_withheld_entry_is_confidential_to_whoever_reads_it() -> None:
    gone = E("result", uid(1), None)
    told = E("result", uid(1), withheld(b"\1" * 32))
    book = book_of(gone, told)
    assert not book.may_leave(gone)
    assert not book.may_leave(told)
    assert withheld_hash(told.body or {}) == b"\1" * 32
    assert withheld_hash({"withheld": 1}) is None
    item = {
        "offset": 0, "uuid": str(uid(1)), "kind": "result", "stamp": 0, "load_time": 0,
        "author": "kit/asab", "type": "Result@1", "schema_hash": "", "prev_hash": bytes(32),
        "hash": bytes(32),
    }  # fmt: skip
    on_topic = JournalEntry.read({**item, "body": withheld(b"\1" * 32)})
    assert on_topic == JournalEntry.read({**item, "body": None, "body_hash": b"\1" * 32})
    shown = entry_of({**item, "body": None, "body_hash": b"\1" * 32})
    assert withheld_hash(shown.body) == b"\1" * 32


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"level": "restricted"}, "names a contact"),
        ({"level": "public", "embargo": {"until": "2027-01-01"}}, "names a contact"),
        ({"level": "secret"}, "public"),
        ({"level": "public", "embargo": {"until": "2027-02-30"}, "contact": "Ada"}, "day"),
        ({"level": "public", "person": ""}, "at least 1"),
    ],
)
def test_a_declaration_that_makes_no_sense_says_why(fields: JsonObject, words: str) -> None:
    said = {"subject": "campaign", "name": "eol", "person": "Ada", **fields}
    with pytest.raises(ValidationError, match=words):
        DeclarationOutput.model_validate(said)


def test_a_result_is_named_whole() -> None:
    with pytest.raises(ValidationError):
        DeclarationInput(subject="result", name="abcd")


@pytest.mark.parametrize(
    ("until", "reason", "words"),
    [
        ("2026-06-30", "", ""),
        ("2026-12-31", "", "needs a reason"),
        ("2026-12-31", "a patent", ""),
        ("2026-01-01", "", "is over"),
    ],
)
def test_an_embargo_is_compared_with_the_day(until: str, reason: str, words: str) -> None:
    said = DeclarationOutput(
        subject="campaign", name="eol", person="Ada", level="public", contact="Ada",
        embargo=Embargo(until=until, reason=reason),
    )  # fmt: skip
    if not words:
        said.check(date(2026, 1, 1))
        return
    with pytest.raises(ValueError, match=words):
        said.check(date(2026, 1, 1))


def test_everything_is_kept_for_ten_years() -> None:
    assert day_of(YEAR_2026) == date(2026, 1, 1)
    assert retain_until(YEAR_2026) == date(2036, 1, 1)
    leap = 1_709_164_800_000_000_000
    assert (day_of(leap), retain_until(leap)) == (date(2024, 2, 29), date(2034, 3, 1))


# -- for any ledger ---

NAMES = st.sampled_from(["a", "b"])
SAMPLES = st.sampled_from(["s1", "s2", "s3", "s4"])
LEVELS = st.sampled_from(list(Level))


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[list[E], list[E]]:
    """Entries as a ledger could hold them, and declarations for anywhere among them."""
    entries: list[E] = []
    alive: list[str] = []
    for number in range(draw(st.integers(1, 8))):
        campaign = draw(st.none() | NAMES)
        of = draw(st.sampled_from([None, *alive]))
        start = {"sample": of, "state": 0} if of else None
        entries.append(request(100 + number, campaign, from_state=start))
        steps = [step(of)] if of else []
        fresh = f"s{number}"
        if draw(st.booleans()):
            steps.append(
                born(fresh, *draw(st.lists(st.sampled_from(alive), max_size=2)) if alive else ())
            )
            alive.append(fresh)
        data = {"about": draw(st.sampled_from(["nothing", *alive]))}
        entries.append(
            result(200 + number, request=str(uid(100 + number)), campaign=campaign, samples=steps,
                   data=data, artifacts=[{"sha256": f"{number % 3:064x}"}])
        )  # fmt: skip
        entries += [
            state(300 + 10 * number + i, each["sample"], 200 + number)
            for i, each in enumerate(steps)
        ]
    subjects = [("campaign", "a"), ("campaign", "b"), *(("sample", s) for s in alive)]
    subjects += [("result", str(e.uuid)) for e in entries if e.kind == "result"]
    said = [
        declared(900 + i, *draw(st.sampled_from(subjects)), draw(LEVELS))
        for i in range(draw(st.integers(0, 5)))
    ]
    return entries, said


def ranks(book: AccessBook, entries: list[E]) -> list[int]:
    found = [book.of(entry).level.rank for entry in entries]
    return found + [book.of_artifact(f"{n:064x}").level.rank for n in range(3)]


@given(ledgers(), st.data())
def test_a_stricter_declaration_never_makes_anything_more_visible(
    made: tuple[list[E], list[E]], data: st.DataObject
) -> None:
    entries, said = made
    book = book_of(*entries, *said)
    before = ranks(book, entries)
    subject, name = data.draw(
        st.sampled_from([("campaign", "a"), ("campaign", "b"), ("sample", "s0"), ("sample", "s1")])
    )
    now = book.declared.get((subject, name))
    least = now.strictness.rank if now else 0
    level = data.draw(st.sampled_from([each for each in Level if each.rank >= least]))
    book.take(declared(990, subject, name, level.value))
    after = ranks(book, entries)
    assert all(a >= b for a, b in zip(after, before, strict=True))


@given(ledgers(), st.randoms())
def test_when_a_subject_is_declared_does_not_matter(
    made: tuple[list[E], list[E]], shuffler: random.Random
) -> None:
    entries, said = made
    last = {(e.body or {})["data"]["subject"] + (e.body or {})["data"]["name"]: e for e in said}
    usual = book_of(*entries, *said)
    early = book_of(*said, *entries)
    anyhow = list(entries)
    shuffler.shuffle(anyhow)
    shuffled = book_of(*anyhow, *said)
    only_last = list(last.values())
    shuffler.shuffle(only_last)
    mixed = list(entries)
    for each in only_last:
        mixed.insert(shuffler.randrange(len(mixed) + 1), each)
    # Asked in between, too: what is remembered of a lookup must not outlive a change.
    slow = AccessBook()
    for entry in mixed:
        slow.take(entry)
        for each in entries:
            slow.of(each)
    for entry in entries:
        assert usual.of(entry) == early.of(entry) == slow.of(entry) == shuffled.of(entry)
