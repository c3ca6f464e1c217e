"""What is known of every value at a glance: enough to tell how near two of them are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, QuerySolutions

from nodes.search import _lexicon as lx
from nodes.search._lexicon import Lexicon
from nodes.search._store import TripleStore
from nodes.search._terms import PREFIXES, iri, number_of, term, units, values


@dataclass(slots=True)
class Result:
    """A process that values came of.

    Attributes:
        iri: Of it.
        values: Its values, and the classes of each.
        sample: What it examined or made.
        conditions: Class to value, in SI.
        technique: The capability, whatever its version.
        around: Campaign, instrument, node, protocol, software.
    """

    iri: str
    values: dict[str, set[str]] = field(default_factory=dict)
    sample: str = ""
    conditions: dict[str, float] = field(default_factory=dict)
    technique: str = ""
    around: set[str] = field(default_factory=set)


class Features:
    """All results that somebody may see.

    Args:
        lexicon: Knows which classes are quantities and substances.
        inside: Whether what never leaves the site is seen.

    Attributes:
        offset: Of the last ledger entry that was read.
        results: By IRI.
        parents: Samples, and those they were made from.
        children: Samples, and those that were made from them.
        amounts: Samples, and the share of each substance in them; nan where it is not known.
    """

    def __init__(self, lexicon: Lexicon, *, inside: bool) -> None:
        self._kinds = {each: concept.kind for each, concept in lexicon.concepts.items()}
        self._inside = inside
        self.offset = -1
        self.results: dict[str, Result] = {}
        self.parents: dict[str, set[str]] = defaultdict(set)
        self.children: dict[str, set[str]] = defaultdict(set)
        self.amounts: dict[str, dict[str, float]] = defaultdict(dict)

    def read(self, store: TripleStore) -> None:
        """Read what the store has, or what it has gained since the last time."""
        offset = store.place().offset
        if offset == self.offset:
            return
        only = ""
        if self.offset >= 0:
            new = {row[0] for row in self._rows(store, _NEW % self.offset, "result")}
            only = values("result", new) if len(new) <= _FEW else ""
        self._read_results(store, only)
        self._read_samples(store, only)
        self.offset = offset

    def _read_results(self, store: TripleStore, only: str) -> None:
        for result, quantity, kind in self._rows(store, _VALUES % only, "result", "q", "class"):
            if self._kinds.get(kind) == lx.QUANTITY and kind not in _NATURES:
                told = self.results.setdefault(result, Result(result))
                told.values.setdefault(quantity, set()).add(kind)
        names = ("result", "class", "value", "unit")
        for result, kind, value, unit in self._rows(store, _CONDITIONS % only, *names):
            if self._kinds.get(kind) == lx.QUANTITY and kind not in _NATURES:
                one = self.results.get(result)
                known, number = units().get(unit), float(value)
                if one is not None:
                    one.conditions[kind] = known.to_si(number) if known else number
        for result, thing in self._rows(store, _AROUND % only, "result", "thing"):
            one = self.results.get(result)
            if one is None:
                continue
            if not thing.startswith("urn:labmesh:capability:"):
                one.around.add(thing)
            elif thing.count(":") == _TECHNIQUE:
                one.technique = thing

    def _read_samples(self, store: TripleStore, only: str) -> None:
        for query in (_EXAMINED, _MADE):
            for result, sample in self._rows(store, query % only, "result", "sample"):
                one = self.results.get(result)
                if one is not None and not one.sample:
                    one.sample = sample
        for child, parent in self._rows(store, _PARENTS % only, "child", "parent"):
            self.parents[child].add(parent)
            self.children[parent].add(child)
        if only:
            new = {each.sample for each in self.results.values() if each.sample}
            some = sorted(new - self.amounts.keys())
            only = values("sample", some) if some else ""
            if not some:
                return
        shares = {} if only else self._shares(store, "")
        for query in (_SOLUTES, _SOLVENTS):
            for sample, part, kind in self._rows(store, query % only, "sample", "part", "class"):
                if self._kinds.get(kind) != lx.SUBSTANCE:
                    continue
                if only and part not in shares:
                    shares |= self._shares(store, values("part", [part]))
                self.amounts[sample][kind] = float(shares.get(part, "nan"))

    def _shares(self, store: TripleStore, only: str) -> dict[str, str]:
        rows = self._rows(store, _SHARES % only, "part", "share")
        return {part: share for part, share in rows}  # noqa: C416 - tuples of any length

    def amounts_of(self, sample: str) -> dict[str, float]:
        """Return what is in a sample, or, where it does not say, in what it was made from."""
        seen, todo = {sample}, [sample]
        while todo:
            here = todo.pop(0)
            if self.amounts.get(here):
                return self.amounts[here]
            for each in self.parents.get(here, ()):
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
        return {}

    def _rows(self, store: TripleStore, query: str, *names: str) -> Iterator[tuple[str, ...]]:
        found = store.ask(PREFIXES + query, inside=self._inside)
        if not isinstance(found, QuerySolutions):
            raise TypeError("the query is a SELECT")
        for row in found:
            yield tuple(_text(row[name]) for name in names)


def _text(term: Any) -> str:
    return term.value if isinstance(term, NamedNode | Literal) else ""


_TECHNIQUE: Final = 4
"""Colons in the IRI of a capability whatever its version: urn:labmesh:capability:q:m."""

_NATURES: Final = frozenset(
    iri(each) for each in ("MeasuredProperty", "ModelledProperty", "ConventionalProperty")
)

_FEW: Final = 200
"""Results that are read one by one; of more, everything is read anew."""

# Each begins with what it is about alone; without that it is about everything.
_NEW: Final = (
    "SELECT ?result WHERE { ?entry schema:position ?at ; schema:about ?result . FILTER(?at > %d) }"
)
_VALUES: Final = (
    "SELECT ?result ?q ?class WHERE { %s ?q prov:wasGeneratedBy ?result ; "
    f"{term('hasNumericalPart')} ?number ; a ?class . "
    f"FILTER NOT EXISTS {{ ?result {term('hasMeasurementParameter')} ?q }} }}"
)
_EXAMINED: Final = (
    f"SELECT ?result ?sample WHERE {{ %s ?result {term('hasMeasurementSample')}|"
    f"{term('hasTestObject')} ?sample }}"
)
_MADE: Final = (
    "SELECT ?result ?sample WHERE { %s ?result prov:generated ?sample . "
    f"?sample a {term('Sample')} }}"
)
_PARENTS: Final = (
    "SELECT ?child ?parent WHERE { %s ?result prov:generated ?child . "
    f"?child a {term('Sample')} ; prov:wasDerivedFrom ?parent }}"
)
_SOLUTES: Final = (
    f"SELECT ?sample ?part ?class WHERE {{ %s ?sample {term('hasSolute')} ?part . ?part a ?class }}"
)
_SOLVENTS: Final = (
    f"SELECT ?sample ?part ?class WHERE {{ %s ?sample {term('hasSolvent')}/"
    f"{term('hasConstituent')} ?part . ?part a ?class }}"
)
_SHARES: Final = (
    f"SELECT ?part ?share WHERE {{ %s ?part {term('hasProperty')} ?f . "
    f"?f a {term('AmountFraction')} ; {term('hasNumericalPart')}/{term('hasNumberValue')} ?share }}"
)
_CONDITIONS: Final = (
    "SELECT ?result ?class ?value ?unit WHERE { %s "
    f"?result {term('hasMeasurementParameter')} ?k . ?k a ?class . "
    f"{number_of('k', 'value', 'unit')} }}"
)
_AROUND: Final = (
    "SELECT ?result ?thing WHERE { %s ?result dcterms:isPartOf|dcterms:conformsTo|"
    f"prov:wasAssociatedWith|{term('hasCharacterisationMeasurementInstrument')} ?thing }}"
)
