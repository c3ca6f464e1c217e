"""What a journal tells of samples, and of the results that touched them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from labmesh.record import JournalEntry
from messages.ledger import EntryKind
from messages.model import JsonObject

KINDS: Final = (EntryKind.REQUEST, EntryKind.RESULT, EntryKind.SAMPLE)
"""Kinds of entries that tell of samples."""

_LONGEST: Final = 80
"""Characters of a sample's id, as `messages.ledger.SampleId` allows."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry without what is too large to be kept.

    Attributes:
        offset: Of the entry.
        stamp: ns, by its author's clock.
        author: ``site/node``.
        body: Of a result without parameters and data.
        about: Of a result: the samples that it names, changes, begins from or rests on.
    """

    offset: int
    stamp: int
    author: str
    body: JsonObject
    about: frozenset[str] = frozenset()


@dataclass(slots=True)
class Gathered:
    """All of it.

    Attributes:
        states: Of each sample, in their order.
        results: Those that touch a sample, by uuid.
        touched: uuids of the results that touch a sample, by sample.
    """

    states: dict[str, list[Told]] = field(default_factory=dict)
    results: dict[str, Told] = field(default_factory=dict)
    touched: dict[str, list[str]] = field(default_factory=dict)
    _begins: dict[str, str] = field(default_factory=dict)

    def take(self, entry: JournalEntry) -> None:
        """Take an entry in, in the ledger's order; a withheld one tells nothing."""
        body = entry.body
        if body is None:
            return
        if entry.kind is EntryKind.REQUEST:
            if isinstance(begin := body.get("from_state"), dict):
                self._begins[str(entry.uuid)] = str(begin.get("sample"))
        elif entry.kind is EntryKind.SAMPLE:
            told = Told(entry.offset, entry.stamp, entry.author, body)
            self.states.setdefault(str(body["sample"]), []).append(told)
        elif entry.kind is EntryKind.RESULT:
            self._result(entry, body)

    def parents(self, sample: str) -> tuple[str, ...]:
        """Return what a sample was made of, as far as the record goes."""
        birth = self.states[sample][0].body
        return tuple(str(each) for each in birth.get("parents") or () if each in self.states)

    def _result(self, entry: JournalEntry, body: JsonObject) -> None:
        words = {*_words(body.get("parameters")), *_words(body.get("data"))}
        steps = {str(step["sample"]) for step in body.get("samples") or ()}
        begins = {self._begins[key] for key in [str(body.get("request"))] if key in self._begins}
        # What rests on one result touches its samples: a prediction, those of the cycles it used.
        resting = (self.results[each].about for each in words & self.results.keys())
        about = (words & self.states.keys()).union(steps, begins, *resting)
        if not about:
            return
        kept = {name: value for name, value in body.items() if name not in ("data", "parameters")}
        uuid = str(entry.uuid)
        self.results[uuid] = Told(entry.offset, entry.stamp, entry.author, kept, frozenset(about))
        for sample in about:
            self.touched.setdefault(sample, []).append(uuid)


def _words(value: Any) -> Iterator[str]:
    """Yield every text in plain data that could be the id of a sample or of a result."""
    if isinstance(value, str):
        if 0 < len(value) <= _LONGEST:
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _words(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)
