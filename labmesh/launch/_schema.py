"""The JSON Schema of launch files, from the declarations that also drive the parser."""

from __future__ import annotations

import inspect
from typing import Any, Final

from labmesh.launch import _entities  # noqa: F401 - registers the actions
from labmesh.launch._declare import ACTIONS, SHORTHANDS, Entity, Key, Kind, keys_of
from labmesh.launch._parse import TOP_KEYS, VERSION
from labmesh.launch._processes import NODE_STATES

_SUBSTITUTION: Final = {"type": "string", "pattern": r"\$\("}
_SCALAR: Final = {"type": ["string", "number", "boolean", "null"]}
_ACTION_LIST: Final = {"type": "array", "items": {"$ref": "#/$defs/action"}}

_KINDS: Final[dict[Kind, dict[str, Any]]] = {
    Kind.ANY: {},
    Kind.TEXT: {"type": ["string", "number", "boolean", "null"]},
    Kind.INTEGER: {"anyOf": [{"type": "integer", "minimum": 0}, _SUBSTITUTION]},
    Kind.NUMBER: {"anyOf": [{"type": "number", "minimum": 0}, _SUBSTITUTION]},
    Kind.BOOLEAN: {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, _SUBSTITUTION]},
    Kind.VALUES: {"type": ["object", "null"]},
    Kind.TEXTS: {"type": ["object", "null"], "additionalProperties": _SCALAR},
    Kind.LIST: {"anyOf": [{"type": "array", "items": _SCALAR, "minItems": 1}, {"type": "string"}]},
    Kind.AFTER: {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {
                "type": "object",
                "additionalProperties": {"anyOf": [{"enum": list(NODE_STATES)}, _SUBSTITUTION]},
            },
        ]
    },
    Kind.RESPAWN: {
        "anyOf": [
            {"type": "boolean"},
            _SUBSTITUTION,
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "delay": {"anyOf": [{"type": "number", "minimum": 0}, _SUBSTITUTION]},
                    "max_retries": {"anyOf": [{"type": "integer", "minimum": 0}, _SUBSTITUTION]},
                    "when": {"anyOf": [{"enum": ["exit", "killed"]}, _SUBSTITUTION]},
                },
            },
        ]
    },
    Kind.ACTIONS: _ACTION_LIST,
}


def launch_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a launch file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Labmesh launch file",
        "type": "object",
        "additionalProperties": False,
        "required": ["labmesh_launch", "launch"],
        "properties": {
            "labmesh_launch": {"const": VERSION, "description": TOP_KEYS["labmesh_launch"]},
            "realm": {"type": "string", "description": TOP_KEYS["realm"]},
            "site": {"type": "string", "description": TOP_KEYS["site"]},
            "launch": {**_ACTION_LIST, "description": TOP_KEYS["launch"]},
        },
        "$defs": {
            "action": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in ACTIONS]},
            **{name: _action(name, cls) for name, cls in ACTIONS.items()},
        },
    }


def _action(name: str, cls: type[Entity]) -> dict[str, Any]:
    keys = keys_of(cls)
    body: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _key(key) for key in keys.values()},
    }
    required = [key.name for key in keys.values() if key.required]
    if required:
        body["required"] = required
    if name in SHORTHANDS:
        body = {"anyOf": [_SCALAR, body]}
    return {
        "type": "object",
        "description": (inspect.getdoc(cls) or "").splitlines()[0],
        "additionalProperties": False,
        "required": [name],
        "properties": {name: body},
    }


def _key(key: Key) -> dict[str, Any]:
    kind = _KINDS[key.kind]
    if key.choices:
        kind = {"anyOf": [{"enum": list(key.choices)}, _SUBSTITUTION]}
    return {"description": key.doc, **kind}
