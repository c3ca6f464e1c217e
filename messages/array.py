"""Numeric arrays as typed binary: dtype, shape and little-endian bytes, never lists of floats."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

DTYPES: Final = ("<f4", "<f8", "<i4", "<i8", "|u1", "|b1")
"""The dtypes that travel, in numpy's spelling, all little-endian."""

MAX_DIMENSIONS: Final = 8


def _validate(value: Any) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        # A copy of what its owner may go on writing into.
        order = value.dtype.newbyteorder("<")
        array = value.astype(order, order="C", copy=value.flags.writeable)
        if array.dtype.str not in DTYPES:
            raise ValueError(f"dtype {array.dtype.str!r} does not travel; use one of {DTYPES}")
    else:
        array = _from_wire(value)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("array holds NaN or infinity")
    array = array.view()
    array.flags.writeable = False
    return array


def _from_wire(value: Any) -> NDArray[Any]:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data"}:
        raise ValueError("an array is a map of dtype, shape and data")
    dtype, shape, data = value["dtype"], value["shape"], value["data"]
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} does not travel; use one of {DTYPES}")
    if not isinstance(shape, list | tuple) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"shape must be a list of at most {MAX_DIMENSIONS} lengths")
    if any(type(length) is not int or not 0 <= length < 2**31 for length in shape):
        raise ValueError("shape must hold integers from 0 to 2^31-1")
    if not isinstance(data, bytes):
        raise ValueError("data must be bytes")
    expected = prod(shape) * np.dtype(dtype).itemsize
    if len(data) != expected:
        raise ValueError(f"data holds {len(data)} bytes where shape and dtype ask for {expected}")
    if dtype == "|b1" and data.strip(b"\x00\x01"):
        raise ValueError("data of dtype '|b1' must be bytes 0 and 1")
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def _to_wire(array: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


Array = Annotated[
    NDArray[Any],
    PlainValidator(_validate),
    PlainSerializer(_to_wire, return_type=dict[str, Any]),
    WithJsonSchema(
        {
            "type": "object",
            "format": "ndarray",
            "required": ["dtype", "shape", "data"],
            "additionalProperties": False,
            "properties": {
                "dtype": {"enum": list(DTYPES)},
                "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "data": {"description": "bytes, little-endian, C order"},
            },
        }
    ),
]
"""A finite, read-only numpy array. On the wire a map of dtype, shape and raw bytes."""
