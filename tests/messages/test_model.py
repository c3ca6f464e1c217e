from __future__ import annotations

import math
from typing import Annotated, Any

import pytest

from messages.envelope import validate
from messages.errors import BodyError
from messages.location import Location
from messages.model import (
    TYPES,
    Count,
    Flag,
    Message,
    Model,
    Nanoseconds,
    Positive,
    Real,
    Text,
    Unit,
)
from messages.schema import json_schema


class Sheet(Model):
    """One field of every shared type."""

    real: Real = 0.0
    count: Count = 0
    positive: Positive = 1
    flag: Flag = False
    when: Nanoseconds = 0
    text: Text = ""
    ratio: Annotated[Real, Unit("1")] | None = None
    inner: Sheet | None = None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("real", "1.5"),
        ("real", True),
        ("real", math.nan),
        ("real", math.inf),
        ("count", -1),
        ("count", 2**63),
        ("positive", 0),
        ("positive", 2**63),
        ("count", 1.0),
        ("count", "1"),
        ("count", True),
        ("flag", 1),
        ("flag", "true"),
        ("when", 2**63),
        ("text", "x" * 4001),
        ("text", 3),
        ("colour", "red"),
    ],
)
def test_what_merely_looks_right_is_refused(field: str, value: Any) -> None:
    with pytest.raises(BodyError, match=rf"Sheet is not valid: here\.{field}: "):
        validate(Sheet, {field: value}, where="here")


def test_an_integer_is_a_real() -> None:
    assert validate(Sheet, {"real": 3}, where="").real == 3.0


def test_models_are_immutable_and_hashable() -> None:
    sheet = Sheet(real=1.0)
    with pytest.raises(ValueError, match="frozen"):
        sheet.real = 2.0  # type: ignore[misc]
    assert len({sheet, Sheet(real=1.0), Sheet(real=2.0)}) == 2


def test_models_compare_by_type_and_value() -> None:
    class Other(Sheet):
        """The same fields under another name."""

    assert Sheet(inner=Sheet(real=1)) == Sheet(inner=Sheet(real=1))
    assert Sheet(inner=Sheet(real=1)) != Sheet(inner=Sheet(real=2))
    assert Sheet() != Other()
    assert Sheet() != {}


def test_units_stand_in_the_schema() -> None:
    assert json_schema(Sheet)["$defs"]["Sheet"]["properties"]["ratio"]["anyOf"][0]["unit"] == "1"


def test_a_named_message_is_registered_once() -> None:
    class Wish(Message, name="TestWish", version=3):
        """A message of this test."""

    assert Wish.TYPE == "TestWish@3"
    assert TYPES["TestWish@3"] is Wish
    with pytest.raises(TypeError) as caught:

        class Hope(Message, name="TestWish", version=3):
            """Another of the same name."""

    here = f"{__name__}.test_a_named_message_is_registered_once.<locals>"
    assert str(caught.value) == f"TestWish@3 is already {here}.Wish, so not {here}.Hope"
    with pytest.raises(TypeError, match="is already"):
        type(
            "Wish",
            (Message,),
            {"__module__": "elsewhere", "__doc__": "x"},
            name="TestWish",
            version=3,
        )
    assert TYPES["TestWish@3"] is Wish


def test_an_abstract_message_has_no_type() -> None:
    before = set(TYPES)

    class Base(Message):
        """A base for others."""

    assert Base.TYPE == ""
    assert set(TYPES) == before


def test_a_place_in_words() -> None:
    assert Location(address="KIT").text == "KIT"
    assert Location(address="KIT", detail_1="ASAB").text == "KIT / ASAB"
    assert Location(address="KIT", detail_1="ASAB", detail_2="outlet").text == "KIT / ASAB / outlet"
    assert Location(address="KIT", detail_2="shelf").text == "KIT / shelf"
