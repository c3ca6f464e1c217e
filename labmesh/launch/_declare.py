"""How an action declares its keys: one declaration drives the parser, the schema and the docs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from labmesh.launch._document import Value
from labmesh.launch._problem import Position


class Kind(StrEnum):
    """What a key's value must be once its substitutions are made."""

    ANY = "any"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    VALUES = "values"
    TEXTS = "texts"
    LIST = "list"
    AFTER = "after"
    RESPAWN = "respawn"
    ACTIONS = "actions"


@dataclass(frozen=True, slots=True)
class Key:
    """A declared key of an action."""

    name: str
    attribute: str
    kind: Kind
    doc: str
    required: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """An action as written: unevaluated values with their positions."""

    position: Position
    if_: Value | None = field(
        default=None,
        metadata={"kind": Kind.BOOLEAN, "doc": "take this action only when this is true"},
    )
    unless: Value | None = field(
        default=None, metadata={"kind": Kind.BOOLEAN, "doc": "take this action unless this is true"}
    )


E = TypeVar("E", bound=type[Entity])

ACTIONS: Final[dict[str, type[Entity]]] = {}
"""Every action by the name it has in launch files."""

SHORTHANDS: Final[dict[str, str]] = {}
"""The key that an action's bare scalar stands for: ``log: text`` is ``log: {message: text}``."""


def action(name: str, *, shorthand: str = "") -> Any:
    """Register an entity class as the action ``name``; its docstring's first line describes it."""

    def register(cls: E) -> E:
        ACTIONS[name] = cls
        if shorthand:
            SHORTHANDS[name] = shorthand
        return cls

    return register


def key(kind: Kind, doc: str, *, required: bool = False, choices: tuple[str, ...] = ()) -> Any:
    """Declare a key as a dataclass field that holds None when the key is absent."""
    return field(
        default=None,
        metadata={"kind": kind, "doc": doc, "required": required, "choices": choices},
    )


def keys_of(cls: type[Entity]) -> dict[str, Key]:
    """Return the declared keys of an action, by the name they have in launch files."""
    return {
        item.name.rstrip("_"): Key(
            item.name.rstrip("_"),
            item.name,
            item.metadata["kind"],
            item.metadata["doc"],
            item.metadata.get("required", False),
            item.metadata.get("choices", ()),
        )
        for item in dataclasses.fields(cls)
        if "kind" in item.metadata
    }
