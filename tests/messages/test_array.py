from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pytest

from messages.array import DTYPES, Array
from messages.envelope import validate
from messages.errors import BodyError
from messages.model import Model, Unit
from messages.schema import json_schema


class Curve(Model):
    """Two arrays with units of their own."""

    voltage: Annotated[Array, Unit("V")]
    charge: Annotated[Array, Unit("A.h")] | None = None


def wire(dtype: Any = "<f8", shape: Any = (2,), data: Any = b"\0" * 16) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data": data}


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_travel(dtype: str) -> None:
    values = np.array([[0, 1], [1, 0]]).astype(dtype)
    there = Curve.model_validate(Curve(voltage=values).model_dump()).voltage
    assert there.dtype.str == dtype
    assert there.tolist() == values.tolist()


def test_big_endian_and_strided_arrays_travel_as_little_endian_c_order() -> None:
    values = np.arange(12, dtype=">f8").reshape(3, 4).T[::2]
    dump = Curve(voltage=values).model_dump()["voltage"]
    assert dump == wire("<f8", [2, 3], np.ascontiguousarray(values).astype("<f8").tobytes())


def test_an_array_without_dimensions_and_an_empty_one() -> None:
    assert Curve(voltage=np.array(3.5)).voltage.item() == 3.5
    assert Curve(voltage=np.zeros((0, 3))).voltage.shape == (0, 3)


def test_values_are_read_only_and_not_shared_with_the_caller() -> None:
    mine = np.array([1.0, 2.0])
    curve = Curve(voltage=mine)
    mine[0] = 99
    assert curve.voltage.tolist() == [1, 2]
    assert mine.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        curve.voltage[0] = 5
    assert Curve(voltage=curve.voltage).voltage.base is not None


def test_models_with_arrays_compare() -> None:
    assert Curve(voltage=np.array([1.0, 2.0])) == Curve(voltage=np.array([1.0, 2.0]))
    assert Curve(voltage=np.array([1.0, 2.0])) != Curve(voltage=np.array([1.0, 3.0]))
    assert Curve(voltage=np.array([1.0, 2.0])) != Curve(voltage=np.array([[1.0, 2.0]]))
    assert Curve(voltage=np.array([1.0, 2.0])) != 1


def test_units_stand_in_the_schema_each_with_its_own_field() -> None:
    fields = json_schema(Curve)["properties"]
    assert fields["voltage"]["unit"] == "V"
    assert fields["charge"]["anyOf"][0]["unit"] == "A.h"
    assert fields["voltage"]["format"] == "ndarray"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1.0, 2.0], "an array is a map of dtype, shape and data"),
        ("abc", "an array is a map of dtype, shape and data"),
        (wire() | {"order": "C"}, "an array is a map of dtype, shape and data"),
        (wire(dtype=">f8"), "dtype '>f8' does not travel; use one of ('<f4', '<f8', '<i4'"),
        (wire(dtype=["<f8"]), "dtype ['<f8'] does not travel"),
        (np.array(["a"]), "dtype '<U1' does not travel"),
        (np.array([None]), "dtype '|O' does not travel"),
        (np.array([1 + 1j]), "dtype '<c16' does not travel"),
        (wire(shape=2), "shape must be a list of at most 8 lengths"),
        (wire(shape=[1] * 9), "shape must be a list of at most 8 lengths"),
        (wire(shape=[-2]), "shape must hold integers from 0 to 2^31-1"),
        (wire(shape=[2.0]), "shape must hold integers from 0 to 2^31-1"),
        (wire(shape=[True, 2]), "shape must hold integers from 0 to 2^31-1"),
        (wire(shape=[0, 2**64 - 1], data=b""), "shape must hold integers from 0 to 2^31-1"),
        (wire(data="0" * 16), "data must be bytes"),
        (wire(data=b"\0" * 15), "data holds 15 bytes where shape and dtype ask for 16"),
        (wire("|b1", [2], b"\0\7"), "data of dtype '|b1' must be bytes 0 and 1"),
        (np.array([1.0, np.nan]), "array holds NaN or infinity"),
        (wire(data=np.array([1.0, np.inf]).tobytes()), "array holds NaN or infinity"),
        (wire(shape=[0] + [2**31 - 1] * 7, data=b""), "array is too big"),
    ],
)
def test_refusals_name_the_problem(value: Any, reason: str) -> None:
    with pytest.raises(BodyError) as caught:
        validate(Curve, {"voltage": value}, where="data")
    assert f"data.voltage: {reason}" in str(caught.value)
