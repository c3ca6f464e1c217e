"""The two MQTT 5 packets that carry every message, PUBLISH and PUBACK, to and from bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from labmesh.transport._api import CONTENT_TYPE

PUBLISH: Final = 3
PUBACK: Final = 4
"""Packet types (MQTT 5 section 2.1.2)."""

_U16: Final = struct.Struct("!H")
_U32: Final = struct.Struct("!L")

# Property identifiers (MQTT 5 section 2.2.2.2) that a PUBLISH may carry.
_EXPIRY: Final = 0x02
_CORRELATION: Final = 0x09
_USER: Final = 0x26
_FIXED: Final = {0x01: 1, 0x23: 2}
_TEXT: Final = frozenset({0x03, 0x08})
_SUBSCRIPTION: Final = 0x0B

_CONTENT: Final = b"\x03" + _U16.pack(len(CONTENT_TYPE)) + CONTENT_TYPE.encode()
_ONLY_CONTENT: Final = bytes((len(_CONTENT),)) + _CONTENT
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_Properties = tuple[Mapping[str, str], bytes | None, tuple[int, ...], int | None]

_MOST: Final = 256
_plain: Final[dict[bytes, _Properties]] = {b"": (_NOTHING, None, (), None)}
"""Property fields without anything of the message's own: most are alike, so each is read once."""


class MalformedPacketError(ValueError):
    """The peer sent bytes that are not MQTT 5; the connection is of no more use."""


class Publish(NamedTuple):
    """A decoded PUBLISH.

    ``mid`` is 0 with QoS 0; ``subscriptions`` are their identifiers; ``expiry`` is what is left of
    the Message Expiry Interval in seconds.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int
    properties: Mapping[str, str]
    correlation: bytes | None
    subscriptions: tuple[int, ...] = ()
    expiry: int | None = None


def publish_properties(
    properties: Mapping[str, str] | None, correlation: bytes | None, expiry: int | None
) -> bytes:
    """Return the property field of a PUBLISH, its length in front; the content type is ours.

    Raises:
        ValueError: A text or the correlation data is longer than 65535 bytes.
    """
    if correlation is None and expiry is None:
        if not properties:
            return _ONLY_CONTENT
        if len(properties) == 1:
            return _one_property(*next(iter(properties.items())))
    return _field(properties or _NOTHING, correlation, expiry)


@lru_cache(maxsize=_MOST)
def _one_property(name: str, value: str) -> bytes:
    """Return the field of a message that says its type and no more: most do."""
    return _field({name: value}, None, None)


def _field(properties: Mapping[str, str], correlation: bytes | None, expiry: int | None) -> bytes:
    parts = [_CONTENT]
    if expiry is not None:
        parts.append(b"\x02" + _U32.pack(min(expiry, 0xFFFFFFFF)))
    if correlation is not None:
        parts += (b"\x09", _sized(correlation))
    for name, value in properties.items():
        parts += (b"\x26", _sized(name.encode()), _sized(value.encode()))
    field = b"".join(parts)
    return varint(len(field)) + field


def encode_publish(
    topic: bytes, payload: bytes, *, qos: int, retain: bool, dup: bool, mid: int, properties: bytes
) -> bytes:
    """Return a PUBLISH packet."""
    head = 0x30 | (dup << 3) | (qos << 1) | retain
    name = _U16.pack(len(topic)) + topic
    if qos:
        name += _U16.pack(mid)
    size = len(name) + len(properties) + len(payload)
    return b"".join((bytes((head,)), varint(size), name, properties, payload))


def encode_puback(mid: int) -> bytes:
    """Return a PUBACK packet, reason code 0x00."""
    return b"\x40\x02" + _U16.pack(mid)


def decode_puback(buffer: bytes, start: int, end: int) -> tuple[int, int]:
    """Return packet identifier and reason code; ``start`` is behind the fixed header."""
    if end - start < 2:
        raise MalformedPacketError("PUBACK is too short")
    code = buffer[start + 2] if end - start > 2 else 0
    return _U16.unpack_from(buffer, start)[0], code


def decode_publish(flags: int, buffer: bytes, start: int, end: int) -> Publish:
    """Decode a PUBLISH; ``start`` is behind the fixed header, ``end`` behind the packet.

    Raises:
        MalformedPacketError: A length leads outside the packet, or a text is not UTF-8.
    """
    try:
        position = start + 2 + _U16.unpack_from(buffer, start)[0]
        topic = buffer[start + 2 : position].decode()
        qos = flags >> 1 & 3
        mid = 0
        if qos:
            mid = _U16.unpack_from(buffer, position)[0]
            position += 2
        size = buffer[position]
        position += 1
        if size > 127:
            size, position = read_varint(buffer, position - 1)
        stop = position + size
        if stop > end:
            raise MalformedPacketError("PUBLISH is too short")
        field = buffer[position:stop]
        user, correlation, ids, expiry = _plain.get(field) or _read_properties(field)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise MalformedPacketError(f"PUBLISH is malformed: {error}") from error
    retain = bool(flags & 1)
    return Publish(topic, buffer[stop:end], qos, retain, mid, user, correlation, ids, expiry)


def varint(value: int) -> bytes:
    """Return ``value`` as a Variable Byte Integer (MQTT 5 section 1.5.5)."""
    if value < 128:
        return bytes((value,))
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Return a Variable Byte Integer and the position behind it.

    Raises:
        IndexError: It does not end within ``buffer``.
        MalformedPacketError: It is longer than four bytes.
    """
    value = 0
    for shift in (0, 7, 14, 21):
        byte = buffer[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise MalformedPacketError("a length is longer than four bytes")


def _read_properties(buffer: bytes) -> _Properties:
    user: dict[str, str] = {}
    correlation: bytes | None = None
    ids: tuple[int, ...] = ()
    expiry: int | None = None
    position, stop = 0, len(buffer)
    while position < stop:
        kind = buffer[position]
        position += 1
        if kind in _TEXT:
            position += 2 + _U16.unpack_from(buffer, position)[0]
        elif kind == _USER:
            name, position = _read_sized(buffer, position)
            value, position = _read_sized(buffer, position)
            user[name.decode()] = value.decode()
        elif kind == _CORRELATION:
            correlation, position = _read_sized(buffer, position)
        elif kind == _EXPIRY:
            expiry = _U32.unpack_from(buffer, position)[0]
            position += 4
        elif kind in _FIXED:
            position += _FIXED[kind]
        elif kind == _SUBSCRIPTION:
            subscription, position = read_varint(buffer, position)
            ids += (subscription,)
        else:
            raise MalformedPacketError(f"property 0x{kind:02x} is not one of a PUBLISH")
    if position != stop:
        raise MalformedPacketError("the properties of a PUBLISH are too short")
    if user or correlation is not None:
        return user, correlation, ids, expiry
    if len(_plain) < _MOST:
        _plain[buffer] = _NOTHING, None, ids, expiry
    return _NOTHING, None, ids, expiry


def _read_sized(buffer: bytes, position: int) -> tuple[bytes, int]:
    position += 2
    end = position + _U16.unpack_from(buffer, position - 2)[0]
    return buffer[position:end], end


def _sized(value: bytes) -> bytes:
    if len(value) > 0xFFFF:
        raise ValueError(f"an MQTT property of {len(value)} bytes exceeds 65535")
    return _U16.pack(len(value)) + value
