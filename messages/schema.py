"""JSON Schemas of message types, and their hashes."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from pydantic import BaseModel

from messages.errors import UnknownTypeError
from messages.meaning import KEYWORDS
from messages.model import TYPES, Message

_ANNOTATIONS = frozenset({"title", "description", "examples"}) | KEYWORDS


@cache
def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what travels for ``model``. Do not change it."""
    return model.model_json_schema(mode="validation")


@cache
def schema_hash(model: type[BaseModel]) -> str:
    """Return the sha256, in hex, of the canonical JSON Schema of ``model``."""
    return hash_schema(json_schema(model))


def hash_schema(schema: dict[str, Any]) -> str:
    """Return the sha256, in hex, of ``schema`` in canonical form.

    Canonical: without titles, descriptions, examples and terms (they may improve without breaking
    anyone), keys sorted, no white space, UTF-8. Units stay: numbers are read by them.
    """
    text = json.dumps(
        _without_words(schema), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def message_type(name: str) -> type[Message]:
    """Return the class registered as ``name`` (``Request@1``).

    Raises:
        UnknownTypeError: Nothing is registered under that name; known versions are listed.
    """
    found = TYPES.get(name)
    if found is not None:
        return found
    stem = name.partition("@")[0]
    known = sorted(t for t in TYPES if t.partition("@")[0] == stem)
    if known:
        raise UnknownTypeError(
            f"version of {name!r} is not known here (known: {', '.join(known)})",
            where="type",
            remedy="update the older of the two nodes",
        )
    raise UnknownTypeError(
        f"message type {name!r} is not known here",
        where="type",
        remedy="install the package that defines it, or see `labmesh interface list`",
    )


def _without_words(node: Any, *, names: bool = False) -> Any:
    """Strip annotation keywords; below ``properties`` and ``$defs`` keys are names."""
    if isinstance(node, dict):
        return {
            key: _without_words(value, names=not names and key in ("properties", "$defs"))
            for key, value in node.items()
            if names or key not in _ANNOTATIONS
        }
    if isinstance(node, list):
        return [_without_words(item) for item in node]
    return node
