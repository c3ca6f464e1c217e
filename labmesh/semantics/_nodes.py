"""What an entry says, as nodes and their properties: the one form that all outputs are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Ref:
    """Another node, by its IRI."""

    iri: str


@dataclass(frozen=True, slots=True)
class Label:
    """A term, by its label or ``prefix:name``."""

    word: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A literal of a datatype that neither its property nor Python says.

    Attributes:
        text: Its lexical form.
        datatype: ``prefix:name``.
    """

    text: str
    datatype: str


Value = str | bool | int | float | Ref | Label | Typed


class Nodes:
    """Nodes by IRI, in the order in which they were first named. There are no blank ones."""

    def __init__(self) -> None:
        self._types: dict[str, list[str]] = {}
        self._values: dict[str, dict[str, list[Value]]] = {}

    def add(self, iri: str, *types: str) -> str:
        """Make sure that a node is there and of these types; return its IRI."""
        known = self._types.setdefault(iri, [])
        self._values.setdefault(iri, {})
        known.extend(each for each in dict.fromkeys(types) if each and each not in known)
        return iri

    def put(self, iri: str, key: str, value: Value | None) -> None:
        """Say something of a node; None and empty text say nothing, nothing is said twice."""
        if value is None or value == "":
            return
        said = self._values.setdefault(iri, {}).setdefault(key, [])
        self._types.setdefault(iri, [])
        # True is 1 to Python, and not to anybody else.
        if not any(type(each) is type(value) and each == value for each in said):
            said.append(value)

    def link(self, iri: str, key: str, other: str) -> None:
        """Say that a node is in a relation with another."""
        self.put(iri, key, Ref(other))

    def take(self, iri: str, key: str) -> list[Value]:
        """Take back what has been said of a node by a property, and return it."""
        return self._values.get(iri, {}).pop(key, [])

    def types(self, iri: str) -> list[str]:
        """Return the types of a node."""
        return self._types.get(iri, [])

    def values(self, iri: str, key: str) -> list[Value]:
        """Return what has been said of a node by a property."""
        return self._values.get(iri, {}).get(key, [])

    def __contains__(self, iri: str) -> bool:
        return iri in self._types

    def __iter__(self) -> Iterator[tuple[str, list[str], Mapping[str, list[Value]]]]:
        for iri, types in self._types.items():
            if types or self._values[iri]:
                yield iri, types, self._values[iri]


_BILLION: Final = 1_000_000_000


def moment(nanoseconds: int) -> str:
    """Return a point in time (ns since 1970, UTC) as ``xsd:dateTime``, to the microsecond."""
    seconds, rest = divmod(nanoseconds, _BILLION)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000).isoformat()


def as_json(value: Any) -> Typed:
    """Return a plain value as a JSON literal: what no term says is kept so, in one piece.

    Bytes are left out of it, their length told.
    """
    text = json.dumps(_texts(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Typed(text, "rdf:JSON")


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return f"{len(value)} bytes" if isinstance(value, bytes) else value
