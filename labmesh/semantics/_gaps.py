"""What a schema leaves unsaid: fields without a term, and terms that do not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from labmesh.semantics._entry import ONE, Entry
from labmesh.semantics._vocabulary import Vocabulary, vocabulary
from messages.meaning import DECLARED, IDENTITY, VALUES, Term, meaning, resolved

Schema = Mapping[str, Any]

_NUMBERS: Final = frozenset({"number", "integer"})
_QUANTITY: Final = frozenset({"value", "uncertainty", "unit", "quality"})
"""Fields of a `messages.quantity.Quantity`."""

_UNCERTAINTY: Final = "MetrologicalUncertainty"
"""Has the unit of the quantity it belongs to, whatever that is."""

_ANY: Final = frozenset(
    {"SearchCoordinate", "ExpectedImprovement", "ObjectiveExpectation", "Quantity"}
)
"""Quantities whose unit is that of something else, so that any will do."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that a stranger could not understand.

    Attributes:
        model: Title of the schema in which it is.
        field: Its name; empty for the model itself.
        what: What is missing or wrong, and what to write.
    """

    model: str
    field: str
    what: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.model}{'.' * bool(self.field)}{self.field}: {self.what}"


def gaps(schema: Schema) -> tuple[Gap, ...]:
    """Return what the schema of a capability's input or output, or of a message, leaves unsaid.

    Every number, quantity, array and nested object has a term of the vocabulary, its unit has the
    dimension of the term; every word has a term, or is declared to describe nothing
    (`messages.meaning.ADMINISTRATIVE`). Each model is looked at once.
    """
    return tuple(_Walk(schema, vocabulary()).model(schema, str(schema.get("title", "schema"))))


class _Walk:
    def __init__(self, root: Schema, terms: Vocabulary) -> None:
        self._root = root
        self._terms = terms
        self._seen: set[str] = set()

    def model(self, schema: Schema, title: str) -> Iterator[Gap]:
        said = meaning(schema, self._root)
        if said is None:
            hint = f'class {title}(Model, term="...")'
            yield Gap(title, "", f"does not say what it describes: {hint}{self._hint(title)}")
        else:
            yield from self._known(title, "", said)
        for name, field in schema.get("properties", {}).items():
            yield from self._field(title, name, field)

    def _field(self, title: str, name: str, field: Schema) -> Iterator[Gap]:
        said, value = meaning(field, self._root), resolved(field, self._root)
        if said is not None and said.label in DECLARED - {"enclosing"}:
            return
        if said is not None:
            yield from self._known(title, name, said)
        if _is_quantity(value) or value.get("format") == "ndarray" or _is_number(value):
            unit = field.get("unit") or value.get("unit") or _unit_of(value)
            yield from self._number(title, name, said, unit or _inner_unit(field))
        elif said is not None or not _is_leaf(value):
            yield from self._parts(title, name, field, value, said)
        else:
            what = f'says no term: Annotated[..., Term("...")], or ADMINISTRATIVE{self._hint(name)}'
            yield Gap(title, name, what)

    def _number(self, title: str, name: str, said: Term | None, unit: str | None) -> Iterator[Gap]:
        if said is None:
            what = f'is a number without a term: Annotated[..., Term("...")]{self._hint(name)}'
            yield Gap(title, name, what)
        elif said.label in self._terms and self._is_class(said.label):
            yield from self._unit(title, name, self._terms.entry(said.label), unit)

    def _unit(self, title: str, name: str, term: Entry, unit: str | None) -> Iterator[Gap]:
        known = {s for entry in self._terms.entries() for s in entry.symbols}
        if unit is not None and unit not in known:
            yield Gap(title, name, f"unit {unit!r} has no IRI: add it to the vocabulary")
        elif self._any_dimension(term.label):
            return
        elif not self._terms.is_a(term.label, "Quantity"):
            yield Gap(title, name, f"is a number, but {term.label} is no quantity")
        elif unit is None and (term.dimension or ONE) != ONE:
            yield Gap(title, name, f'has no unit, as {term.label} needs: Unit("...")')
        elif unit is not None and not self._terms.agree(term.label, unit):
            has, needs = (
                self._terms.unit_entry(unit).dimension,
                term.dimension or "none that is known",
            )
            yield Gap(title, name, f"unit {unit!r} is {has}, but {term.label} is {needs}")

    def _parts(
        self, title: str, name: str, field: Schema, value: Schema, said: Term | None
    ) -> Iterator[Gap]:
        """Look at what an object, a list, a map or a choice is made of."""
        if value.get("properties") is not None:
            inner = str(value.get("title", name))
            if inner not in self._seen:
                self._seen.add(inner)
                yield from self.model({**value, **_said(said)}, inner)
            return
        kinds = [value.get("items"), value.get("additionalProperties")]
        kinds += [*value.get("anyOf", ()), *value.get("oneOf", ()), *value.get("prefixItems", ())]
        parts = [part for part in kinds if isinstance(part, dict) and part.get("type") != "null"]
        for part in parts:
            # A part that says nothing itself means what the whole does.
            own = meaning(part, self._root)
            yield from self._field(title, name, part if own else {**part, **_said(said)})
        if not parts and said is None:
            yield Gap(title, name, "says no term")

    def _known(self, title: str, name: str, said: Term) -> Iterator[Gap]:
        labels = [said.label, said.relation, *(label for _, label in said.values)]
        for label in labels:
            if label and label not in self._terms and label not in {*DECLARED, IDENTITY}:
                yield Gap(title, name, f"{label!r} is no term of the vocabulary{self._hint(label)}")
        if said.relation in self._terms and not self._is_property(said.relation):
            yield Gap(title, name, f"{said.relation!r} is a class, and no relation")

    def _is_class(self, label: str) -> bool:
        return self._terms.entry(label).kind == "class" and ":" not in label

    def _is_property(self, label: str) -> bool:
        return "property" in self._terms.entry(label).kind

    def _any_dimension(self, label: str) -> bool:
        return label in _ANY or self._terms.is_a(label, _UNCERTAINTY)

    def _hint(self, words: str) -> str:
        found = [c.label for c in self._terms.find(words.replace("_", " "))[:3]]
        return f" (perhaps {', '.join(found)})" if found else ""


def _said(term: Term | None) -> dict[str, Any]:
    if term is None:
        return {}
    schema: dict[str, Any] = {}
    term.write(schema)
    return {k: v for k, v in schema.items() if k != VALUES}


def _is_number(value: Schema) -> bool:
    return value.get("type") in _NUMBERS


def _is_quantity(value: Schema) -> bool:
    return set(value.get("properties", ())) == _QUANTITY


def _unit_of(value: Schema) -> str | None:
    unit = value.get("properties", {}).get("unit", {}).get("const") if _is_quantity(value) else None
    return None if unit is None else str(unit)


def _inner_unit(field: Schema) -> str | None:
    """Return the unit that stands in the only alternative of a field besides null."""
    for choice in field.get("anyOf", ()):
        if "unit" in choice:
            return str(choice["unit"])
    return None


def _is_leaf(value: Schema) -> bool:
    return value.get("type") in ("string", "boolean") or "enum" in value or "const" in value
