from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel

from messages.capabilities import CAPABILITIES, FINALES_CAPABILITIES
from messages.ids import check_name
from messages.model import Model
from messages.schema import hash_schema, json_schema

MODELS = sorted(
    {model for types in CAPABILITIES.values() for model in (types.input, types.output)},
    key=lambda model: model.__name__,
)

WITHOUT_UNIT = {"Rating.rating"}
"""Numbers that are no quantities: a mark from 0 to 5."""

UNITS = {
    "1", "1/h", "1/m", "A", "A.h", "A.h/m2", "K", "Pa.s", "S/m", "V", "kg/m3", "kg/mol", "m", "m2",
    "m3", "s", "W.h", "mA", "mA.h", "mV/s", "Hz", "kg", "By",
}  # fmt: skip


def numbers(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Yield every numeric leaf of a schema with the unit that holds for it."""

    def walk(node: Any, path: str, unit: str | None) -> Iterator[tuple[str, Any, str | None]]:
        if isinstance(node, list):
            for item in node:
                yield from walk(item, path, unit)
        if not isinstance(node, dict):
            return
        unit = node.get("unit", unit) if isinstance(node.get("unit"), str | None) else unit
        if node.get("format") == "ndarray" or node.get("type") in ("number", "integer"):
            yield path, node, unit
            return
        for name, item in node.get("properties", {}).items():
            yield from walk(item, f"{node.get('title', path)}.{name}", None)
        for key in ("anyOf", "allOf", "oneOf", "items", "prefixItems", "additionalProperties"):
            yield from walk(node.get(key), path, unit)

    yield from walk(schema, path, None)
    for name, definition in schema.get("$defs", {}).items():
        yield from walk(definition, name, None)


def test_all_capabilities_of_finales_2_are_here() -> None:
    assert len(FINALES_CAPABILITIES) == 13
    for (quantity, method), types in CAPABILITIES.items():
        assert check_name(quantity)
        assert check_name(method)
        assert types.description


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_number_has_a_unit(model: type[Model]) -> None:
    found = list(numbers(json_schema(model), model.__name__))
    without = {path for path, _, unit in found if unit is None} - WITHOUT_UNIT
    assert not without, f"no unit in the schema of {', '.join(sorted(without))}"
    assert {unit for _, _, unit in found if unit} <= UNITS


def test_the_walk_finds_numbers_without_unit() -> None:
    class Careless(BaseModel):
        good: int = 3
        deep: dict[str, list[float]]

    found = [path for path, _, unit in numbers(Careless.model_json_schema(), "x") if unit is None]
    assert found == ["Careless.good", "Careless.deep"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_described(model: type[Model]) -> None:
    """By its own description, by its type's docstring, or by a name that is that type's."""
    schema = json_schema(model)
    for definition in [schema, *schema.get("$defs", {}).values()]:
        assert definition["description"], f"{definition['title']} has no docstring"
    undescribed = [
        f"{definition['title']}.{name}"
        for definition in [schema, *schema.get("$defs", {}).values()]
        for name, field in definition["properties"].items()
        if "description" not in field and not refers(field)
    ]
    assert not undescribed


def refers(field: dict[str, Any]) -> bool:
    """Tell whether a field's type is a model, which describes itself."""
    parts = [field, *field.get("anyOf", []), field.get("items", {})]
    parts.append(field.get("additionalProperties") or {})
    return any(isinstance(p, dict) and ("$ref" in p or "properties" in p) for p in parts)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_schemas_are_schemas(model: type[Model]) -> None:
    assert jsonschema_rs.validator_for(json_schema(model))
    assert len(hash_schema(json_schema(model))) == 64


def test_a_validator_of_the_schema_refuses_what_the_model_refuses() -> None:
    schema = json_schema(CAPABILITIES["conductivity", "two_electrode"].input)
    validator = jsonschema_rs.validator_for(schema)
    formulation = {
        "fraction_type": "mole",
        "components": [{"chemical": {"smiles": "C"}, "fraction": 1.0}],
    }
    assert validator.is_valid({"formulation": formulation})
    assert not validator.is_valid({"formulation": formulation, "temperature": -3})
    assert not validator.is_valid({"formulation": formulation, "colour": "red"})
    assert not validator.is_valid({})
