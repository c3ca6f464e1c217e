"""The envelope around every message, and its msgpack codec.

A payload is one msgpack map: ``type``, ``schema``, ``id``, ``stamp``, ``from``, ``epoch``, ``seq``,
``trace``, ``body``. It says everything by itself; MQTT properties only mirror it.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import msgpack
from pydantic import BaseModel, ValidationError

from messages.errors import BodyError, DecodeError, NameInvalidError, SchemaMismatchError
from messages.ids import NodeId
from messages.model import Message
from messages.schema import message_type, schema_hash

MAX_PAYLOAD: Final = 96 * 1024
"""Largest payload in bytes that every clustered MQTT broker takes; more travels as an artifact."""

MAX_DEPTH: Final = 32
"""Deepest nesting of a payload. Deeper ones are attacks or mistakes."""

MAX_KEPT_PAYLOAD: Final = 88 * 1024
MAX_KEPT_DEPTH: Final = 24
"""Limits of a message that the ledger keeps: its entry, and a page of entries, still travel."""

MAX_REASONS: Final = 8
"""Offending fields that one error names; the text fits a receipt's reason."""

_CONTAINERS: Final = (dict, list, tuple)
_HARMLESS: Final = frozenset({int, bool, bytes, type(None)})
_EXTENSIONS: Final = (msgpack.ExtType, msgpack.Timestamp)
_NUL: Final = "payload holds a NUL character"
_REMEDY: Final = "send large data as an artifact"

M = TypeVar("M", bound=BaseModel)

_KEYS: Final = frozenset({"type", "schema", "id", "stamp", "from", "epoch", "seq", "trace", "body"})
_TEXTS: Final = ("type", "schema", "id", "from", "trace")
_NUMBERS: Final = ("stamp", "epoch", "seq")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TRACE: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Header(NamedTuple):
    """What an envelope says about its body.

    Attributes:
        type: Registered type name with version, ``Request@1``.
        schema: sha256 (hex) of the type's canonical JSON Schema at the sender.
        id: UUIDv7; of a request or result also its identity and idempotency key.
        stamp: Nanoseconds UTC by the sender's clock (simulated time where the mesh simulates).
        sender: ``site/node`` of the author; ``from`` on the wire.
        epoch: The author's boot counter.
        seq: Counts the author's messages within one epoch, so that a gap shows.
        trace: W3C traceparent, or empty.
    """

    type: str
    schema: str
    id: UUID
    stamp: int
    sender: str
    epoch: int
    seq: int
    trace: str = ""


class RawEnvelope(NamedTuple):
    """A decoded envelope whose body is still a plain map."""

    header: Header
    body: dict[str, Any]

    def open(self) -> Envelope:
        """Validate the body against the type the header names.

        Raises:
            UnknownTypeError: The type or version is not registered here.
            SchemaMismatchError: The sender's schema is not ours.
            BodyError: A field is missing, unknown or out of range; each is named.
        """
        model = message_type(self.header.type)
        ours = schema_hash(model)
        if self.header.schema != ours:
            raise SchemaMismatchError(
                f"{self.header.type} has schema {self.header.schema[:12]} at {self.header.sender} "
                f"and {ours[:12]} here",
                where="schema",
                remedy="run the same version of the package that defines it on both nodes",
            )
        return Envelope(self.header, validate(model, self.body, where="body"))


class Envelope(NamedTuple):
    """A message with its header."""

    header: Header
    body: Message


def encode(header: Header, body: Message | dict[str, Any], *, kept: bool = False) -> bytes:
    """Return the payload of ``body`` under ``header``.

    Args:
        header: What the envelope says about the body.
        body: The body.
        kept: Hold to the limits of what the ledger keeps, of size too; else the size is the
            transport's to check.

    Raises:
        BodyError: The body holds something that does not travel: a foreign type, NaN or infinity,
            a NUL character, a key that is not text, too deep nesting.
    """
    plain = body.model_dump() if isinstance(body, Message) else body
    try:
        _check(plain, MAX_KEPT_DEPTH if kept else MAX_DEPTH, depth=1)
    except DecodeError as error:
        raise BodyError(f"a value does not travel: {error.what}") from None
    payload = pack(
        {
            "type": header.type,
            "schema": header.schema,
            "id": str(header.id),
            "stamp": header.stamp,
            "from": header.sender,
            "epoch": header.epoch,
            "seq": header.seq,
            "trace": header.trace,
            "body": plain,
        }
    )
    if kept and len(payload) > MAX_KEPT_PAYLOAD:
        raise BodyError(_too_long(payload, MAX_KEPT_PAYLOAD), remedy=_REMEDY)
    return payload


def decode(payload: bytes, *, kept: bool = False) -> RawEnvelope:
    """Return the envelope in ``payload``, its body not yet validated.

    Args:
        payload: What arrived.
        kept: Hold to the limits of what the ledger keeps.

    Raises:
        DecodeError: The bytes are too many, not msgpack, not an envelope, or hold NaN, infinity,
            extension types, NUL characters, keys that are not text, or too deep nesting.
    """
    limit = MAX_KEPT_PAYLOAD if kept else MAX_PAYLOAD
    if len(payload) > limit:
        raise DecodeError(_too_long(payload, limit), remedy=_REMEDY)
    raw = unpack(payload, depth=MAX_KEPT_DEPTH if kept else MAX_DEPTH)
    if not isinstance(raw, dict) or raw.keys() != _KEYS:
        found = str(sorted(raw)) if isinstance(raw, dict) else type(raw).__name__
        raise DecodeError(
            f"payload is not a Labmesh envelope (found {_cut(found, 200)})",
            remedy=f"an envelope is a map of {', '.join(sorted(_KEYS))}",
        )
    return RawEnvelope(_header(raw), _body(raw["body"]))


def validate(model: type[M], body: Any, *, where: str) -> M:
    """Return ``body`` as an instance of ``model``.

    Raises:
        BodyError: With every offending field, its path below ``where`` and the reason.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        reasons = [_reason(where, each) for each in errors[:MAX_REASONS]]
        if len(errors) > MAX_REASONS:
            reasons.append(f"and {len(errors) - MAX_REASONS} more")
        raise BodyError(f"{model.__name__} is not valid: {'; '.join(reasons)}") from None


def _reason(where: str, error: Any) -> str:
    """Return a validation error as path and words; pydantic's own prefix says nothing."""
    path = ".".join([where, *map(str, error["loc"])])
    return f"{_cut(path, 200)}: {_cut(error['msg'].removeprefix('Value error, '), 200)}"


def pack(value: Any) -> bytes:
    """Return ``value`` as msgpack; uuids, dates and enums become text.

    Raises:
        BodyError: A value of another type, or an integer beyond 64 bits.
    """
    try:
        return msgpack.packb(value, default=_plain, use_bin_type=True)  # type: ignore[no-any-return]
    except (TypeError, ValueError, OverflowError) as error:
        raise BodyError(f"a value does not travel: {error}") from error


def unpack(payload: bytes, *, depth: int = MAX_DEPTH) -> Any:
    """Return the plain value in ``payload``, nested at most ``depth`` deep.

    Raises:
        DecodeError: As `decode` says, except for the shape of the envelope.
    """
    try:
        value = msgpack.unpackb(payload, raw=False, strict_map_key=True, use_list=True)
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise DecodeError(f"payload is not msgpack: {reason}") from None
    _check(value, depth)
    return value


def _too_long(payload: bytes, limit: int) -> str:
    return f"payload of {len(payload)} bytes exceeds {limit}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _plain(value: object) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, int):
        raise TypeError(f"{value} is an integer beyond 64 bits")
    raise TypeError(f"{type(value).__name__} is not a type of our messages")


def _check(value: Any, limit: int, depth: int = 0) -> None:
    """Refuse what JSON Schemas and databases would choke on, wherever it hides."""
    if isinstance(value, str):
        if "\0" in value:
            raise DecodeError(_NUL)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise DecodeError("payload holds NaN or infinity")
    elif isinstance(value, _EXTENSIONS):
        raise DecodeError("payload holds a msgpack extension type")
    elif isinstance(value, _CONTAINERS):
        if depth == limit:
            raise DecodeError(f"payload is nested deeper than {limit}")
        if isinstance(value, dict):
            _check_keys(value)
            value = value.values()
        for item in value:
            kind = type(item)
            if kind is str:  # what most items are, without a call for each
                if "\0" in item:
                    raise DecodeError(_NUL)
            elif kind not in _HARMLESS:
                _check(item, limit, depth + 1)


def _check_keys(value: dict[Any, Any]) -> None:
    for key in value:
        if not isinstance(key, str):
            raise DecodeError("payload has a map key that is not text")
        if "\0" in key:
            raise DecodeError(_NUL)


def _header(raw: dict[str, Any]) -> Header:
    texts = (raw["type"], raw["schema"], raw["id"], raw["from"], raw["trace"])
    if set(map(type, texts)) != {str} or max(map(len, texts)) > 256:
        wrong = (k for k in _TEXTS if type(raw[k]) is not str or len(raw[k]) > 256)
        raise DecodeError("not a text of at most 256 characters", where=next(wrong))
    numbers = (raw["stamp"], raw["epoch"], raw["seq"])
    if set(map(type, numbers)) != {int} or min(numbers) < 0 or max(numbers) >= 2**63:
        wrong = (k for k in _NUMBERS if type(raw[k]) is not int or not 0 <= raw[k] < 2**63)
        raise DecodeError("not an integer from 0 to 2^63-1", where=next(wrong))
    if raw["trace"] and not _TRACE.fullmatch(raw["trace"]):
        raise DecodeError("not a W3C traceparent", where="trace")
    if not _UUID.fullmatch(raw["id"]):
        raise DecodeError("not a uuid in lower case with hyphens", where="id")
    try:
        NodeId.parse(raw["from"])
    except NameInvalidError:
        raise DecodeError("not a node's name, site/node", where="from") from None
    name, schema, identity, sender, trace = texts
    stamp, epoch, seq = numbers
    return Header(name, schema, UUID(identity), stamp, sender, epoch, seq, trace)


def _body(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise DecodeError("not a map", where="body")
    return body
