"""The lines of a campaign's samples: their states, and those of all they were made from."""

from __future__ import annotations

from collections import defaultdict

from labmesh.record import JournalEntry
from messages.ledger import EntryKind


class Lines:
    """Which entries of the ledger made the samples of a campaign, however early.

    Attributes:
        since: Offset of each such entry, and the offset of the entry by which it came to matter.
    """

    def __init__(self) -> None:
        self.since: dict[int, int] = {}
        self._parents: dict[str, tuple[str, ...]] = {}
        self._made_by: dict[str, list[int]] = defaultdict(list)
        self._results: dict[str, int] = {}
        self._samples_of: dict[str, list[str]] = defaultdict(list)
        self._known: set[str] = set()
        self._touched: set[str] = set()

    def take(self, entry: JournalEntry, *, own: bool) -> None:
        """Take the next entry; ``own`` says whether it is of the campaign."""
        body = entry.body
        if body is None:
            return
        if entry.kind is EntryKind.RESULT:
            self._results[str(entry.uuid)] = entry.offset
            if own:
                for step in body.get("samples", ()):
                    self._touch(step["sample"], entry.offset)
        elif entry.kind is EntryKind.SAMPLE:
            self._state(entry, own=own)
        elif entry.kind is EntryKind.RESULT_STATUS:
            for sample in self._samples_of.get(str(body["result"]), ()):
                self._add(sample, [entry.offset], entry.offset)
        elif entry.kind is EntryKind.REQUEST and own and body.get("from_state"):
            self._touch(body["from_state"]["sample"], entry.offset)

    def touched(self, sample: str) -> bool:
        """Tell whether the campaign itself had a sample in hand."""
        return sample in self._touched

    def _state(self, entry: JournalEntry, *, own: bool) -> None:
        body = entry.body or {}
        sample = str(body["sample"])
        if body.get("parents"):
            self._parents[sample] = tuple(body["parents"])
        made = [entry.offset]
        if (result := self._results.get(str(body["result"]))) is not None:
            made.append(result)
        self._samples_of[str(body["result"])].append(sample)
        if own:
            self._touch(sample, entry.offset)
        self._add(sample, made, entry.offset)
        if sample in self._known:
            for parent in self._parents.get(sample, ()):
                self._join(parent, entry.offset)

    def _add(self, sample: str, offsets: list[int], since: int) -> None:
        self._made_by[sample] += offsets
        if sample in self._known:
            self._matter(offsets, since)

    def _touch(self, sample: str, offset: int) -> None:
        self._touched.add(sample)
        self._join(sample, offset)

    def _join(self, sample: str, offset: int) -> None:
        waiting = [sample]
        while waiting:
            name = waiting.pop()
            if name in self._known:
                continue
            self._known.add(name)
            self._matter(self._made_by[name], offset)
            waiting += self._parents.get(name, ())

    def _matter(self, offsets: list[int], since: int) -> None:
        for offset in offsets:
            self.since.setdefault(offset, max(since, offset))
