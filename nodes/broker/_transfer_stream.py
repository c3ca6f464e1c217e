"""The portable form of a ledger: docs/ledger.md describes it for those who read it elsewhere.

A sequence of msgpack values: a map that says what it is, an array for each entry, a map that ends
it; gzip'ed where the file's name ends in ``.gz``.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgpack

from messages.chain import GENESIS
from messages.envelope import unpack
from messages.errors import ConfigurationError, LabmeshError
from nodes.broker._row import Row
from nodes.broker._verify import fault
from nodes.broker.store import _tables as t

FORMAT: Final = "labmesh.ledger.1"
COLUMNS: Final = [column.name for column in t.JOURNAL.columns]

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of one value that are read at most; an entry has less than 64 KiB."""


_READ: Final = 8192
"""Bytes asked for at once: so much before a damage of a compressed file is lost with it."""


class DamagedError(LabmeshError):
    """A ledger, or a file made from one, is not what was written.

    Attributes:
        offset: Of the first entry that is not sound.
    """

    def __init__(self, offset: int, reason: str, *, where: str, remedy: str) -> None:
        super().__init__(f"entry {offset} is not sound: {reason}", where=where, remedy=remedy)
        self.offset = offset
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Summary:
    """What a ledger was when it was read.

    Attributes:
        entries: How many.
        head: The hash of the last one.
        forwarded: Offset up to which everything had been published.
    """

    entries: int
    head: bytes
    forwarded: int


def sound(rows: Iterable[Sequence[Any]], where: str, remedy: str) -> Iterator[Row]:
    """Yield entries as long as each follows from those before.

    Raises:
        DamagedError: One does not.
    """
    count, previous = 0, GENESIS
    for columns in rows:
        reason = fault(columns, count, previous)
        if reason:
            raise DamagedError(count, reason, where=where, remedy=remedy)
        yield Row(tuple(columns), unpack(columns[8]))
        count, previous = count + 1, columns[11]


class StreamWriter:
    """Writes the portable form."""

    def __init__(self, file: IO[bytes], summary: Summary, now: int) -> None:
        self._file = file
        self._summary = summary
        self._pack = msgpack.Packer(use_bin_type=True).pack
        self._write(
            {
                "format": FORMAT,
                "entries": summary.entries,
                "head": summary.head,
                "forwarded": summary.forwarded,
                "exported": now,
                "columns": COLUMNS,
            }
        )

    def entry(self, row: Row) -> None:
        """Write an entry."""
        self._write(list(row.columns))

    def end(self) -> None:
        """Say that it is complete."""
        self._write({"end": self._summary.entries, "head": self._summary.head})

    def _write(self, value: Any) -> None:
        self._file.write(self._pack(value))


class StreamReader:
    """Reads the portable form.

    Attributes:
        summary: As the file says itself; the entries prove it.

    Raises:
        ConfigurationError: The file is no export, or of a later format.
    """

    def __init__(self, file: IO[bytes], where: str) -> None:
        self._where = where
        self._values = msgpack.Unpacker(
            file, raw=False, read_size=_READ, max_buffer_size=_LARGEST, strict_map_key=True
        )
        try:
            first = self._values.unpack()
        except (*_BROKEN, OSError) as error:
            raise self._no_export() from error
        if not isinstance(first, dict) or not isinstance(first.get("format"), str):
            raise self._no_export()
        if first["format"] != FORMAT or first.get("columns") != COLUMNS:
            raise ConfigurationError(
                f"this version of Labmesh does not read the format {first['format']}",
                where=where,
                remedy="update Labmesh",
            )
        try:
            self.summary = Summary(
                int(first["entries"]), bytes(first["head"]), int(first["forwarded"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._no_export() from error

    def rows(self) -> Iterator[Row]:
        """Yield every entry, each proven by its hash, to the end that the file declares.

        Raises:
            DamagedError: An entry is not what was exported, or the file ends before its end.
        """
        count, head = 0, GENESIS
        for row in sound(self._entries(), self._where, _REMEDY):
            yield row
            count, head = row.offset + 1, row.hash
        if (count, head) != (self.summary.entries, self.summary.head):
            raise self._damaged(
                count, f"the file ends here and was to have {self.summary.entries} entries"
            )

    def _entries(self) -> Iterator[list[Any]]:
        count = 0
        while True:
            try:
                value = self._values.unpack()
            except msgpack.OutOfData:
                raise self._damaged(count, "the file ends in the middle") from None
            except _BROKEN as error:
                words = str(error) or type(error).__name__
                raise self._damaged(count, f"the file cannot be read on: {words}") from error
            if isinstance(value, dict) and "end" in value:
                return
            if not isinstance(value, list) or len(value) != len(COLUMNS):
                raise self._damaged(count, "something else stands in its place")
            yield value
            count += 1

    def _damaged(self, offset: int, reason: str) -> DamagedError:
        return DamagedError(offset, reason, where=self._where, remedy=_REMEDY)

    def _no_export(self) -> ConfigurationError:
        return ConfigurationError(
            "this is no exported ledger",
            where=self._where,
            remedy="name a file that `labmesh ledger export` wrote; a backup is restored",
        )


@contextmanager
def open_stream(path: Path, mode: str, *, zipped: bool) -> Iterator[IO[bytes]]:
    """Open the portable form's file; ``zipped`` as its final name says."""
    with path.open(mode) as file:
        if not zipped:
            yield file
            return
        # No name and no time inside: the same ledger gives the same bytes.
        with gzip.GzipFile(filename="", mode=mode, fileobj=file, mtime=0) as unzipped:
            yield unzipped  # type: ignore[misc]


_BROKEN: Final = (msgpack.UnpackException, ValueError, EOFError, zlib.error, gzip.BadGzipFile)
_REMEDY: Final = "take another copy of the file, or export the ledger anew"
