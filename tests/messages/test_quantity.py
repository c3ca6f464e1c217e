from __future__ import annotations

import math
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import quantity as vocabulary
from messages.envelope import pack, unpack, validate
from messages.errors import BodyError
from messages.ledger import Rating
from messages.model import Model
from messages.quantity import Conductivity, InUnit, Quantity, Temperature
from messages.schema import json_schema, schema_hash
from tests.messages import strategies as some


class Reading(Model):
    """Two quantities."""

    conductivity: Conductivity
    temperature: Temperature | None = None


class OtherUnit(Model):
    """As `Reading`, in another unit."""

    conductivity: Annotated[Quantity, InUnit("S/cm", ge=0)]
    temperature: Temperature | None = None


@given(some.reals, st.none() | st.floats(0, 1e300), st.none() | some.ratings)
def test_quantities_round_trip(
    value: float, uncertainty: float | None, quality: Rating | None
) -> None:
    quantity = Quantity.of(value, "V", uncertainty, quality)
    assert Quantity.model_validate(unpack(pack(quantity))) == quantity


def test_the_right_unit_is_taken() -> None:
    body = {"conductivity": {"value": 1, "unit": "S/m"}}
    assert validate(Reading, body, where="data").conductivity == Quantity.of(1.0, "S/m")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"conductivity": {"value": 1.0, "unit": "S/cm"}},
            "data.conductivity: unit is 'S/cm' where 'S/m' is asked for",
        ),
        (
            {"conductivity": {"value": -0.1, "unit": "S/m"}},
            "data.conductivity: value -0.1 is below 0",
        ),
        (
            {
                "conductivity": {"value": 1, "unit": "S/m"},
                "temperature": {"value": 0, "unit": "K"},
            },
            "data.temperature: value 0.0 is not above 0",
        ),
        ({"conductivity": {"value": 1.0}}, "data.conductivity.unit: Field required"),
        ({"conductivity": 1.0}, "data.conductivity: Input should be a valid dictionary"),
        (
            {"conductivity": {"value": "1", "unit": "S/m"}},
            "data.conductivity.value: Input should be a valid number",
        ),
        (
            {"conductivity": {"value": math.nan, "unit": "S/m"}},
            "data.conductivity.value: Input should be a finite number",
        ),
        (
            {"conductivity": {"value": 1, "unit": "S/m", "uncertainty": -1}},
            "data.conductivity.uncertainty: Input should be greater than or equal to 0",
        ),
    ],
)
def test_refusals_name_the_problem(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(BodyError) as caught:
        validate(Reading, body, where="data")
    assert reason in str(caught.value)


def test_an_instance_with_a_wrong_unit_is_refused_too() -> None:
    with pytest.raises(ValueError, match="unit is 'mS/cm' where 'S/m' is asked for"):
        Reading(conductivity=Quantity.of(1, "mS/cm"))


def test_the_unit_is_constant_in_the_schema_and_part_of_its_hash() -> None:
    conductivity = json_schema(Reading)["properties"]["conductivity"]
    assert conductivity["properties"]["unit"]["const"] == "S/m"
    assert conductivity["properties"]["value"]["unit"] == "S/m"
    assert conductivity["properties"]["value"]["minimum"] == 0
    assert conductivity["required"] == ["value", "unit"]
    temperature = json_schema(Reading)["properties"]["temperature"]["anyOf"][0]
    assert temperature["properties"]["unit"]["const"] == "K"
    assert temperature["properties"]["value"]["exclusiveMinimum"] == 0
    assert "Quantity" not in json_schema(Reading)["$defs"]
    assert schema_hash(Reading) != schema_hash(OtherUnit)


def test_mean_of_repeats() -> None:
    mean = Quantity.mean([1.0, 2.0, 3.0, 4.0], "S/m")
    assert mean.value == 2.5
    assert mean.uncertainty == pytest.approx(math.sqrt(5 / 3) / 2)
    assert Quantity.mean([7], "K") == Quantity.of(7.0, "K")
    with pytest.raises(ValueError, match="there is no mean of no values"):
        Quantity.mean([], "K")


def test_every_alias_takes_its_own_unit() -> None:
    aliases = {
        name: alias.__metadata__[0]
        for name, alias in vars(vocabulary).items()
        if hasattr(alias, "__metadata__") and isinstance(alias.__metadata__[0], InUnit)
    }
    assert {"Conductivity", "Density", "Viscosity", "Volume", "Charge"} <= aliases.keys()
    for unit in aliases.values():
        one = Quantity.of(1.0, unit.symbol)
        assert unit.check(one) is one
