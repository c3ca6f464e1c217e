"""What is told of a value: its conditions, its sample, who found it, how it came about."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from nodes.search import _lexicon as lx
from nodes.search._lexicon import Lexicon
from nodes.search._services import Condition, Found
from nodes.search._terms import DCTERMS, LABEL, PARTS, PROV, SCHEMA, SIMULATED, iri, symbol_of
from nodes.search._view import View

_SAMPLE: Final = "urn:labmesh:sample:"
_UUID: Final = "urn:uuid:"
_CAPABILITY: Final = "urn:labmesh:capability:"
_DERIVED: Final = f"{PROV}wasDerivedFrom"

_CONDITIONS: Final = 8
"""Most conditions that are told of a value; those with a unit come first."""

_NAME: Final = 80
"""Letters of a sample's name at most; what is longer is a description."""

_DEEP: Final = 400
"""Most things that are looked at for what is in a sample."""

_NATURES: Final = ("MeasuredProperty", "ModelledProperty", "ConventionalProperty")


class Teller:
    """Tells of values in one view of the store.

    Args:
        view: What may be seen.
        lexicon: The words of the ontology.
    """

    def __init__(self, view: View, lexicon: Lexicon) -> None:
        self._view = view
        self._lexicon = lexicon
        self._contents: dict[str, tuple[str, ...]] = {}

    def found(self, result: str, quantity: str, *, provenance: bool) -> Found:
        """Return what is told of a value.

        Args:
            result: IRI of the process it came of.
            quantity: IRI of the value.
            provenance: Tell how it came about, too.
        """
        view = self._view
        value, unit = view.number(quantity)
        spread = view.one(quantity, iri("hasMetrologicalUncertainty"))
        sample = self.sample(result)
        rated = view.one(quantity, f"{SCHEMA}contentRating") or view.one(
            result, f"{SCHEMA}contentRating"
        )
        stars = view.one(rated, f"{SCHEMA}ratingValue") if rated else ""
        count = "" if value is not None else view.one(quantity, f"{SCHEMA}numberOfItems")
        campaign = view.one(result, f"{DCTERMS}isPartOf")
        author = view.one(result, f"{PROV}wasAssociatedWith")
        return Found(
            result=result.removeprefix(_UUID),
            quantity=self.words(quantity, lx.QUANTITY),
            value=value,
            unit=symbol_of(unit) if unit else "",
            uncertainty=view.number(spread)[0] if spread else None,
            count=int(float(count)) if count else None,
            conditions=self._conditions(result, quantity),
            method=self._method(result),
            kind=self._kind(result, quantity),
            quality=int(float(stars)) if stars else None,
            sample=self._name(sample) if sample else "",
            contains=tuple(self._lexicon.short(each) for each in self.contents(sample)),
            campaign=view.one(campaign, f"{SCHEMA}name") if campaign else "",
            author=view.one(author, LABEL) if author else "",
            begun=view.one(result, f"{PROV}startedAtTime"),
            provenance=self._provenance(result, sample) if provenance else {},
        )

    def sample(self, result: str) -> str:
        """Return the IRI of what a process examined, or else made; empty: nothing."""
        view = self._view
        examined = view.one(result, iri("hasMeasurementSample"), iri("hasTestObject"))
        if _is_sample(examined):
            return examined
        named = view.all(f"{result}#parameters", f"{SCHEMA}object")
        made = view.all(result, f"{PROV}generated")
        return next(filter(_is_sample, [*named, *made]), examined)

    def contents(self, sample: str) -> tuple[str, ...]:
        """Return the classes of the substances in a sample, by label."""
        if not sample:
            return ()
        if sample not in self._contents:
            relations = [*(iri(part) for part in PARTS), _DERIVED]
            seen, todo = {sample}, [sample]
            found: set[str] = set()
            while todo and len(seen) < _DEEP:
                for each in self._view.all(todo.pop(), *relations):
                    if each in seen or (each.startswith(_UUID) and "#" not in each):
                        continue
                    seen.add(each)
                    todo.append(each)
                    found |= self.classes(each, lx.SUBSTANCE)
            found -= {iri("Solvent"), iri("Solute")}
            ordered = sorted(found, key=lambda each: self._lexicon.label.get(each, each))
            self._contents[sample] = tuple(ordered)
        return self._contents[sample]

    def classes(self, thing: str, kind: str) -> set[str]:
        """Return the classes of a kind that a thing has, only the narrowest."""
        known = self._lexicon.concepts
        own = {
            each for each in self._view.types(thing) if each in known and known[each].kind == kind
        }
        natures = {iri(each) for each in _NATURES}
        own -= natures
        wide = {above for each in own for above in self._lexicon.above(each) if above != each}
        return own - wide

    def words(self, thing: str, kind: str) -> str:
        """Return the classes of a thing in words."""
        known = self._lexicon.concepts
        return ", ".join(sorted(known[each].words for each in self.classes(thing, kind)))

    def _conditions(self, result: str, quantity: str) -> tuple[Condition, ...]:
        told = []
        for each in self._view.all(result, iri("hasMeasurementParameter")):
            value, unit = self._view.number(each)
            name = self.words(each, lx.QUANTITY)
            if each == quantity or value is None or not name:
                continue
            spread = self._view.one(each, iri("hasMetrologicalUncertainty"))
            told.append(
                Condition(
                    quantity=name.removeprefix("thermodynamic "),
                    value=value,
                    unit=symbol_of(unit) if unit else "",
                    uncertainty=self._view.number(spread)[0] if spread else None,
                )
            )
        return tuple(sorted(told, key=lambda each: (each.unit == "1", each.quantity))[:_CONDITIONS])

    def _method(self, result: str) -> str:
        """Return a capability's method; the process in words where no capability is named."""
        for each in self._view.all(result, f"{DCTERMS}conformsTo"):
            if each.startswith(_CAPABILITY):
                name = each.removeprefix(_CAPABILITY).split(":")
                if len(name) > 1:
                    return unquote(name[1])
        return self.words(result, lx.METHOD)

    def _kind(self, result: str, quantity: str) -> str:
        types = self._view.types(quantity)
        if self._view.one(result, SIMULATED) == "true":
            return "simulated"
        if iri("MeasuredProperty") in types:
            return "measured"
        return "predicted" if iri("ModelledProperty") in types else "stated"

    def _name(self, sample: str) -> str:
        if _is_sample(sample):
            return unquote(sample.removeprefix(_SAMPLE))
        name = self._view.one(sample, f"{SCHEMA}identifier", f"{SCHEMA}name")
        return name if len(name) <= _NAME else ""

    def _provenance(self, result: str, sample: str) -> dict[str, Any]:
        view = self._view
        entry = next(iter(view.who(result, f"{SCHEMA}about")), "")
        instruments = view.all(result, iri("hasCharacterisationMeasurementInstrument"))
        used = view.all(result, f"{PROV}used")
        told = {
            "process": self.words(result, lx.METHOD),
            "ended": view.one(result, f"{PROV}endedAtTime"),
            "instrument": ", ".join(filter(None, (view.one(each, LABEL) for each in instruments))),
            "software": ", ".join(
                f"{view.one(each, f'{SCHEMA}name')} {view.one(each, f'{SCHEMA}softwareVersion')}"
                for each in used
                if each.startswith("urn:labmesh:software:")
            ),
            "protocol": [each for each in used if each.startswith("urn:labmesh:protocol:")],
            "request": next((e.removeprefix(_UUID) for e in used if _is_record(e)), ""),
            "made from": [self._name(each) for each in self._ancestors(sample)],
            "source": view.all(f"{result}#dataset", f"{SCHEMA}citation", f"{PROV}hadPrimarySource"),
            "licence": view.one(f"{result}#dataset", f"{SCHEMA}license"),
            "calibration": view.one(result, "urn:labmesh:term:calibration"),
            "host": view.one(result, "urn:labmesh:term:host"),
            "ledger offset": view.one(entry, f"{SCHEMA}position") if entry else "",
            "ledger hash": entry.removeprefix("urn:labmesh:entry:"),
        }
        return {name: value for name, value in told.items() if value}

    def _ancestors(self, sample: str) -> list[str]:
        found: list[str] = []
        todo = [sample] if sample else []
        while todo and len(found) < _DEEP:
            for each in self._view.all(todo.pop(), _DERIVED):
                if _is_sample(each) and each not in found:
                    found.append(each)
                    todo.append(each)
        return found


def _is_sample(thing: str) -> bool:
    return thing.startswith(_SAMPLE) and ":state:" not in thing and "#" not in thing


def _is_record(thing: str) -> bool:
    return thing.startswith(_UUID) and "#" not in thing
