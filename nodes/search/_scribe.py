"""From entries of the ledger to what the store is told of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Final

from labmesh.access import AccessBook, Level
from labmesh.record import JournalEntry
from labmesh.semantics import DATA, Describer
from messages.errors import LabmeshError
from nodes.search._store import FORMAT, Document

_FILES: Final = ("tbox.ttl", "labmesh.ttl")
"""The ontology: what is upstream's, and what is ours."""


@dataclass(frozen=True, slots=True)
class Described:
    """A run of entries, described.

    Attributes:
        documents: One of each entry; empty of one that could not be described.
        offset: Of the last entry.
        hash: Its chain hash, hexadecimal.
        failed: Offsets of entries that could not be described, and why.
    """

    documents: list[Document]
    offset: int
    hash: str
    failed: list[tuple[int, str]]


class Scribe:
    """Describes a ledger's entries in their order, and knows what of it is confidential."""

    def __init__(self) -> None:
        self._describer = Describer()
        self._book = AccessBook()

    def hear(self, entry: JournalEntry) -> None:
        """Take note of what an entry says about others: access, samples, schemas."""
        self._book.take(entry)
        self._describer.learn(entry)

    def may_leave(self, entry: JournalEntry) -> bool:
        """Tell whether an entry may leave the site, after all that was heard."""
        return self._book.may_leave(entry)

    @property
    def confidential(self) -> frozenset[tuple[str, str]]:
        """Return the subjects that are declared confidential."""
        return frozenset(
            subject
            for subject, said in self._book.declared.items()
            if said.strictness is Level.CONFIDENTIAL
        )

    def describe(self, entries: Sequence[JournalEntry]) -> Described:
        """Describe entries that have been heard. At least one."""
        documents: list[Document] = []
        failed: list[tuple[int, str]] = []
        for entry in entries:
            text = ""
            try:
                text = self._describer.nquads(entry, named=False)
            except (LabmeshError, ValueError, TypeError, KeyError, AttributeError) as error:
                # One entry that nobody can describe must not hide those after it.
                failed.append((entry.offset, f"{type(error).__name__}: {error}"))
            documents.append((entry.offset, text, self.may_leave(entry)))
        last = entries[-1]
        return Described(documents, last.offset, last.hash.hex(), failed)


@cache
def ontology_text() -> str:
    """Return the ontology as Turtle."""
    return "\n".join((DATA / name).read_text(encoding="utf-8") for name in _FILES)


@cache
def edition() -> str:
    """Return under which vocabulary and rules entries are described here; without blanks."""
    words = f"{FORMAT} {version('labmesh')} {ontology_text()}"
    return hashlib.sha256(words.encode()).hexdigest()[:16]
