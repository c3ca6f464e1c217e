"""Segments of the ledger: `labmesh.ledger.1` as docs/ledger.md has it, from some offset on.

The map at the beginning says besides where the segment begins (``first``), the hash of the entry
before (``previous``) and how many bodies are ``withheld``, by reason. Of such an entry all
is there but its body, which is nil: the entry's hash covers the body's hash, so the chain is proven
all the same. ``exported`` is the time of the last entry: the same entries give the same bytes.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgpack

from labmesh.record import JournalEntry
from messages.chain import canonical, hash_body
from messages.envelope import unpack
from messages.errors import LabmeshError
from messages.ledger import EntryKind

FORMAT: Final = "labmesh.ledger.1"
ADDED: Final = "ledger-added.msgpack.gz"
"""Bodies that came to matter when their segment was full already; written as a segment is, but its
entries do not follow one another."""

COLUMNS: Final = (
    "offset", "uuid", "kind", "stamp", "load_time", "author", "type", "schema", "body", "body_hash",
    "prev_hash", "hash",
)  # fmt: skip

_LARGEST: Final = 16 * 1024 * 1024
_BROKEN: Final = (
    msgpack.UnpackException, ValueError, EOFError, zlib.error, OSError, KeyError, TypeError,
)  # fmt: skip


@dataclass(slots=True)
class Segment:
    """Entries to be written into one file.

    Attributes:
        first: The offset with which it begins.
    """

    first: int
    _rows: list[bytes] = field(default_factory=list)
    _withheld: Counter[str] = field(default_factory=Counter)
    _previous: bytes = b""
    _last: JournalEntry | None = None

    def take(self, entry: JournalEntry, reason: str | None) -> None:
        """Take the next entry; with a reason its body stays behind.

        Raises:
            LabmeshError: Its body is not the one whose hash the ledger holds.
        """
        if self._last is None:
            self._previous = entry.prev_hash
        self._rows.append(row(entry, withheld=reason is not None))
        if reason is not None:
            self._withheld[reason] += 1
        self._last = entry

    @property
    def count(self) -> int:
        """How many entries it has."""
        return len(self._rows)

    @property
    def withheld(self) -> dict[str, int]:
        """How many bodies are withheld, by reason."""
        return dict(sorted(self._withheld.items()))

    def packed(self) -> bytes:
        """Return the file's content, not yet compressed."""
        last = self._last
        head = last.hash if last else b""
        about = {
            "format": FORMAT, "entries": len(self._rows), "head": head,
            "forwarded": last.offset if last else -1, "exported": last.load_time if last else 0,
            "columns": list(COLUMNS), "first": self.first, "previous": self._previous,
            "withheld": self.withheld,
        }  # fmt: skip
        end = {"end": len(self._rows), "head": head}
        return b"".join((_pack(about), *self._rows, _pack(end)))


def compressed(content: bytes) -> bytes:
    """Return content as gzip without name and time: the same for the same."""
    target = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0, compresslevel=9) as file:
        file.write(content)
    return target.getvalue()


def same_content(path: Path, content: bytes) -> bool:
    """Tell whether a compressed file holds just that content."""
    try:
        with gzip.open(path) as file:
            return file.read(len(content) + 1) == content
    except (OSError, EOFError, zlib.error):
        return False


@dataclass(frozen=True, slots=True)
class Read:
    """A segment that was read.

    Attributes:
        first: The offset with which it begins.
        previous: Hash of the entry before.
        head: Hash of its last entry.
        withheld: Bodies that are not in it, by reason.
        entries: All of them.
    """

    first: int
    previous: bytes
    head: bytes
    withheld: dict[str, int]
    entries: tuple[JournalEntry, ...]


def read_segment(path: Path) -> Read:
    """Read a segment; whether its hashes fit is `faults`'s to say.

    Raises:
        LabmeshError: It is damaged, or no segment.
    """
    try:
        values = iter(_values(path))
        about = next(values)
        if about["format"] != FORMAT or tuple(about["columns"]) != COLUMNS:
            raise ValueError(f"its format is {about['format']}, or its columns are others")
        count = int(about["entries"])
        entries = tuple(_entry(next(values)) for _ in range(count))
        if next(values) != {"end": count, "head": about["head"]}:
            raise ValueError("it does not end as it says")
        if next(values, None) is not None:
            raise ValueError("something stands after its end")
        return Read(
            int(about["first"]), bytes(about["previous"]), bytes(about["head"]),
            dict(about["withheld"]), entries,
        )  # fmt: skip
    except (*_BROKEN, StopIteration) as error:
        raise LabmeshError(
            f"it cannot be read: {error or 'it ends in the middle'}", where=path.name,
            remedy="take another copy of the crate",
        ) from error  # fmt: skip


def faults(segment: Read) -> Iterator[str]:
    """Yield what does not fit in a segment that was read: places in the chain and hashes."""
    previous = segment.previous
    for number, entry in enumerate(segment.entries):
        if entry.offset != segment.first + number:
            yield f"entry {segment.first + number} is missing, {entry.offset} stands in its place"
            return
        if entry.prev_hash != previous:
            yield f"entry {entry.offset} does not follow the entry before it"
            return
        if not entry.sound():
            yield f"entry {entry.offset} is not the one whose hash was recorded"
            return
        previous = entry.hash
    if previous != segment.head:
        yield "its last entry is not the one that it says"
    missing = sum(entry.body is None for entry in segment.entries)
    if missing != sum(segment.withheld.values()):
        yield f"{missing} bodies are withheld, and it says {sum(segment.withheld.values())}"


def _values(path: Path) -> Iterator[Any]:
    with gzip.open(path) as file:
        reader = msgpack.Unpacker(file, raw=False, max_buffer_size=_LARGEST, strict_map_key=True)
        yield from reader


def row(entry: JournalEntry, *, withheld: bool) -> bytes:
    """Return an entry as it stands in a segment, without its body if that is withheld.

    Raises:
        LabmeshError: Its body is not the one whose hash the ledger holds.
    """
    body = None if entry.body is None else canonical(entry.body)
    if body is not None and hash_body(body) != entry.body_hash:
        raise LabmeshError(
            f"entry {entry.offset} is not the one whose hash was recorded",
            remedy="see `labmesh ledger verify`",
        )
    return _pack(
        [
            entry.offset, str(entry.uuid), entry.kind.value, entry.stamp, entry.load_time,
            entry.author, entry.type, entry.schema_hash, None if withheld else body,
            entry.body_hash, entry.prev_hash, entry.hash,
        ]
    )  # fmt: skip


def _entry(row: Any) -> JournalEntry:
    (offset, uuid, kind, stamp, load_time, author, type_, schema, body, body_hash, prev, own) = row
    return JournalEntry(
        offset=int(offset), uuid=UUID(uuid), kind=EntryKind(kind), stamp=int(stamp),
        load_time=int(load_time), author=str(author), type=str(type_), schema_hash=str(schema),
        body=None if body is None else unpack(bytes(body)), body_hash=bytes(body_hash),
        prev_hash=bytes(prev), hash=bytes(own),
    )  # fmt: skip


def _pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value, use_bin_type=True))
