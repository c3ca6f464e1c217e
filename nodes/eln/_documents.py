"""The files that a notebook gets of each thing: the ledger's own words, and linked data."""

from __future__ import annotations

import json
from typing import Any

from labmesh.record import JournalEntry
from labmesh.semantics import Describer
from messages.model import JsonObject
from nodes.eln._story import Result, Sample, Story
from nodes.eln._variables import plain


class Documents:
    """Writes what a campaign's entries say, as JSON and as JSON-LD; the same for the same entries.

    Args:
        story: The campaign.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._describer = Describer()
        self._said: dict[int, JsonObject] = {}
        for entry in story.capabilities:
            self._describer.document(entry)

    def result(self, result: Result) -> bytes:
        """Return a result as JSON: id, author, times, and its body with numbers for arrays."""
        entry = result.entry
        return _json(
            {
                "id": result.id, "offset": entry.offset, "author": entry.author,
                "stamp": entry.stamp, "load_time": entry.load_time, "type": entry.type,
                "body_hash": entry.body_hash.hex(), **plain(result.body),
            }
        )  # fmt: skip

    def sample(self, sample: Sample) -> bytes:
        """Return a sample with its states as JSON."""
        return _json(
            {
                "id": sample.id, "kind": sample.kind, "parents": sample.parents,
                "states": [
                    {"state": each.index, "label": each.label, "at": each.at,
                     "location": each.location, "result": each.result,
                     "properties": plain(each.properties)}
                    for each in sample.states
                ],
            }
        )  # fmt: skip

    def result_linked(self, result: Result) -> bytes:
        """Return a result as JSON-LD."""
        return _json(self._merged([result.entry]))

    def sample_linked(self, sample: Sample) -> bytes:
        """Return a sample as JSON-LD: its states, what was done to it, and all it was made of."""
        return _json(self._merged(self.history(sample)))

    def history(self, sample: Sample) -> list[JournalEntry]:
        """Return the entries that tell of a sample and of all it was made of, by offset."""
        known = self._story.samples
        names, todo = [sample.id], list(sample.parents)
        while todo:
            if (name := todo.pop(0)) not in names:
                names.append(name)
                todo += known[name].parents
        found: dict[int, JournalEntry] = {}
        for name in names:
            found |= {each.entry.offset: each.entry for each in known[name].states}
            found |= {
                each.entry.offset: each.entry
                for each in self._story.of_sample(name)
                if name == sample.id or _makes(each, name)
            }
        return [found[offset] for offset in sorted(found)]

    def _merged(self, entries: list[JournalEntry]) -> JsonObject:
        documents = [self._document(entry) for entry in entries]
        # Each has the terms that it uses; a term is the same wherever it is used.
        terms = {term: what for each in documents for term, what in each["@context"].items()}
        return {
            "@context": terms,
            "@graph": [node for each in documents for node in each["@graph"]],
        }

    def _document(self, entry: JournalEntry) -> JsonObject:
        found = self._said.get(entry.offset)
        if found is None:
            found = self._said[entry.offset] = self._describer.document(entry)
        return found


def _makes(result: Result, sample: str) -> bool:
    return any(step["sample"] == sample for step in result.body["samples"])


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
