"""From data and their schema to nodes: the terms in the schema say what everything is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from labmesh.semantics import iris
from labmesh.semantics._identity import Identity, identity, is_property, named, target
from labmesh.semantics._look import Schema, Sense, look
from labmesh.semantics._mixture import is_formulation, put_chemical, put_composition
from labmesh.semantics._nodes import Label, Nodes, as_json
from labmesh.semantics._quantity import is_array, is_quantity, put_array, put_quantity
from labmesh.semantics._rating import put_rating
from labmesh.semantics._vocabulary import vocabulary
from messages.meaning import BY_CAPABILITY, ENCLOSING, IDENTITY

SAMPLE_RELATIONS: Final = frozenset({"hasMeasurementSample", "hasTestObject"})
"""Relations of a process to what it examined."""

_DISSOLVED: Final = ("ElectrolyteSolution", "Electrolyte", "Solution")
_MATERIALS: Final = (*_DISSOLVED, "Material", "Electrode", "Mixture")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a description a value belongs.

    Attributes:
        node: IRI of what it belongs to.
        base: IRI whose parts are named by `path`.
        path: Of the value in the data.
        quantities: How a number hangs on ``node`` unless its schema says.
        things: How an object hangs on ``node`` unless its schema says.
        nature: What a number is by nature.
    """

    node: str
    base: str
    path: tuple[str | int, ...]
    quantities: str
    things: str
    nature: str

    def step(self, key: str | int) -> Place:
        """Return the place of a value within this one."""
        return replace(self, path=(*self.path, key))

    def within(self, node: str) -> Place:
        """Return the place of what belongs to ``node`` rather than to the whole."""
        return replace(self, node=node, quantities="hasProperty", things="hasPart")

    @property
    def iri(self) -> str:
        """IRI of the value."""
        return iris.part(self.base, *self.path)


class Walk:
    """Describes the data of one entry.

    Args:
        nodes: Where it is said.
        holder: IRI of what holds the data; arrays are found there.
        born: IRIs of samples whose composition is said here and nowhere else.
        examines: How what is described stands to the sample it is about, where it is no
            examination of it; empty where it is one.
    """

    def __init__(
        self,
        nodes: Nodes,
        holder: str,
        *,
        born: Collection[str] = (),
        examines: str = "",
    ) -> None:
        self._nodes = nodes
        self._holder = holder
        self._born = born
        self._examines = examines
        self.quantities: list[tuple[str, str, str]] = []
        """(IRI of its owner, how it hangs there, IRI) of each number, in the order of the data."""
        self.classes: list[str] = []
        """Labels of what was found."""
        self.materials: list[str] = []
        """IRIs of what has a composition."""

    def take(self, value: Any, schema: Schema | None, place: Place, root: Schema | None) -> None:
        """Describe ``value``; what no schema gives a meaning to stays in the record alone."""
        if schema is None or root is None or value is None or value in ("", [], {}, ()):
            return
        self._take(value, look(schema, root, value), place, root)

    def root(self, value: Mapping[str, Any], schema: Schema, place: Place) -> None:
        """Describe the fields of a capability's parameters or data, of which ``schema`` is."""
        self.fields(value, look(schema, schema, value).schema, place, schema)

    def fields(self, value: Mapping[str, Any], schema: Schema, place: Place, root: Schema) -> None:
        """Describe what an object consists of."""
        known = _mapping(schema.get("properties"))
        others = schema.get("additionalProperties")
        for key, item in value.items():
            inner = known.get(key, others)
            if isinstance(inner, Mapping):
                self.take(item, inner, place.step(key), root)

    def _take(self, value: Any, sense: Sense, place: Place, root: Schema) -> None:
        if sense.administrative or sense.relation == IDENTITY:
            return
        if sense.term == BY_CAPABILITY.label:
            self._nodes.put(place.node, "labmesh:values", as_json(value))
        elif is_quantity(value):
            self._quantity(value, sense, place)
        elif is_array(value):
            self._array(value, sense, place)
        elif isinstance(value, dict):
            self._object(value, sense, place, root)
        elif isinstance(value, list | tuple):
            self._items(value, sense, place, root)
        else:
            self._scalar(value, sense, place)

    def _items(self, value: Any, sense: Sense, place: Place, root: Schema) -> None:
        told = sense.schema.get("prefixItems")
        first = told if isinstance(told, list | tuple) else ()
        rest = sense.schema.get("items")
        for index, item in enumerate(value):
            schema = first[index] if index < len(first) else rest
            own = look(schema, root, item) if isinstance(schema, Mapping) else Sense()
            inherited = own.inheriting(sense)
            if item is not None and item != "":
                self._take(item, inherited, place.step(index), root)

    def _object(self, value: Mapping[str, Any], sense: Sense, place: Place, root: Schema) -> None:
        nodes, label = self._nodes, "" if sense.term == ENCLOSING.label else sense.term
        if is_formulation(value) and self._composes(label, place):
            put_composition(
                nodes, place.node, value, nature=place.nature, dissolved=self._solution(place.node)
            )
            return
        who = identity(value, sense.schema, root)
        if not value.keys() & _mapping(sense.schema.get("properties")).keys():
            self._map(value, sense, place, root)
            return
        if not label:
            self.fields(value, sense.schema, place, root)
            return
        if is_property(label):
            # The term says how it hangs there, and nothing of what it is.
            sense, label = replace(sense, relation=label), "prov:Entity"
        iri = self._thing(value, label, who, place)
        self.classes.append(label)
        self._tie(iri, sense, place)
        inner = place.within(iri)
        if sense.relation == "dcterms:conformsTo":
            inner = replace(inner, nature="ConventionalProperty")  # a design, not what was made
        if label == "ChemicalSubstance":
            chemical = value.get("chemical", value)
            put_chemical(nodes, iri, chemical if isinstance(chemical, dict) else value)
        if is_formulation(value):
            self.materials.append(iri)
            put_composition(nodes, iri, value, nature=place.nature, dissolved=self._solution(iri))
        elif set(value) <= _RATING and "rating" in value:
            put_rating(nodes, iri, value)
        else:
            self.fields(value, sense.schema, inner, root)

    def _map(self, value: Mapping[str, Any], sense: Sense, place: Place, root: Schema) -> None:
        """Describe what has keys of its own: each value, or all of them as they are."""
        inner = sense.schema.get("additionalProperties")
        if not isinstance(inner, Mapping) or not inner:
            if sense.term and not is_property(sense.term):
                iri = self._nodes.add(place.iri, sense.term)
                self._nodes.put(iri, "labmesh:values", as_json(value))
                self._tie(iri, sense, place)
            elif sense.term:
                self._nodes.put(place.node, "labmesh:values", as_json(value))
            return
        for key, item in value.items():
            own = look(inner, root, item).inheriting(sense)
            if isinstance(item, str) and is_property(own.term):
                self._nodes.put(place.node, own.term, f"{key} {item}")
            elif item is not None:
                self._take(item, own, place.step(key), root)
                if place.step(key).iri in self._nodes:
                    self._nodes.put(place.step(key).iri, "rdfs:label", key)

    def _tie(self, iri: str, sense: Sense, place: Place) -> None:
        """Hang a thing on what it belongs to."""
        relation = sense.relation or place.things
        if relation in SAMPLE_RELATIONS and self._examines:
            relation = "hasOutput" if iri in self._born else self._examines
        self._nodes.link(place.node, relation, iri)

    def _thing(
        self, value: Mapping[str, Any], label: str, who: Identity | None, place: Place
    ) -> str:
        """Name the thing that an object describes; return its IRI.

        A sample's composition is said once, by the result that made it. What another result says
        of it is said of the sample as that result found it.
        """
        nodes = self._nodes
        if who is None:
            file = value.get("sha256") if label == "DataFile" else None
            made = self._made(label) if _has_composition(value) else None
            return nodes.add(made or (iris.artifact(file) if file else place.iri), label)
        if _has_composition(value) and who.iri not in self._born:
            iri = nodes.add(place.iri, label, *who.types)
            nodes.link(iri, "prov:specializationOf", who.iri)
        else:
            iri = nodes.add(who.iri, label, *who.types)
        nodes.put(iri, "schema:identifier", who.name)
        return iri

    def _made(self, label: str) -> str | None:
        """Return the one sample of a class that was made here; None if there is not just one."""
        found = [iri for iri in self._born if label in self._nodes.types(iri)]
        return found[0] if len(found) == 1 else None

    def _composes(self, label: str, place: Place) -> bool:
        """Whether a formulation is the composition of what it belongs to, not a thing itself."""
        own = self._nodes.types(place.node)
        return any(_is_a(each, _MATERIALS) for each in own) and (
            not label or _is_a(label, ("Mixture", *_DISSOLVED))
        )

    def _solution(self, iri: str) -> bool:
        return any(_is_a(each, _DISSOLVED) for each in self._nodes.types(iri))

    def _quantity(self, value: Mapping[str, Any], sense: Sense, place: Place) -> None:
        if not sense.term:
            return
        iri = put_quantity(
            self._nodes,
            place.iri,
            sense.term,
            value["value"],
            value["unit"],
            nature=_nature(sense.term, place),
            uncertainty=value.get("uncertainty"),
        )
        if value.get("quality"):
            rating = iris.part(iri, "quality")
            put_rating(self._nodes, rating, value["quality"])
            self._nodes.link(iri, "schema:contentRating", rating)
        self._hang(iri, sense, place)

    def _array(self, value: Mapping[str, Any], sense: Sense, place: Place) -> None:
        if not sense.term or is_property(sense.term):
            return
        pointer = "/" + "/".join(map(str, place.path))
        iri = put_array(
            self._nodes, place.iri, sense.term, value, sense.unit, where=self._holder, at=pointer
        )
        self.classes.append(sense.term)
        self._nodes.link(place.node, sense.relation or place.quantities, iri)

    def _scalar(self, value: Any, sense: Sense, place: Place) -> None:
        nodes, label = self._nodes, sense.term
        if not label:
            return
        if isinstance(value, str) and value in sense.values:
            self._choice(sense.values[value], sense, place)
        elif is_property(label):
            nodes.put(place.node, *target(value, label, sense.schema))
        elif isinstance(value, bool):
            nodes.put(nodes.add(place.iri, label), "prov:value", value)
            nodes.link(place.node, sense.relation or place.things, place.iri)
        elif isinstance(value, int | float):
            nature = _nature(label, place)
            put_quantity(nodes, place.iri, label, value, sense.unit, nature=nature)
            self._hang(place.iri, sense, place)
        else:
            iri = named(str(value), sense.schema) or place.iri
            nodes.add(iri, label)
            nodes.put(iri, "schema:name" if iri == place.iri else "schema:identifier", str(value))
            self._tie(iri, sense, place)
            self.classes.append(label)

    def _choice(self, chosen: str, sense: Sense, place: Place) -> None:
        if sense.relation:
            self._nodes.link(place.node, sense.relation, self._nodes.add(place.iri, chosen))
        elif is_property(sense.term):
            self._nodes.put(place.node, sense.term, Label(chosen))
        else:
            self._nodes.add(place.node, chosen)
        self.classes.append(chosen)

    def _hang(self, iri: str, sense: Sense, place: Place) -> None:
        relation = sense.relation or place.quantities
        self._nodes.link(place.node, relation, iri)
        self.quantities.append((place.node, relation, iri))
        self.classes.append(sense.term)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _has_composition(value: Mapping[str, Any]) -> bool:
    return is_formulation(value) or any(
        is_formulation(item) or (isinstance(item, dict) and any(map(is_formulation, item.values())))
        for item in value.values()
    )


_RATING: Final = frozenset({"success", "rating", "reason"})
_SETTINGS: Final = (
    "NumberOfEntities",
    "RandomSeed",
    "SequenceNumber",
    "StateNumber",
    "ChannelNumber",
    "ModelParameter",
    "SearchCoordinate",
    "TotalNumberOfCycles",
)
"""Quantities that are counted or chosen, whoever tells them: neither measured nor modelled."""


def _nature(label: str, place: Place) -> str:
    return "ConventionalProperty" if _is_a(label, _SETTINGS) else place.nature


def _is_a(label: str, above: tuple[str, ...]) -> bool:
    words = vocabulary()
    return label in words and any(words.is_a(label, each) for each in above if each in words)
