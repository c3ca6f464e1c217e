"""Terms by plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

_CAMEL: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_WORD: Final = re.compile(r"[A-Za-z]+|\d+")
_SMALL: Final = frozenset({"of", "the", "a", "an", "in", "at", "for", "by", "and", "or", "with"})


@dataclass(frozen=True, slots=True)
class Concept:
    """A term that was found.

    Attributes:
        label: Of the term.
        score: 1 where the words are its very name, less the less they have in common.
        name: The label or other name that was alike.
    """

    label: str
    score: float
    name: str


class Index:
    """Names of terms, cut into words."""

    def __init__(self, terms: Mapping[str, tuple[str, Set[str]]]) -> None:
        """Index ``terms``: by label, the kind and the other names."""
        self._names: list[tuple[str, str, str, frozenset[str], float]] = []
        for label, (kind, others) in terms.items():
            weight = 1.0 if kind in ("class", "individual") else 0.9
            bare = label.rpartition(":")[2]
            self._names.append((label, bare, _flat(bare), _words(bare), weight))
            for other in sorted(others):
                self._names.append((label, other, _flat(other), _words(other), weight * 0.98))

    def find(self, words: str) -> tuple[Concept, ...]:
        """Return what ``words`` may mean, the likeliest first."""
        flat, asked = _flat(words), _words(words)
        best: dict[str, Concept] = {}
        if not flat:
            return ()
        for label, name, its_flat, its_words, weight in self._names:
            score = weight * _alike(flat, asked, its_flat, its_words)
            if score > 0.0 and (label not in best or score > best[label].score):
                best[label] = Concept(label, round(score, 4), name)
        return tuple(sorted(best.values(), key=lambda c: (-c.score, len(c.label), c.label)))


def _alike(flat: str, asked: frozenset[str], its_flat: str, its_words: frozenset[str]) -> float:
    if flat == its_flat:
        return 1.0
    common = asked & its_words
    if not common:
        return 0.0
    share = len(common) / len(asked | its_words)
    return 0.95 if share == 1 else 0.9 * share


def _flat(text: str) -> str:
    return "".join(re.findall(r"[a-z0-9]+", text.lower()))


def _words(text: str) -> frozenset[str]:
    pieces = [p for word in _WORD.findall(text) for p in (_CAMEL.findall(word) or [word])]
    return frozenset(_stem(p.lower()) for p in pieces if p.lower() not in _SMALL)


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and len(word) > 3 and word[-2] not in "su" else word
