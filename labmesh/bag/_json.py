"""Envelopes as JSON without a loss, so that any MCAP tool can read them.

Whole numbers stay whole numbers, of any size. Bytes become ``{"$bytes": "<base64>"}``; a map that
happens to look like that gets one more ``$`` before its key.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from typing import Any, Final
from uuid import UUID

from messages.envelope import Header, RawEnvelope, decode, encode
from messages.errors import DecodeError, MessageError

BYTES: Final = "$bytes"
"""The only key of the map that stands for bytes; its value is their base64 (RFC 4648 section 4)."""

_LOOKALIKE: Final = re.compile(r"\$+bytes")


def to_json(raw: RawEnvelope) -> bytes:
    """Return an envelope as one JSON object with the keys it has on the wire."""
    header = raw.header
    head = {
        "type": header.type,
        "schema": header.schema,
        "id": str(header.id),
        "stamp": header.stamp,
        "from": header.sender,
        "epoch": header.epoch,
        "seq": header.seq,
        "trace": header.trace,
    }
    text = _text({**head, "body": raw.body})
    if '"$' in text:
        text = _text({**head, "body": _escaped(raw.body)})
    return text.encode()


def from_json(data: bytes) -> bytes:
    """Return the payload that stands for what `to_json` wrote: an equal message, sound.

    Raises:
        DecodeError: It is not JSON, or no envelope.
    """
    try:
        found = json.loads(data, object_hook=_restored if b'bytes"' in data else None)
        header = Header(
            type=found["type"],
            schema=found["schema"],
            id=UUID(found["id"]),
            stamp=found["stamp"],
            sender=found["from"],
            epoch=found["epoch"],
            seq=found["seq"],
            trace=found["trace"],
        )
        payload = encode(header, found["body"])
        # The same rules as on the wire hold for what somebody may have written into the file.
        decode(payload)
    except (ValueError, KeyError, TypeError, AttributeError, MessageError) as error:
        raise DecodeError(f"not an envelope in JSON: {error}") from None
    return payload


def _text(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_marked
    )


def _marked(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {BYTES: b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is not a type of our messages")


def _escaped(value: Any) -> Any:
    """Return ``value`` with what looks like marked bytes marked as such; itself where none is."""
    if isinstance(value, dict):
        changed = {key: _escaped(item) for key, item in value.items()}
        if len(changed) == 1 and _LOOKALIKE.fullmatch(key := next(iter(changed))):
            return {f"${key}": changed[key]}
        return changed
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return value


def _restored(value: dict[str, Any]) -> Any:
    if len(value) != 1:
        return value
    key, item = next(iter(value.items()))
    if key == BYTES:
        return b64decode(item, validate=True)
    return {key[1:]: item} if _LOOKALIKE.fullmatch(key) else value
