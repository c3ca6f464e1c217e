"""Envelopes as JSON: nothing is lost, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.bag import from_json, to_json
from messages.envelope import Header, decode, encode
from messages.errors import DecodeError
from messages.ids import new_id
from tests.messages.strategies import objects, values

lookalikes = st.dictionaries(
    st.sampled_from(["$bytes", "$$bytes", "$$$bytes", "bytes", "$"]), values, min_size=1, max_size=2
)
HEADER = Header("Thing@1", "ab" * 32, new_id(), 2**62 + 1, "kit/asab", 2**60 + 1, 7)


@given(objects, lookalikes)
def test_it_comes_back_as_it_was(body: dict[str, Any], strange: dict[str, Any]) -> None:
    payload = encode(
        HEADER, {**body, "strange": strange, "list": [strange, b"", 1, 1.0, 2**64 - 1]}
    )
    again = from_json(to_json(decode(payload)))
    # The very bytes, so 1 stays a whole number and 1.0 does not become one.
    assert again == payload


def test_a_reader_without_us_sees_what_bytes_are() -> None:
    text = to_json(decode(encode(HEADER, {"data": b"\x00\xff", "count": 2**53 + 1})))
    found = json.loads(text)
    assert found["body"] == {"data": {"$bytes": "AP8="}, "count": 2**53 + 1}
    assert found["from"] == "kit/asab"


@pytest.mark.parametrize(
    "text",
    [b"", b"nonsense", b"[]", b"{}", b'{"type": 1}', b"\xff\xfe", b'{"$bytes": "*"}'],
)
def test_what_is_none_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(DecodeError, match="not an envelope in JSON"):
        from_json(text)


def test_a_number_beyond_the_wire_is_refused() -> None:
    text = to_json(decode(encode(HEADER, {"x": 5}))).replace(b'"x":5', b'"x":1e999')
    with pytest.raises(DecodeError):
        from_json(text)
