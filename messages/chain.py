"""The hash chain. docs/ledger.md says the same in words, for those who verify it elsewhere.

- ``canonical(body)``: msgpack with map keys sorted by their UTF-8 bytes at every level, every
  header and integer in its shortest form, floating-point numbers in 64 bits.
- ``body_hash = sha256(canonical(body))``
- ``hash = sha256(msgpack([FORMAT, offset, uuid, kind, stamp, load_time, author, type,
  schema_hash, body_hash, prev_hash]))``; the first entry's ``prev_hash`` is 32 zero bytes.

So the chain can be walked without the bodies, and any body checked alone.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import msgpack

FORMAT: Final = "labmesh.entry.1"
GENESIS: Final = bytes(32)
"""``prev_hash`` of the first entry, and the hash of an empty ledger."""

_NESTED: Final = frozenset({dict, list, tuple})


def canonical(value: Any) -> bytes:
    """Return the canonical msgpack of a plain value."""
    return bytes(msgpack.packb(_sorted(value), use_bin_type=True))


def hash_body(body: bytes) -> bytes:
    """Return the hash of a canonical body."""
    return sha256(body).digest()


def hash_entry(
    *,
    offset: int,
    uuid: str,
    kind: str,
    stamp: int,
    load_time: int,
    author: str,
    type: str,  # noqa: A002
    schema: str,
    body_hash: bytes,
    prev_hash: bytes,
) -> bytes:
    """Return an entry's hash."""
    fields = [
        FORMAT, offset, uuid, kind, stamp, load_time, author, type, schema, body_hash, prev_hash,
    ]  # fmt: skip
    return sha256(msgpack.packb(fields, use_bin_type=True)).digest()


def _sorted(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        # By code points, which is the order of the UTF-8 bytes (surrogates do not travel).
        found = {}
        for key in sorted(value):
            item = value[key]
            found[key] = _sorted(item) if type(item) in _NESTED else item
        return found
    if kind is list or kind is tuple:
        return [_sorted(item) if type(item) in _NESTED else item for item in value]
    return value
