from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from labmesh.transport import CONTENT_TYPE
from labmesh.transport import _codec as codec

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff"), max_size=300
)


@given(
    topic=TEXT.filter(bool),
    payload=st.binary(max_size=400),
    qos=st.sampled_from([0, 1]),
    retain=st.booleans(),
    mid=st.integers(1, 65535),
    properties=st.dictionaries(TEXT, TEXT, max_size=4),
    correlation=st.none() | st.binary(max_size=64),
    expiry=st.none() | st.integers(1, 2**32 - 1),
)
def test_a_publish_survives_and_paho_reads_its_properties(
    topic: str,
    payload: bytes,
    qos: int,
    retain: bool,
    mid: int,
    properties: dict[str, str],
    correlation: bytes | None,
    expiry: int | None,
) -> None:
    field = codec.publish_properties(properties, correlation, expiry)
    packet = codec.encode_publish(
        topic.encode(),
        payload,
        qos=qos,
        retain=retain,
        dup=False,
        mid=mid,
        properties=field,
    )
    size, start = codec.read_varint(packet, 1)
    assert start + size == len(packet)
    got = codec.decode_publish(packet[0] & 15, packet, start, len(packet))
    assert got == (topic, payload, qos, retain, mid * qos, properties, correlation, (), expiry)
    read: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    read.unpack(field)
    assert read.ContentType == CONTENT_TYPE
    assert dict(getattr(read, "UserProperty", [])) == properties
    assert getattr(read, "CorrelationData", None) == correlation
    assert getattr(read, "MessageExpiryInterval", None) == expiry


def test_every_property_a_publish_may_carry_is_understood() -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.MessageExpiryInterval = 7
    properties.ContentType = "text/plain"
    properties.ResponseTopic = "a/b"
    properties.CorrelationData = b"\x00"
    properties.SubscriptionIdentifier = [5, 268_435_455]
    properties.TopicAlias = 3
    properties.UserProperty = ("k", "v")
    packet = b"\x00\x01x" + properties.pack() + b"body"  # type: ignore[no-untyped-call]
    got = codec.decode_publish(0, packet, 0, len(packet))
    assert got == ("x", b"body", 0, False, 0, {"k": "v"}, b"\x00", (5, 268_435_455), 7)


@given(st.binary(max_size=60), st.integers(0, 15))
def test_nonsense_is_refused_or_read_but_never_worse(data: bytes, flags: int) -> None:
    for decode in (
        lambda: codec.decode_publish(flags, data, 0, len(data)),
        lambda: codec.decode_puback(data, 0, len(data)),
    ):
        with contextlib.suppress(codec.MalformedPacketError):
            decode()


@given(st.integers(0, 268_435_455))
def test_variable_byte_integers(value: int) -> None:
    encoded = codec.varint(value)
    assert codec.read_varint(encoded, 0) == (value, len(encoded))


def test_a_property_too_long_to_travel() -> None:
    with pytest.raises(ValueError, match="exceeds 65535"):
        codec.publish_properties({"k": "x" * 65536}, None, None)
