"""The schemas of capabilities: of the workflow's own two ends, and of what its steps ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from messages.capabilities import CAPABILITIES
from messages.envelope import pack, unpack, validate
from messages.errors import BodyError, ConfigurationError, LabmeshError
from messages.model import JsonObject
from messages.query import CapabilityView
from messages.schema import json_schema
from nodes.overlort._definition import Workflow

Key = tuple[str, str]

MOST_BYTES: Final = 52 * 1024
"""Of an answer: the ledger's 60 KiB less parameters, provenance and rating."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What a capability takes and gives, as JSON Schemas."""

    input: JsonObject
    output: JsonObject


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The capabilities that are known."""

    known: Mapping[Key, Ends]

    def get(self, key: Key) -> Ends | None:
        """Return the two ends of a capability, None where it is not known."""
        return self.known.get(key)

    @classmethod
    def common(cls) -> Catalogue:
        """Return those of Labmesh's own vocabulary."""
        return cls(
            {
                key: Ends(json_schema(types.input), json_schema(types.output))
                for key, types in CAPABILITIES.items()
            }
        )

    @classmethod
    def of(cls, live: Mapping[Key, CapabilityView]) -> Catalogue:
        """Return those of a lab, with the common ones that it does not know yet."""
        found = {key: Ends(v.parameters_schema, v.result_schema) for key, v in live.items()}
        return cls({**cls.common().known, **found})


class EndsOf:
    """A workflow's own input and output.

    Args:
        workflow: The workflow.
        where: Its file, for errors.

    Raises:
        ConfigurationError: Its capability is not known, and the file has no schemas.
    """

    def __init__(self, workflow: Workflow, where: str = "") -> None:
        serves = workflow.serves
        self._types = CAPABILITIES.get(workflow.key)
        if self._types is None and (serves.input is None or serves.output is None):
            raise ConfigurationError(
                f"serves: Labmesh does not know the capability {'/'.join(workflow.key)}",
                where=where,
                remedy="write its JSON Schemas as input and output below serves",
            )
        self._own_input, self._own_output = serves.input, serves.output

    @property
    def input_schema(self) -> JsonObject:
        """JSON Schema of a request's parameters."""
        if self._own_input is not None:
            return self._own_input
        return json_schema(self._types.input) if self._types else {}

    @property
    def output_schema(self) -> JsonObject:
        """JSON Schema of the answer."""
        if self._own_output is not None:
            return self._own_output
        return json_schema(self._types.output) if self._types else {}

    def filled(self, parameters: JsonObject) -> JsonObject:
        """Return a request's parameters with the defaults of their schema.

        Raises:
            BodyError: They do not satisfy it.
        """
        if self._types is not None and self._own_input is None:
            model = validate(self._types.input, parameters, where="input")
            return dict(unpack(pack(model.model_dump())))
        properties = self.input_schema.get("properties", {})
        defaults = {
            name: schema["default"]
            for name, schema in properties.items()
            if isinstance(schema, dict) and "default" in schema
        }
        return {**defaults, **parameters}

    def answer(self, data: JsonObject) -> JsonObject:
        """Return an answer as it travels.

        Raises:
            LabmeshError: It does not satisfy the schema, or is too large for the ledger.
        """
        if self._types is not None and self._own_output is None:
            model = validate(self._types.output, data, where="answer")
            data = model.model_dump(exclude_none=True)  # the ledger's 60 KiB are soon full
        else:
            _satisfies(self.output_schema, data)
        packed = pack(data)
        if len(packed) > MOST_BYTES:
            raise LabmeshError(
                f"the answer has {len(packed)} bytes, more than {MOST_BYTES}", where="answer",
                remedy="leave data where they are, and give the uuids of the results (or thin())",
            )  # fmt: skip
        return dict(unpack(packed))


def _satisfies(schema: JsonObject, value: Any) -> None:
    validator = jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions())
    for error in validator.iter_errors(without_bytes(value)):
        path = ".".join(["answer", *map(str, error.instance_path)])
        raise BodyError(f"{path}: {error.message}")


def without_bytes(value: Any) -> Any:
    """Return ``value`` with bytes as texts, which is what JSON Schema can speak of."""
    if isinstance(value, bytes):
        return ""
    if isinstance(value, dict):
        return {key: without_bytes(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_bytes(item) for item in value]
    return value
