"""Compiled JSON Schemas of capabilities, results and limitations."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from copy import copy
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from messages.errors import BodyError
from messages.model import JsonObject
from messages.schema import hash_schema
from nodes.broker._schema_cost import check_cost

_MOST: Final = 3
"""Complaints named in one reason."""

_LOOKED_AT: Final = 1000
"""Complaints among which the deepest are chosen."""


class Schema:
    """A JSON Schema (draft 2020-12 unless it says otherwise), compiled.

    Args:
        schema: The schema. Nothing is fetched: a reference must point into it.

    Raises:
        BodyError: It is no valid schema, or checking values against it could take for ever.
    """

    def __init__(self, schema: JsonObject) -> None:
        self.schema = schema
        self.hash = hash_schema(schema)
        check_cost(schema)
        try:
            self._validator: Any = jsonschema_rs.validator_for(
                schema, retriever=_refuse_to_fetch, pattern_options=jsonschema_rs.RegexOptions()
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            reason = getattr(error, "message", "") or str(error).partition("\n")[0]
            raise BodyError(f"not a valid JSON Schema: {reason}") from None

    def worded(self, schema: JsonObject) -> Schema:
        """Return the same with other words and terms, which do not count for a schema's hash."""
        other = copy(self)
        other.schema = schema
        return other

    def accepts(self, value: Any) -> bool:
        """Tell whether ``value`` satisfies the schema; bytes count as text in base64."""
        try:
            return bool(self._validator.is_valid(value))
        except ValueError:
            return bool(self._validator.is_valid(_without_bytes(value)))

    def complaint(self, value: Any, where: str) -> str:
        """Return what is wrong with ``value``, each field by its path below ``where``."""
        # Of a long list every item may be wrong.
        errors = sorted(
            islice(self._validator.iter_errors(_without_bytes(value)), _LOOKED_AT),
            key=lambda error: -len(error.instance_path),
        )
        words = [
            f"{'.'.join([where, *map(str, error.instance_path)])[:300]}: {error.message[:300]}"
            for error in errors[:_MOST]
        ]
        if len(errors) > _MOST:
            least = "at least " if len(errors) == _LOOKED_AT else ""
            words.append(f"and {least}{len(errors) - _MOST} more")
        return "; ".join(words)


class Schemas:
    """Every schema compiled once."""

    def __init__(self) -> None:
        self._compiled: dict[str, Schema] = {}

    def compile(self, schema: JsonObject) -> Schema:
        """Return the compiled schema.

        Raises:
            BodyError: It is no valid schema.
        """
        key = hash_schema(schema)
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = Schema(schema)
        return found if found.schema == schema else found.worded(schema)


Vocabulary = Mapping[tuple[str, str], tuple[JsonObject, JsonObject]]
"""Schemas of parameters and of result data by (quantity, method), known before anyone offers."""


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _without_bytes(each) for name, each in value.items()}
    return [_without_bytes(each) for each in value] if isinstance(value, list | tuple) else value


def _refuse_to_fetch(uri: str) -> Any:
    raise ValueError(f"{uri} lies outside of the schema")
