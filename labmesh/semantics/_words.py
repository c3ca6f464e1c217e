"""The words of our documents and what they stand for: the shipped context, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._context import context
from messages.model import JsonObject

ID: Final = "@id"
VOCAB: Final = "@vocab"

_MORE: Final[Mapping[str, Any]] = {
    "labmesh": "urn:labmesh:term:",
    "labmesh:reproducibility": {"@id": "urn:labmesh:term:reproducibility", "@type": "@id"},
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "csvw": "http://www.w3.org/ns/csvw#",
    "spdx": "http://spdx.org/rdf/terms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
}
"""Prefixes that documents use beside those of the context file."""


class Words:
    """Expands labels, ``prefix:name`` and the values of properties as JSON-LD 1.1 does."""

    def __init__(self, terms: Mapping[str, Any]) -> None:
        self._terms = {**_MORE, **terms}
        self._expanded: dict[str, str] = {}
        self._coerced: dict[str, str] = {}

    def __contains__(self, word: str) -> bool:
        return word in self._terms or word.partition(":")[0] in self._terms

    def expand(self, word: str) -> str:
        """Return the IRI that a label or ``prefix:name`` stands for; an IRI stands for itself.

        A label that this process does not know, of a vocabulary that is not installed here, has an
        IRI below ``urn:labmesh:unknown-term:``.
        """
        found = self._expanded.get(word)
        if found is None:
            found = self._expanded[word] = self._expand(word)
        return found

    def short(self, word: str) -> str:
        """Return a word as a document with our context may write it."""
        return word if word in self else self.expand(word)

    def coercion(self, word: str) -> str:
        """Return what the values of a property are.

        `ID`, `VOCAB`, the IRI of a datatype, or nothing where each value says it itself.
        """
        found = self._coerced.get(word)
        if found is None:
            term = self._terms.get(word)
            kind = term.get("@type", "") if isinstance(term, Mapping) else ""
            found = kind if kind.startswith("@") or not kind else self.expand(kind)
            self._coerced[word] = found
        return found

    @property
    def all(self) -> tuple[str, ...]:
        """All words: labels, prefixes, properties whose values are of one kind."""
        return tuple(sorted(self._terms))

    @property
    def prefixes(self) -> tuple[str, ...]:
        """All prefixes, sorted."""
        return tuple(
            sorted(
                word
                for word, term in self._terms.items()
                if isinstance(term, str) and term.endswith(("#", "/", ":"))
            )
        )

    def context(self, used: Iterable[str]) -> JsonObject:
        """Return a context of no more than the words in ``used``, sorted."""
        terms: dict[str, Any] = {}
        open_ = list(used)
        while open_:
            word = open_.pop()
            if word in terms or word.startswith("@"):
                continue
            term = self._terms.get(word)
            if term is not None:
                terms[word] = term
                inner = [term] if isinstance(term, str) else list(term.values())
                open_ += [each for each in inner if "://" not in each]
            if ":" in word:
                open_.append(word.partition(":")[0])
        return {"@version": 1.1, **{word: terms[word] for word in sorted(terms)}}

    def _expand(self, word: str) -> str:
        term = self._terms.get(word)
        if isinstance(term, Mapping):
            term = term.get("@id", "")
        if term:
            return term if "://" in term or term.startswith("urn:") else self._expand(term)
        prefix, colon, name = word.partition(":")
        base = self._terms.get(prefix)
        if colon and isinstance(base, str) and not name.startswith("//"):
            return base + iris.safe_path(name)
        if colon and not iris.NO_IRI.search(word):
            return word
        return f"{iris.OWN}unknown-term:{iris.safe(word)}"


@cache
def words() -> Words:
    """Return the words of the shipped context."""
    return Words(context()["@context"])
