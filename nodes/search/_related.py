"""What is nearest to a result or a sample in the graph of all that is known.

The distance of two values is a weighted mean over aspects. An aspect's distance is a path length in
that aspect's part of the graph, brought to 0 (the same) to 1 (not connected). docs/search.md has
the table; `ASPECTS` the weights.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from messages.errors import LabmeshError
from nodes.search._features import Features, Result
from nodes.search._lexicon import Lexicon
from nodes.search._rows import Teller
from nodes.search._services import Findings, Found, Meant
from nodes.search._terms import iri

ASPECTS: Final = {
    "quantity": 3.0, "composition": 3.0, "sample": 2.0, "conditions": 2.0, "method": 1.0,
    "circumstances": 1.0,
}  # fmt: skip
"""Weights. What was found and in what comes before how, and that before where."""

_KELVIN: Final = 20.0
"""Kelvin after which two temperatures have nothing to do with each other."""

_NEAR: Final = 0.15
"""Up to which an aspect is named as what two values have in common."""

_SIZE: Final = 44 * 1024


@dataclass(frozen=True, slots=True)
class Probe:
    """What something is compared by; None: it has no such aspect."""

    classes: frozenset[str] | None
    sample: str
    result: Result | None


def related(
    features: Features, lexicon: Lexicon, teller: Teller, like: str, *, limit: int, provenance: bool
) -> Findings:
    """Return the values nearest to a result or a sample.

    Raises:
        LabmeshError: There is no such result or sample.
    """
    probes, shown = _probes(features, like)
    measure = Measure(features, lexicon)
    best = heapq.nsmallest(limit + 1, _scored(features, measure, probes), key=lambda each: each[:3])
    told: list[Found] = []
    size = 0
    for distance, result, quantity, near in best[:limit]:
        each = teller.found(result, quantity, provenance=provenance)
        each = each.model_copy(update={"distance": round(distance, 4), "because": near})
        size += len(each.model_dump_json())
        if told and size > _SIZE:
            break
        told.append(each)
    return Findings(understood=(Meant(phrase=like, meaning=f"nearest to {shown}"),),
                    found=tuple(told))  # fmt: skip


def _probes(features: Features, like: str) -> tuple[list[Probe], str]:
    sample = f"urn:labmesh:sample:{like}"
    if sample in features.parents or sample in features.amounts or any(
        each.sample == sample for each in features.results.values()
    ):  # fmt: skip
        return [Probe(None, sample, None)], f"sample {like}"
    found = [each for each in features.results if each.startswith(f"urn:uuid:{like.lower()}")]
    if len(found) != 1:
        what = "several results begin" if found else "no result with a value, and no sample, begins"
        raise LabmeshError(
            f"{what} with {like!r}", where="like",
            remedy="give more of the id" if found else "see `labmesh result list`",
        )  # fmt: skip
    result = features.results[found[0]]
    return [
        Probe(frozenset(classes), result.sample, result) for classes in result.values.values()
    ], f"result {found[0].removeprefix('urn:uuid:')}"


def _scored(
    features: Features, measure: Measure, probes: list[Probe]
) -> Iterable[tuple[float, str, str, tuple[str, ...]]]:
    """Yield each other result once, with the value that is nearest to any of the probes."""
    own = {probe.result.iri for probe in probes if probe.result is not None}
    for result in features.results.values():
        if result.iri in own:
            continue
        best: tuple[float, str, str, tuple[str, ...]] | None = None
        for quantity, classes in result.values.items():
            for probe in probes:
                distance, near = measure.between(probe, frozenset(classes), result)
                if best is None or (distance, quantity) < (best[0], best[2]):
                    best = (distance, result.iri, quantity, near)
        if best is not None:
            yield best


class Measure:
    """How far two values are from each other; remembers what it has computed.

    Args:
        features: What is known of them.
        lexicon: The tree of classes.
    """

    def __init__(self, features: Features, lexicon: Lexicon) -> None:
        self._features = features
        self._lexicon = lexicon
        self._classes: dict[tuple[frozenset[str], frozenset[str]], float] = {}
        self._samples: dict[tuple[str, str], tuple[float | None, float]] = {}
        self._steps: dict[str, dict[str, int]] = {}
        self._temperatures = lexicon.below(iri("ThermodynamicTemperature"))

    def between(
        self, probe: Probe, classes: frozenset[str], other: Result
    ) -> tuple[float, tuple[str, ...]]:
        """Return the distance, 0 to 1, and the aspects in which the two are near."""
        parts: dict[str, float] = {}
        if probe.classes is not None:
            parts["quantity"] = self._of_classes(probe.classes, classes)
        composition, lineage = self._of_samples(probe.sample, other.sample)
        if composition is not None:
            parts["composition"] = composition
        parts["sample"] = lineage
        if (one := probe.result) is not None:
            if one.conditions or other.conditions:
                parts["conditions"] = self._of_conditions(one.conditions, other.conditions)
            parts["method"] = 0.0 if one.technique and one.technique == other.technique else 1.0
            both, either = one.around & other.around, one.around | other.around
            parts["circumstances"] = 1 - len(both) / len(either) if either else 1.0
        total = sum(ASPECTS[name] for name in parts)
        distance = sum(ASPECTS[name] * value for name, value in parts.items()) / total
        return distance, tuple(name for name, value in parts.items() if value <= _NEAR)

    def _of_classes(self, one: frozenset[str], other: frozenset[str]) -> float:
        """Steps up from both to the nearest common super-class, over those up to the root."""
        key = (one, other)
        if key not in self._classes:
            above = [self._lexicon.heights(each) for each in (one, other)]
            common = above[0].keys() & above[1].keys()
            steps = min((above[0][each] + above[1][each] for each in common), default=None)
            # Two steps to a common super-class are as far as half of nothing in common.
            self._classes[key] = 1.0 if steps is None else steps / (steps + 2)
        return self._classes[key]

    def _of_samples(self, one: str, other: str) -> tuple[float | None, float]:
        key = (one, other)
        if key not in self._samples:
            self._samples[key] = (self._of_amounts(one, other), self._of_lineage(one, other))
        return self._samples[key]

    def _of_amounts(self, one: str, other: str) -> float | None:
        """Half of the sum of differences of amount fractions: what would have to be exchanged.

        Where an amount is not known: the share of substances that only one of them has.
        """
        first, second = (self._features.amounts_of(each) if each else {} for each in (one, other))
        if not first and not second:
            return None
        either = first.keys() | second.keys()
        known = [*first.values(), *second.values()]
        if any(math.isnan(each) for each in known):
            return 1 - len(first.keys() & second.keys()) / len(either)
        return min(sum(abs(first.get(s, 0.0) - second.get(s, 0.0)) for s in either) / 2, 1.0)

    def _of_lineage(self, one: str, other: str) -> float:
        """Steps of derivation between two samples, whichever way."""
        if not one or not other:
            return 1.0
        steps = self._reach(one).get(other)
        return 1.0 if steps is None else steps / (steps + 2)

    def _reach(self, start: str) -> dict[str, int]:
        """Return ancestors, and descendants of these, by steps; far relatives are left out."""
        if start not in self._steps:
            found, edge = {start: 0}, [start]
            for steps in range(1, 5):
                edge = [
                    each
                    for here in edge
                    for each in (
                        *self._features.parents.get(here, ()),
                        *self._features.children.get(here, ()),
                    )
                    if found.setdefault(each, steps) == steps
                ]  # fmt: skip
            self._steps[start] = found
        return self._steps[start]

    def _of_conditions(self, one: dict[str, float], other: dict[str, float]) -> float:
        """The mean over the conditions of either; one that only one of them has counts 1."""
        apart = [
            self._of_values(each, one[each], other[each]) if each in one and each in other else 1.0
            for each in one.keys() | other.keys()
        ]
        return sum(apart) / len(apart)

    def _of_values(self, kind: str, one: float, other: float) -> float:
        scale = _KELVIN if kind in self._temperatures else max(abs(one), abs(other))
        return min(abs(one - other) / scale, 1.0) if scale else 0.0
