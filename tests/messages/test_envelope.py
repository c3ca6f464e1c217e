from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from messages.array import Array
from messages.envelope import (
    MAX_DEPTH,
    MAX_KEPT_DEPTH,
    MAX_PAYLOAD,
    Header,
    decode,
    encode,
    pack,
    unpack,
    validate,
)
from messages.errors import (
    BodyError,
    DecodeError,
    MessageError,
    SchemaMismatchError,
    UnknownTypeError,
)
from messages.ids import new_id
from messages.ledger import Entry, EntryKind, Request, Result, Status
from messages.model import TYPES, Message, Model
from messages.node import Reply
from tests.messages import strategies as some


class Sheet(Message, name="TestSheet", version=1):
    """A body with an array."""

    values: Array


BODY = Request(quantity="conductivity", method="two_electrode", parameters={"t": 298.15})


def raw(**changes: Any) -> bytes:
    """Return a valid payload with some of its fields changed (``...`` leaves one out)."""
    plain = msgpack.unpackb(encode(some.header(), BODY))
    plain |= {key.rstrip("_"): value for key, value in changes.items()}
    return bytes(msgpack.packb({k: v for k, v in plain.items() if v is not ...}))


# --- what is sent arrives


@given(some.requests, st.data())
def test_requests_round_trip_bit_exactly(body: Request, data: st.DataObject) -> None:
    header = data.draw(some.headers(Request))
    payload = encode(header, body)
    envelope = decode(payload).open()
    assert envelope.header == header
    assert envelope.body == body
    assert encode(envelope.header, envelope.body) == payload


@given(some.results())
def test_results_round_trip_bit_exactly(body: Result) -> None:
    payload = encode(some.header(Result), body)
    envelope = decode(payload).open()
    assert envelope.body == body
    assert encode(envelope.header, envelope.body) == payload


@given(some.arrays())
def test_arrays_round_trip_bit_exactly(values: Any) -> None:
    payload = encode(some.header(Sheet), Sheet(values=values))
    envelope = decode(payload).open()
    assert isinstance(envelope.body, Sheet)
    there = envelope.body.values
    assert (there.dtype, there.shape) == (values.dtype, values.shape)
    assert there.tobytes() == values.tobytes()
    assert encode(envelope.header, envelope.body) == payload


@given(some.values)
def test_plain_values_round_trip(value: Any) -> None:
    assert pack(unpack(pack(value))) == pack(value)


# --- nothing that arrives raises anything but a MessageError


def open_whatever(payload: bytes) -> None:
    try:
        decode(payload).open()
    except MessageError as error:
        text = str(error)
    else:
        text = "no error"
    assert 0 < len(text) < 4000, "the text fits a receipt's reason"


@given(st.binary(max_size=400))
def test_arbitrary_bytes(payload: bytes) -> None:
    open_whatever(payload)


@given(some.requests, st.data())
def test_mutated_payloads(body: Request, data: st.DataObject) -> None:
    payload = bytearray(encode(some.header(), body))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    open_whatever(bytes(payload[: data.draw(st.integers(0, len(payload)))]))
    open_whatever(bytes(payload))


@given(st.dictionaries(st.sampled_from(sorted(Request.model_fields)), some.values))
def test_arbitrary_bodies(body: dict[str, Any]) -> None:
    open_whatever(raw(body=body))


@given(
    st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["<f8", "|b1", ">f8", "|O", ""]) | some.values,
            "shape": st.lists(st.integers(-1, 2**64 - 1), max_size=10) | some.values,
            "data": st.binary(max_size=32) | some.values,
        }
    )
)
def test_arbitrary_array_bodies(values: dict[str, Any]) -> None:
    open_whatever(encode(some.header(Sheet), {"values": values}))


@given(
    st.sampled_from(["type", "schema", "id", "stamp", "from", "epoch", "seq", "trace"]),
    some.values,
)
def test_arbitrary_header_fields(field: str, value: Any) -> None:
    open_whatever(raw(**{field: value}))


# --- refusals name the problem


def refused(payload: bytes) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(payload)
    return caught.value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused(number: float) -> None:
    assert refused(raw(body={"deep": [{"x": number}]})).what == "payload holds NaN or infinity"


@pytest.mark.parametrize("body", [{"x": ["a\0"]}, {"x": {"\0": 1}}])
def test_nul_characters_are_refused(body: dict[str, Any]) -> None:
    # PostgreSQL has no place for them in a text.
    assert refused(raw(body=body)).what == "payload holds a NUL character"


@pytest.mark.parametrize("item", [msgpack.ExtType(5, b"x"), msgpack.Timestamp(1, 2)])
def test_extension_types_are_refused(item: object) -> None:
    assert refused(raw(body={"x": [item]})).what == "payload holds a msgpack extension type"


@pytest.mark.parametrize(
    "body",
    [
        {"x": {b"key": 1}},
        {b"key": 1},
    ],
)
def test_keys_that_are_bytes_are_refused(body: object) -> None:
    assert refused(raw(body=body)).what == "payload has a map key that is not text"


def test_keys_that_are_numbers_are_refused() -> None:
    assert "is not allowed for map key" in refused(raw(body={1: 2})).what


def nest(levels: int, inner: Any = None) -> Any:
    for _ in range(levels):
        inner = [inner]
    return inner


def test_nesting_is_limited() -> None:
    body = {"x": nest(MAX_DEPTH - 2)}
    assert decode(raw(body=body)).body == body
    assert refused(raw(body={"x": nest(MAX_DEPTH - 1)})).what == "payload is nested deeper than 32"
    assert refused(raw(body=nest(MAX_DEPTH - 1, {}))).what == "payload is nested deeper than 32"


@pytest.mark.parametrize("levels", [500, 5000, 50_000])
def test_very_deep_nesting_is_refused(levels: int) -> None:
    assert "payload is" in refused(b"\x91" * levels + b"\xc0").what


def test_oversize_is_refused_unread() -> None:
    error = refused(b"\xc1" * (MAX_PAYLOAD + 1))
    assert str(error) == "payload of 98305 bytes exceeds 98304; send large data as an artifact"


def kept(parameters: dict[str, Any], *, at_home: bool = True) -> bytes:
    body = Request(quantity="q", method="m", parameters=parameters)
    return encode(some.header(), body, kept=at_home)


def test_what_the_ledger_keeps_has_tighter_limits() -> None:
    assert decode(kept({"x": nest(MAX_KEPT_DEPTH - 3)}), kept=True)
    assert decode(kept({"x": b"0" * 88_000}), kept=True)
    deep, long = {"x": nest(MAX_KEPT_DEPTH - 2)}, {"x": b"0" * 90_112}
    for parameters, reason in [
        (deep, "payload is nested deeper than 24"),
        (long, "payload of 90392 bytes exceeds 90112"),
    ]:
        with pytest.raises(BodyError, match=reason):
            kept(parameters)
        payload = kept(parameters, at_home=False)
        assert decode(payload)
        with pytest.raises(DecodeError, match=reason):
            decode(payload, kept=True)


def test_an_entry_and_a_page_of_what_is_kept_still_travel() -> None:
    for parameters in ({"x": nest(MAX_KEPT_DEPTH - 3)}, {"x": b"0" * 89_700}):
        request = decode(kept(parameters), kept=True).open().body
        node = "x" * 32 + "/" + "x" * 32
        entry = Entry(
            offset=2**62,
            uuid=new_id(),
            kind=EntryKind.REQUEST,
            stamp=2**62,
            load_time=2**62,
            author=node,
            type="Request@2",
            schema_hash="0" * 64,
            body=request.model_dump(),
            prev_hash=b"0" * 32,
            hash=b"0" * 32,
        )
        assert decode(encode(some.header(Entry, sender=node), entry)).open().body == entry
        reply = Reply(call=new_id(), value={"entries": [entry.model_dump()], "next": None})
        assert decode(encode(some.header(Reply, sender=node), reply)).open().body


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\xd9\x05ab", b"\xa2\xff\xfe", b"\xdd\xff\xff\xff\xff", b"\x01\x01"]
)
def test_what_is_not_msgpack_is_refused(payload: bytes) -> None:
    assert refused(payload).what.startswith("payload is not msgpack: ")


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b"\x01", "int"),
        (b"\x80", "[]"),
        (raw(epoch=...), "['body', 'from', 'id', 'schema', 'seq', 'stamp', 'trace', 'type']"),
        (raw(hop=1), "'hop'"),
    ],
)
def test_what_is_not_an_envelope_is_refused(payload: bytes, found: str) -> None:
    error = refused(payload)
    assert error.what.startswith("payload is not a Labmesh envelope")
    assert found in error.what
    assert error.remedy.endswith("body, epoch, from, id, schema, seq, stamp, trace, type")


def test_the_foreign_keys_of_an_envelope_are_cut_short() -> None:
    assert len(str(refused(pack({"k" * 50_000: 1})))) < 400


@pytest.mark.parametrize("field", ["type", "schema", "id", "from", "trace"])
@pytest.mark.parametrize("value", [1, None, "x" * 257])
def test_texts_of_the_header(field: str, value: object) -> None:
    assert str(refused(raw(**{field: value}))) == f"{field}: not a text of at most 256 characters"


@pytest.mark.parametrize("field", ["stamp", "epoch", "seq"])
@pytest.mark.parametrize("value", ["1", -1, 2**63, True, 1.0, None])
def test_integers_of_the_header(field: str, value: object) -> None:
    assert str(refused(raw(**{field: value}))) == f"{field}: not an integer from 0 to 2^63-1"


@pytest.mark.parametrize("value", ["00-x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01\n"])
def test_trace_of_the_header(value: str) -> None:
    assert str(refused(raw(trace=value))) == "trace: not a W3C traceparent"


@pytest.mark.parametrize(
    "value",
    ["", "7", "01890A5D-AC96-774B-BCCE-B302099A8057", "{01890a5d-ac96-774b-bcce-b302099a8057}"],
)
def test_id_of_the_header(value: str) -> None:
    assert str(refused(raw(id=value))) == "id: not a uuid in lower case with hyphens"


@pytest.mark.parametrize("value", ["", "kit", "Kit/asab", "kit/asab/x", "kit/asab\n"])
def test_author_of_the_header(value: str) -> None:
    assert str(refused(raw(**{"from": value}))) == "from: not a node's name, site/node"


@pytest.mark.parametrize("value", [None, [], "body"])
def test_body_is_a_map(value: object) -> None:
    assert str(refused(raw(body=value))) == "body: not a map"


def test_unknown_type() -> None:
    with pytest.raises(UnknownTypeError) as caught:
        decode(raw(type="Wish@1")).open()
    assert str(caught.value) == (
        "type: message type 'Wish@1' is not known here; install the package that defines it, or "
        "see `labmesh interface list`"
    )


def test_unknown_version() -> None:
    with pytest.raises(UnknownTypeError) as caught:
        decode(raw(type="Request@99")).open()
    assert str(caught.value) == (
        "type: version of 'Request@99' is not known here (known: Request@2); update the older of "
        "the two nodes"
    )


def test_another_schema() -> None:
    with pytest.raises(SchemaMismatchError) as caught:
        decode(raw(schema="0" * 64)).open()
    assert str(caught.value).startswith("schema: Request@2 has schema 000000000000 at kit/asab and")
    assert "run the same version" in str(caught.value)


def test_a_bad_body_names_every_field() -> None:
    with pytest.raises(BodyError) as caught:
        decode(raw(body={"quantity": "Q", "priority": 10, "colour": "red"})).open()
    text = str(caught.value)
    assert text.startswith("Request is not valid: body.quantity: String should match pattern")
    for part in ("body.method: Field required", "body.priority: Input", "body.colour: Extra input"):
        assert part in text


def test_a_bad_body_names_at_most_eight_fields_and_cuts_them() -> None:
    body = {"x" * 300 + str(number): 1 for number in range(300)}
    with pytest.raises(BodyError) as caught:
        validate(Request, body, where="body")
    text = str(caught.value)
    assert text.endswith("and 295 more")
    assert text.count("Extra inputs") + text.count("Field required") == 8
    assert len(text) < 4000


# --- what does not travel is refused at home


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, "NaN or infinity"),
        (np.float64("inf"), "NaN or infinity"),
        ({1: 2}, "a map key that is not text"),
        (nest(MAX_DEPTH - 1), "nested deeper than 32"),
        (msgpack.ExtType(1, b""), "extension type"),
        (2**64, "18446744073709551616 is an integer beyond 64 bits"),
        (-(2**63) - 1, "-9223372036854775809 is an integer beyond 64 bits"),
        (object(), "object is not a type of our messages"),
        (np.int64(3), "int64 is not a type of our messages"),
        ("\ud800", "surrogates not allowed"),
        ({1j}, "complex is not a type of our messages"),
    ],
)
def test_what_does_not_travel(value: Any, problem: str) -> None:
    with pytest.raises(BodyError, match=f"a value does not travel: .*({problem})"):
        encode(some.header(), {"x": value})


class Colour(Enum):
    RED = "red"


class Spot(Model):
    """A model below a body."""

    when: date


def test_uuids_dates_enums_sets_and_models_become_plain() -> None:
    uuid = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    value = {
        "uuid": uuid,
        "date": date(2026, 1, 2),
        "time": datetime.fromisoformat("2026-01-02T03:04:05+00:00"),
        "enum": Colour.RED,
        "str_enum": Status.HELD,
        "set": frozenset({2, 1}),
        "model": Spot(when=date(2026, 1, 2)),
    }
    assert unpack(pack(value)) == {
        "uuid": str(uuid),
        "date": "2026-01-02",
        "time": "2026-01-02T03:04:05+00:00",
        "enum": "red",
        "str_enum": "held",
        "set": [1, 2],
        "model": {"when": "2026-01-02"},
    }
    with pytest.raises(BodyError, match="timedelta is not a type of our messages"):
        pack(timedelta(1))


class Strict(Message, name="TestStrict", version=1):
    """One of everything that could be mistaken."""

    number: Annotated[float, Field(strict=True)] = 0.0


def test_every_type_refuses_unknown_fields_and_is_frozen() -> None:
    for model in TYPES.values():
        assert model.model_config.get("extra") == "forbid"
        assert model.model_config.get("frozen")
        assert model.model_config.get("allow_inf_nan") is False


def test_header_is_hashable_and_says_all() -> None:
    header = some.header()
    assert {header: 1}[Header(**{f: getattr(header, f) for f in Header._fields})]
