"""A campaign as the checks see it: its entries, and those of others that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from labmesh.access import AccessBook
from labmesh.history import Gathered
from labmesh.record import JournalEntry, Record
from messages.access import DECLARATION
from messages.archive import DEPOSIT
from messages.campaign import QUANTITY as DECISION
from messages.errors import ConfigurationError
from messages.frozen_protocol import FREEZING
from messages.ledger import EntryKind
from messages.model import JsonObject
from messages.model_card import TRAINING
from messages.workflow import QUANTITY as WORKFLOW

Key = tuple[str, str]
DECISIONS: Final = frozenset({DECISION, WORKFLOW, "access", "archive", "sample_state"})
"""Quantities of results that are decisions or records, and tell of no material."""


@dataclass(slots=True)
class Case:
    """What is looked at.

    Attributes:
        campaign: Its name.
        entries: All that are its own, or that it rests on, in the ledger's order.
        requests: Its requests, by uuid.
        results: Its results.
        earlier: Results before and beside it that it rests on: bottles, protocols, models, imports.
        capabilities: The last version of each that the ledger knows.
        workers: ``instrument`` or ``model``, by capability and node.
        samples: Of the whole ledger.
        book: Who may have what.
        schemas: Entries that tell schemas: of capabilities and offers.
        deposits: Results that tell where it was archived.
        declarations: Results that declare who may have what.
        uuids: Offsets by kind and uuid, of all entries.
    """

    campaign: str
    entries: list[JournalEntry] = field(default_factory=list)
    requests: dict[str, JournalEntry] = field(default_factory=dict)
    results: list[JournalEntry] = field(default_factory=list)
    earlier: list[JournalEntry] = field(default_factory=list)
    capabilities: dict[Key, JsonObject] = field(default_factory=dict)
    workers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    samples: Gathered = field(default_factory=Gathered)
    book: AccessBook = field(default_factory=AccessBook)
    schemas: list[JournalEntry] = field(default_factory=list)
    deposits: list[JournalEntry] = field(default_factory=list)
    declarations: list[JournalEntry] = field(default_factory=list)
    uuids: dict[str, list[int]] = field(default_factory=dict)

    @property
    def everything(self) -> list[JournalEntry]:
        """Its results and those that it rests on, in the ledger's order."""
        return sorted([*self.results, *self.earlier], key=lambda entry: entry.offset)

    @property
    def own_samples(self) -> list[str]:
        """Samples that its results tell of, and what these were made of."""
        found: dict[str, None] = {}
        told = (self.samples.results.get(str(result.uuid)) for result in self.results)
        edge = [name for each in told if each is not None for name in sorted(each.about)]
        while edge:
            name = edge.pop()
            if name in self.samples.states and name not in found:
                found[name] = None
                edge += self.samples.parents(name)
        return sorted(found)

    def worker(self, entry: JournalEntry) -> str:
        """Return whether an instrument or a model made a result; empty where nobody offered it."""
        return self.workers.get((*key_of(entry), entry.author), "")

    def of(self, *keys: Key) -> Iterator[JournalEntry]:
        """Yield the results of capabilities."""
        return (entry for entry in self.everything if key_of(entry) in keys)


def body_of(entry: JournalEntry) -> JsonObject:
    """Return an entry's body; of a withheld one an empty map."""
    return entry.body or {}


def key_of(entry: JournalEntry) -> Key:
    """Return a result's capability."""
    body = body_of(entry)
    return str(body.get("quantity", "")), str(body.get("method", ""))


def name_of(entry: JournalEntry) -> str:
    """Return a result in words for people."""
    return f"{'/'.join(key_of(entry))} {entry.uuid}"


def provenance_of(entry: JournalEntry) -> JsonObject:
    """Return what a result says of how it came about."""
    return dict(body_of(entry).get("provenance") or {})


def notes_of(entry: JournalEntry) -> JsonObject:
    """Return the notes of a result's provenance."""
    return dict(provenance_of(entry).get("notes") or {})


async def read_case(record: Record, campaign: str, tell: Any) -> Case:
    """Read a campaign from its record, in two passes: what it rests on is told before it begins.

    Raises:
        ConfigurationError: There is no such campaign.
    """
    case = Case(campaign)
    loose: list[JournalEntry] = []
    states: list[JournalEntry] = []
    last, _ = await record.head()
    async for entry in record.entries(0, last):
        if entry.offset % 100 == 0:
            tell(entry.offset, last + 1)
        case.uuids.setdefault(f"{entry.kind.value} {entry.uuid}", []).append(entry.offset)
        case.book.take(entry)
        if entry.kind in (EntryKind.CAPABILITY, EntryKind.OFFER):
            case.schemas.append(entry)
        case.samples.take(entry)
        body = body_of(entry)
        if entry.kind is EntryKind.RESULT:
            _note(case, entry, body)
        match entry.kind:
            case EntryKind.REQUEST if body.get("campaign") == campaign:
                case.requests[str(entry.uuid)] = entry
            case EntryKind.RESULT if body.get("campaign") == campaign:
                case.results.append(entry)
            case EntryKind.RESULT if not body.get("campaign"):
                loose.append(entry)
            case EntryKind.SAMPLE:
                states.append(entry)
            case EntryKind.CAPABILITY:
                case.capabilities[str(body.get("quantity")), str(body.get("method"))] = body
            case EntryKind.OFFER if body.get("offer"):
                key = (str(body["quantity"]), str(body["method"]), str(body["node"]))
                case.workers[key] = str(body["offer"].get("worker"))
    if not case.requests and not case.results:
        raise ConfigurationError(
            f"the record has no campaign {campaign}", remedy="labmesh campaign list names them"
        )
    _complete(case, loose, states)
    return case


def _note(case: Case, entry: JournalEntry, body: JsonObject) -> None:
    """Keep deposits of the campaign, and declarations of whatever is declared."""
    key = key_of(entry)
    data = body.get("data") or {}
    if (
        key == DEPOSIT
        and body.get("outcome") == "resolved"
        and data.get("campaign") == case.campaign
    ):
        case.deposits.append(entry)
    elif key == DECLARATION:
        case.declarations.append(entry)


def _complete(case: Case, loose: list[JournalEntry], states: list[JournalEntry]) -> None:
    """Add what the campaign rests on."""
    own = frozenset(case.own_samples)
    born_by = {str(told.body["result"]) for name in own for told in case.samples.states[name]}
    for entry in loose:
        imported = provenance_of(entry).get("source") is not None
        if imported or key_of(entry) in (TRAINING, FREEZING) or str(entry.uuid) in born_by:
            case.earlier.append(entry)
    case.entries = sorted(
        [
            *case.requests.values(), *case.results, *case.earlier,
            *(entry for entry in states if body_of(entry).get("sample") in own),
        ],
        key=lambda entry: entry.offset,
    )  # fmt: skip
