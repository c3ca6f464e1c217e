"""The store follows the ledger: without a gap, after a crash, after the ledger became another."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from uuid import UUID

import pytest

from labmesh.record import JournalEntry
from messages.chain import canonical, hash_body, hash_entry
from messages.errors import LabmeshError
from messages.ids import new_id
from messages.ledger import EntryKind
from nodes.search._desk import Desk
from nodes.search._keeper import Keeper
from nodes.search._scribe import Scribe, edition, ontology_text
from nodes.search._store import TripleStore
from tests.nodes.search.conftest import Local, follower, quiet

MEMORY = 8 * 1024**3


class Ledger:
    """A ledger of chosen entries, rechained."""

    def __init__(self, entries: list[JournalEntry]) -> None:
        self.entries_: list[JournalEntry] = []
        for entry in entries:
            self.add(entry)

    def add(self, entry: JournalEntry) -> None:
        before = self.entries_[-1].hash if self.entries_ else bytes(32)
        offset, body_hash = len(self.entries_), hash_body(canonical(entry.body or {}))
        made = hash_entry(
            offset=offset, uuid=str(entry.uuid), kind=entry.kind.value, stamp=entry.stamp,
            load_time=entry.load_time, author=entry.author, type=entry.type,
            schema=entry.schema_hash, body_hash=body_hash, prev_hash=before,
        )  # fmt: skip
        self.entries_.append(
            dataclasses.replace(
                entry, offset=offset, prev_hash=before, body_hash=body_hash, hash=made
            )
        )

    async def head(self) -> tuple[int, bytes]:
        if not self.entries_:
            return -1, bytes(32)
        return self.entries_[-1].offset, self.entries_[-1].hash

    async def entries(
        self, start: int = 0, until: int | None = None, kinds: Collection[EntryKind] = ()
    ) -> AsyncIterator[JournalEntry]:
        end = len(self.entries_) if until is None else until + 1
        for entry in self.entries_[max(start, 0) : end]:
            if not kinds or entry.kind in kinds:
                yield entry

    async def artifact(self, sha256: str) -> Path | None:
        return None


def declared(like: JournalEntry, subject: str, name: str, level: str) -> JournalEntry:
    """Return a person's declaration of access, as an entry."""
    body = {
        **(like.body or {}), "request": None, "token": None, "quantity": "access",
        "method": "declaration", "parameters": {"subject": subject, "name": name},
        "outcome": "resolved", "failure": None,
        "rating": None, "campaign": None, "samples": [], "artifacts": [],
        "data": {"subject": subject, "name": name, "level": level, "person": "Ada"},
    }  # fmt: skip
    return dataclasses.replace(like, uuid=UUID(str(new_id())), body=body)


def values(desk: Desk, *, inside: bool) -> set[str]:
    found = desk.find({"quantity": "conductivity", "limit": 500}, inside=inside, provenance=False)
    return {each["result"] for each in found["found"]}


def triples(desk: Desk) -> str:
    """Return a digest of everything that anybody may see."""
    made = desk.sparql(
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", inside=True, graph="ntriples",
        rows=10**6, size=2**30,
    )  # fmt: skip
    return hashlib.sha256("".join(sorted(made["text"].splitlines())).encode()).hexdigest()


async def test_growing_in_steps_makes_the_same_store(
    entries: list[JournalEntry], lab: Desk
) -> None:
    ledger, store = Ledger([]), Local()
    one = follower(ledger, store)
    await one.catch_up(quiet)
    for part in (entries[:7], entries[7:8], entries[8:]):
        for entry in part:
            ledger.add(entry)
        await one.catch_up(quiet)
        assert one.place.offset == len(ledger.entries_) - 1 == store.desk.state()["offset"]
    assert not store.emptied
    assert triples(store.desk) == triples(lab)


async def test_another_follower_goes_on_where_the_store_is(entries: list[JournalEntry]) -> None:
    ledger, store = Ledger(entries[:40]), Local()
    await follower(ledger, store).catch_up(quiet)
    for entry in entries[40:]:
        ledger.add(entry)
    said: list[str] = []
    again = follower(ledger, store, said)
    await again.catch_up(quiet)
    assert not said
    assert again.place.offset == len(entries) - 1


@pytest.mark.parametrize("running", [True, False])
async def test_a_ledger_with_another_past_makes_the_store_anew(
    entries: list[JournalEntry], *, running: bool
) -> None:
    store, said = Local(), list[str]()
    first = Ledger(entries[:30])
    one = follower(first, store, said)
    await one.catch_up(quiet)
    other = Ledger([*entries[:10], *entries[15:40]])
    if not running:
        one = follower(other, store, said)
    first.entries_ = other.entries_
    await one.catch_up(quiet)
    assert store.emptied == 1
    assert "another one" in said[0]
    clean = Local()
    await follower(other, clean).catch_up(quiet)
    assert triples(store.desk) == triples(clean.desk)


async def test_a_shorter_ledger_makes_the_store_anew(entries: list[JournalEntry]) -> None:
    store, said = Local(), list[str]()
    ledger = Ledger(entries[:30])
    one = follower(ledger, store, said)
    await one.catch_up(quiet)
    del ledger.entries_[15:]
    await one.catch_up(quiet)
    assert said == ["the ledger ends at 14, the store at 29"]
    assert store.desk.state()["offset"] == 14


async def test_what_is_confidential_is_seen_inside_only(entries: list[JournalEntry]) -> None:
    results = [e for e in entries if e.kind is EntryKind.RESULT]
    secret = next(e for e in reversed(results) if (e.body or {})["quantity"] == "conductivity")
    ledger = Ledger([*entries[:20], *entries[-30:]])
    ledger.add(declared(results[-1], "result", str(secret.uuid), "confidential"))
    store = Local()
    await follower(ledger, store).catch_up(quiet)
    assert str(secret.uuid) in values(store.desk, inside=True)
    assert values(store.desk, inside=True) - values(store.desk, inside=False) == {str(secret.uuid)}
    query = f"SELECT * {{ ?s ?p ?o FILTER(CONTAINS(STR(?s), '{secret.uuid}#')) }}"
    outside = store.desk.sparql(query, inside=False, rows=10, size=2**20)
    inside = store.desk.sparql(query, inside=True, rows=10, size=2**20)
    assert (outside["rows"], inside["rows"]) == (0, 10)
    with pytest.raises(LabmeshError):
        store.desk.related(str(secret.uuid), limit=3, inside=False, provenance=False)
    near = store.desk.related(next(iter(values(store.desk, inside=False))), limit=200,
                              inside=False, provenance=True)  # fmt: skip
    assert str(secret.uuid) not in str(near)


async def test_a_later_declaration_takes_back_what_was_open(entries: list[JournalEntry]) -> None:
    results = [e for e in entries if e.kind is EntryKind.RESULT]
    secret = next(e for e in reversed(results) if (e.body or {})["quantity"] == "conductivity")
    some = [*entries[:20], *entries[-30:]]
    ledger, store, said = Ledger(some), Local(), list[str]()
    one = follower(ledger, store, said)
    await one.catch_up(quiet)
    assert str(secret.uuid) in values(store.desk, inside=False)
    ledger.add(declared(results[-1], "campaign", "another", "confidential"))
    await one.catch_up(quiet)
    emptied: int = store.emptied
    assert emptied == 0, "nothing of that campaign is there"
    ledger.add(declared(results[-1], "result", str(secret.uuid), "confidential"))
    await one.catch_up(quiet)
    emptied = store.emptied
    assert emptied == 1
    assert "may leave the site has changed" in said[0]
    assert str(secret.uuid) not in values(store.desk, inside=False)
    ledger.add(declared(results[-1], "result", str(secret.uuid), "public"))
    await follower(ledger, store, said).catch_up(quiet)
    emptied = store.emptied
    assert emptied == 2, "and one that starts afterwards finds it, too"
    assert str(secret.uuid) in values(store.desk, inside=False)


async def test_an_entry_that_cannot_be_described_hides_no_other(
    entries: list[JournalEntry],
) -> None:
    ledger, store = Ledger(entries[:30]), Local()
    odd = dataclasses.replace(ledger.entries_[25], body={"quantity": 7})
    ledger.entries_[25] = odd
    failed: list[tuple[int, str]] = []
    one = follower(ledger, store)
    one._on_failure = lambda offset, why: failed.append((offset, why))
    await one.catch_up(quiet)
    assert [offset for offset, _ in failed] == [25]
    assert one.place.offset == 29
    assert one.failed == 1


LOADER = """
import sys
from pathlib import Path
from nodes.search._store import Place, TripleStore
store = TripleStore(Path(sys.argv[1]))
texts = Path(sys.argv[2]).read_text().split("\\x00")
for offset in range(store.place().offset + 1, 10**6):
    text = texts[offset % len(texts)].replace("urn:uuid:", f"urn:uuid:{offset}-")
    store.take([(offset, text, True)], Place(offset, f"{offset:064x}", "x"))
    print(offset, flush=True)
"""


def test_kill_9_while_loading_leaves_a_store_that_goes_on(
    entries: list[JournalEntry], tmp_path: Path
) -> None:
    scribe = Scribe()
    for entry in entries[:30]:
        scribe.hear(entry)
    texts = [text for _, text, _ in scribe.describe(entries[:30]).documents]
    (tmp_path / "texts").write_text("\0".join(texts))
    place = tmp_path / "store"
    store = TripleStore(place)
    store.found(ontology_text(), edition())
    del store
    reached = -1
    for pause in (0.05, 0.013):
        process = subprocess.Popen(
            [sys.executable, "-c", LOADER, str(place), str(tmp_path / "texts")],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
        process.wait()
        process.stdout.close()
        desk = Desk(TripleStore(place))
        offset = desk.state()["offset"]
        assert offset > reached
        assert offset >= (int(rest[-1]) if rest else 0), "what was said to be taken is there"
        for each in (offset, offset + 1):
            text = texts[each % len(texts)].replace("urn:uuid:", f"urn:uuid:{each}-")
            name = text.partition("urn:uuid:")[2].partition(">")[0].partition("#")[0]
            if not name.startswith(f"{each}-"):
                continue
            ask = f"ASK {{ {{ <urn:uuid:{name}> ?p ?o }} UNION {{ ?s ?q <urn:uuid:{name}> }} }}"
            found = desk.sparql(ask, inside=True, rows=1, size=99)
            assert ("true" in found["text"]) == (each == offset), "a whole entry, or nothing of it"
        reached = offset
        del desk


async def test_the_process_is_ended_where_a_query_takes_too_long(
    entries: list[JournalEntry], tmp_path: Path
) -> None:
    keeper = Keeper(tmp_path / "store", memory=MEMORY)
    try:
        await follower(Ledger(entries[:30]), keeper).catch_up(quiet)
        forever = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
        slow = asyncio.create_task(
            keeper.ask("sparql", seconds=0.3, query=forever, inside=True, rows=1, size=99)
        )
        await asyncio.sleep(0.1)
        other = asyncio.create_task(
            keeper.ask("sparql", seconds=30, query=forever[:24] + " { ?a ?b <urn:x> }",
                       inside=True, rows=1, size=99)
        )  # fmt: skip
        with pytest.raises(LabmeshError, match=r"ended after 0\.3 s"):
            await slow
        assert '"0"' in (await other)["text"]
        assert (await keeper.ask("state"))["offset"] == 29
        second = follower(Ledger(entries[:30]), Keeper(tmp_path / "store", memory=MEMORY))
        with pytest.raises(LabmeshError, match=r"the triple store cannot be opened.*lock"):
            await second.catch_up(quiet)
        await keeper.close()
        (tmp_path / "store" / "CURRENT").write_text("rubbish")
        said: list[str] = []
        await follower(Ledger(entries[:30]), keeper, said).catch_up(quiet)
        assert "the triple store cannot be opened" in said[0]
        assert (await keeper.ask("state"))["offset"] == 29
        with pytest.raises(LabmeshError, match="this is no SPARQL query"):
            await keeper.ask("sparql", query="x", inside=True, rows=1, size=99)
    finally:
        await keeper.close()
