"""Answers in plain words: what was found, and what is near. Heavier to import than the store."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import Any

from nodes.search._features import Features
from nodes.search._find import find
from nodes.search._lexicon import Lexicon
from nodes.search._related import related
from nodes.search._rows import Teller
from nodes.search._services import Question
from nodes.search._store import TripleStore
from nodes.search._view import View


class Answers:
    """Answers questions from a store, and remembers what that needs.

    Args:
        store: Is asked.
    """

    def __init__(self, store: TripleStore) -> None:
        self._store = store
        self._features: dict[bool, Features] = {}
        self._lock = Lock()

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words of the ontology in the store."""
        return Lexicon.of(self._store)

    def find(self, question: dict[str, Any], *, inside: bool, provenance: bool) -> dict[str, Any]:
        """Answer a `nodes.search._services.Question`, with the fields of `Findings`."""
        asked = Question.model_validate(question)
        found = find(self._store, self.lexicon, asked, inside=inside, provenance=provenance)
        return found.model_dump(mode="json")

    def related(self, like: str, *, limit: int, inside: bool, provenance: bool) -> dict[str, Any]:
        """Return what is nearest to a result or a sample, with the fields of `Findings`."""
        if like.startswith("urn:uuid:"):
            like = like.removeprefix("urn:uuid:")
        teller = Teller(View(self._store, inside=inside), self.lexicon)
        found = related(
            self._known(inside=inside), self.lexicon, teller, like, limit=limit,
            provenance=provenance,
        )  # fmt: skip
        return found.model_dump(mode="json")

    def warm(self) -> None:
        """Read what recommendations need, before anybody waits for it."""
        self._known(inside=False)

    def _known(self, *, inside: bool) -> Features:
        """Return the features of all results, up to date."""
        inside = inside and self._store.has_confidential
        with self._lock:
            kept = self._features.setdefault(inside, Features(self.lexicon, inside=inside))
            kept.read(self._store)
        return kept
