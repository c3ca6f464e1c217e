"""Terms by plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_CAMEL: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_WORD: Final = re.compile(r"[A-Za-z]+|\d+")
_SMALL: Final = frozenset({"of", "the", "a", "an", "in", "at", "for", "by", "and", "or", "with"})
_SHORTEST: Final = 3
"""Letters of the shortest word of which an ending is taken off."""

_OTHER: Final = 0.98
"""What another name counts against the label itself."""


@dataclass(frozen=True, slots=True)
class Concept:
    """A term that was found.

    Attributes:
        label: Of the term.
        score: 1 where the words are its very name, less the less they have in common.
        name: The label or other name that was alike.
        exact: Whether the words are that name, but for case, spaces and order.
    """

    label: str
    score: float
    name: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What a term is called.

    Attributes:
        label: Its label, with a prefix where it has one.
        others: Other names, abbreviations, formulas.
        weight: How much it counts among terms that are equally alike.
    """

    label: str
    others: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class _Cut:
    label: str
    name: str
    flat: str
    words: frozenset[str]
    weight: float


class Index:
    """Names of terms, cut into words."""

    def __init__(self, terms: Iterable[Names]) -> None:
        """Index ``terms``."""
        self._cuts: list[_Cut] = []
        for term in terms:
            bare = term.label.rpartition(":")[2]
            self._cuts.append(_Cut(term.label, bare, _flat(bare), _words(bare), term.weight))
            for other in dict.fromkeys(term.others):
                weight = term.weight * _OTHER
                self._cuts.append(_Cut(term.label, other, _flat(other), _words(other), weight))

    def find(self, words: str) -> tuple[Concept, ...]:
        """Return what ``words`` may mean, the likeliest first."""
        flat, asked = _flat(words), _words(words)
        best: dict[str, Concept] = {}
        if not flat:
            return ()
        for cut in self._cuts:
            alike = _alike(flat, asked, cut)
            score = round(cut.weight * alike, 4)
            if score > 0 and (cut.label not in best or score > best[cut.label].score):
                best[cut.label] = Concept(cut.label, score, cut.name, alike >= _SAME)
        return tuple(sorted(best.values(), key=lambda c: (-c.score, len(c.label), c.label)))


_SAME: Final = 0.95
"""Of names with the same words in another form or order."""


def _alike(flat: str, asked: frozenset[str], cut: _Cut) -> float:
    if flat == cut.flat:
        return 1.0
    common = len(asked & cut.words)
    if not common:
        return 0.0
    share = common / len(asked | cut.words)
    return _SAME if share == 1 else 0.9 * share


def _flat(text: str) -> str:
    return "".join(re.findall(r"[a-z0-9]+", text.lower()))


def _words(text: str) -> frozenset[str]:
    pieces = [p for word in _WORD.findall(text) for p in (_CAMEL.findall(word) or [word])]
    return frozenset(_stem(p.lower()) for p in pieces if p.lower() not in _SMALL)


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > _SHORTEST + 1:
        return word[:-3] + "y"
    plural = word.endswith("s") and len(word) > _SHORTEST and word[-2] not in "su"
    return word[:-1] if plural else word
