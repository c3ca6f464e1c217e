from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field

from messages.errors import UnknownTypeError
from messages.ledger import Request
from messages.model import Model, Real, Unit
from messages.schema import hash_schema, json_schema, message_type, schema_hash


def test_words_do_not_change_the_hash() -> None:
    plain = {"type": "object", "properties": {"x": {"type": "number", "unit": "K"}}}
    worded = {
        "title": "Sheet",
        "description": "a sheet",
        "properties": {
            "x": {"unit": "K", "type": "number", "description": "words", "examples": [1]}
        },
        "type": "object",
    }
    assert hash_schema(plain) == hash_schema(worded)


@pytest.mark.parametrize(
    "other",
    [
        {"type": "object", "properties": {"x": {"type": "number", "unit": "V"}}},
        {"type": "object", "properties": {"x": {"type": "number"}}},
        {"type": "object", "properties": {"y": {"type": "number", "unit": "K"}}},
        {"type": "object", "properties": {"x": {"type": "integer", "unit": "K"}}},
    ],
)
def test_units_names_and_types_do(other: dict[str, Any]) -> None:
    assert hash_schema(other) != hash_schema(
        {"type": "object", "properties": {"x": {"type": "number", "unit": "K"}}}
    )


def test_fields_called_like_annotations_count() -> None:
    with_field = {"properties": {"title": {"type": "string", "title": "Title"}}}
    assert hash_schema(with_field) != hash_schema({"properties": {}})
    assert hash_schema(with_field) == hash_schema({"properties": {"title": {"type": "string"}}})
    called_properties = {"properties": {"properties": {"type": "string"}}}
    assert hash_schema(called_properties) == hash_schema(
        {"properties": {"properties": {"type": "string", "title": "Properties"}}}
    )
    nested = {"$defs": {"description": {"properties": {"examples": {"type": "null"}}}}}
    assert hash_schema(nested) != hash_schema({"$defs": {}})
    assert hash_schema(nested) != hash_schema({"$defs": {"description": {"properties": {}}}})


def test_the_hash_of_a_model_is_that_of_its_schema() -> None:
    class Sheet(Model):
        """Words."""

        x: Annotated[Real, Unit("K")] = Field(default=1.0, description="words")

    assert schema_hash(Sheet) == hash_schema(json_schema(Sheet))
    assert json_schema(Sheet) is json_schema(Sheet)


def test_message_types_are_found_by_name() -> None:
    assert message_type("Request@2") is Request
    with pytest.raises(UnknownTypeError, match=r"known: Request@2"):
        message_type("Request@3")
    with pytest.raises(UnknownTypeError, match="labmesh interface list"):
        message_type("")
