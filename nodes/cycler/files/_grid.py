"""The rows of a vendor's text table: whole lines only, what is damaged counted and said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from nodes.cycler.files._recording import Remark
from nodes.cycler.files._source import Source

DAMAGED_SHARE: Final = 0.01
"""More unreadable lines than this share of a file, and it is refused instead of thinned out."""

_QUOTE: Final = ord('"')


@dataclass(frozen=True)
class Grid:
    """A table as the vendor wrote it.

    Args:
        headers: Names of the columns as written.
        column: The values of a column by its position: numbers where every value is one, else text
            (stripped, blanks null) or, from a spreadsheet, whatever the cells hold.
        height: Records.
        decimal_comma: Whether numbers that are still text have one.
        remarks: What was left out.
    """

    headers: Sequence[str]
    column: Callable[[int], pl.Series]
    height: int
    decimal_comma: bool = False
    remarks: tuple[Remark, ...] = ()


def read_grid(
    source: Source,
    utf8: bytes,
    headers: Sequence[str],
    *,
    first_line: int,
    separator: str,
    numeric: Sequence[int],
    textual: Sequence[int],
    decimal_comma: bool = False,
) -> Grid:
    """Read the records that begin at a line.

    Args:
        source: For the words of errors.
        utf8: The whole text.
        headers: Of the columns; trailing empty ones may be missing in the records.
        first_line: Of the records, from 0.
        separator: One character.
        numeric: Columns wanted as numbers.
        textual: Columns wanted as text.
        decimal_comma: Whether numbers are written 3,14.

    Raises:
        UnreadableFileError: There is no whole record, or too many lines are damaged.
    """
    body = _body(utf8, first_line)
    lines = _Lines.of(body, separator)
    wanted_fields = _last_named(headers) + 1
    whole, remarks = _whole_lines(source, lines, wanted_fields, first_line)
    if not whole.any():
        raise source.refuse(
            "the header was recognised, but no whole record follows it",
            at=f"line {first_line + 1}",
            remedy="the export may have been stopped: export it again",
        )
    last = int(np.flatnonzero(~lines.blank)[-1]) if whole.any() else 0
    if (
        whole.any()
        and whole[last]
        and _is_last_field_cut(body, lines, separator, {*numeric, *textual})
    ):
        whole[last] = False
        words = (
            f"The last line (line {first_line + last + 1}) has no line end and its last field is "
            "shorter than all others: it is cut, and left out."
        )
        remarks = (*remarks, Remark("warning", "truncated_last_line", words))
    if not whole.all():
        body = lines.only(whole)
    width = max(int(lines.fields[whole].max()), len(headers))
    names = [f"c{i}" for i in range(width)]
    read = _Reader(body, separator, lines.quoted, names, decimal_comma=decimal_comma)
    frame = read.frame(sorted({*numeric, *textual}), set(numeric))
    if frame.height != int(whole.sum()):
        raise source.refuse(
            f"{int(whole.sum())} records are there, but {frame.height} can be told apart: quotes "
            "or line ends are damaged",
            remedy="export it again",
        )
    return Grid(
        headers,
        lambda i: frame[names[i]],
        frame.height,
        decimal_comma=decimal_comma,
        remarks=remarks,
    )


@dataclass(frozen=True)
class _Lines:
    """Where lines begin and end, and how many fields each has."""

    body: bytes
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    fields: NDArray[np.int64]
    blank: NDArray[np.bool_]
    quoted: bool

    @classmethod
    def of(cls, body: bytes, separator: str) -> _Lines:
        letters = np.frombuffer(body, dtype=np.uint8)
        if not letters.size:
            none = np.zeros(0, dtype=np.int64)
            return cls(body, none, none, none, none.astype(bool), quoted=False)
        ends, marks = letters == ord("\n"), letters == ord(separator)
        # An odd number of quotes would swallow lines: they are plain characters then.
        quotes = body.count(b'"')
        quoted = quotes > 0 and quotes % 2 == 0
        if quoted:
            outside = np.cumsum(letters == _QUOTE, dtype=np.int32) % 2 == 0
            ends, marks = ends & outside, marks & outside
        end = np.flatnonzero(ends)
        if not end.size or end[-1] != letters.size - 1:
            end = np.append(end, letters.size)
        begin = np.concatenate([[0], end[:-1] + 1])
        fields = np.add.reduceat(marks, begin, dtype=np.int64) + 1
        blank = np.zeros(begin.size, dtype=bool)
        for i in np.flatnonzero(fields == 1).tolist():
            blank[i] = not body[begin[i] : end[i]].strip()
        return cls(body, begin, end, fields, blank, quoted)

    def only(self, keep: NDArray[np.bool_]) -> bytes:
        kept = np.flatnonzero(keep)
        if kept[-1] - kept[0] + 1 == kept.size:
            # Only lines at the beginning and the end are left out, most often blank ones.
            return self.body[self.begin[kept[0]] : self.end[kept[-1]]]
        pairs = zip(self.begin[keep].tolist(), self.end[keep].tolist(), strict=True)
        return b"\n".join(self.body[begin:end] for begin, end in pairs)


def _whole_lines(
    source: Source, lines: _Lines, wanted: int, first_line: int
) -> tuple[NDArray[np.bool_], tuple[Remark, ...]]:
    there = ~lines.blank
    if not there.any():
        return there, ()
    counts = np.bincount(lines.fields[there])
    usual = int(counts.argmax())
    least = wanted if usual >= wanted or counts[usual] < 2 else usual
    whole = there & (lines.fields >= least) & (lines.fields <= max(usual, wanted))
    bad = np.flatnonzero(there & ~whole)
    remarks = []
    if bad.size and bad[-1] == np.flatnonzero(there)[-1] and lines.fields[bad[-1]] < least:
        words = (
            f"The last line (line {first_line + int(bad[-1]) + 1}) is cut after "
            f"{int(lines.fields[bad[-1]])} of {least} fields and is left out: the file was "
            "copied or exported while the test was still running, or only in part."
        )
        remarks.append(Remark("warning", "truncated_last_line", words))
        bad = bad[:-1]
    if bad.size:
        words = (
            f"{bad.size} of {int(there.sum())} lines do not have the {least} fields of a record "
            f"(the first is line {first_line + int(bad[0]) + 1})"
        )
        if bad.size > max(1.0, DAMAGED_SHARE * int(there.sum())):
            raise source.refuse(words, remedy="the file is damaged: export or copy it again")
        remarks.append(Remark("error", "damaged_lines", f"{words}; they are left out."))
    if least < wanted:
        words = f"Records have {least} fields where the header names {wanted}."
        remarks.append(Remark("warning", "fewer_fields_than_headers", words))
    return whole, tuple(remarks)


def _is_last_field_cut(body: bytes, lines: _Lines, separator: str, wanted: set[int]) -> bool:
    """Whether the file ends within a number that is wanted; nothing but its length shows it."""
    there = np.flatnonzero(~lines.blank)
    if body.endswith(b"\n") or there.size < 5 or int(lines.fields[there[-1]]) - 1 not in wanted:
        return False
    ends = [
        body[lines.begin[i] : lines.end[i]].rstrip().rsplit(separator.encode(), 1)[-1]
        for i in there[-40:].tolist()
    ]
    digits = [len(end.partition(b".")[2]) for end in ends]
    return digits[-1] < min(digits[:-1]) or len(ends[-1]) < min(map(len, ends[:-1]))


@dataclass(frozen=True)
class _Reader:
    body: bytes
    separator: str
    quoted: bool
    names: list[str]
    decimal_comma: bool

    def frame(self, columns: list[int], numeric: set[int]) -> pl.DataFrame:
        """All numeric columns as numbers if they are; those that are not, as stripped text."""
        if not columns:
            columns = [0]
        try:
            return self._read(columns, numeric)
        except PolarsError:
            text = self._read(columns, set())
        return text.with_columns(
            self._cast(text[self.names[i]]) if i in numeric else text[self.names[i]]
            for i in columns
        )

    def _read(self, columns: list[int], numeric: set[int]) -> pl.DataFrame:
        names = self.names
        schema: dict[str, type[pl.DataType]] = {
            name: pl.Float64 if i in numeric else pl.String for i, name in enumerate(names)
        }
        scanned = pl.scan_csv(
            BytesIO(self.body),
            has_header=False,
            schema=schema,
            separator=self.separator,
            quote_char='"' if self.quoted else None,
            missing_columns="insert",
            extra_columns="ignore",
            encoding="utf8-lossy",
            decimal_comma=self.decimal_comma,
        )
        numbers = pl.col([names[i] for i in columns if i in numeric])
        text = pl.col([names[i] for i in columns if i not in numeric]).str.strip_chars()
        return scanned.select(numbers, text).collect()

    def _cast(self, text: pl.Series) -> pl.Series:
        plain = text.str.replace(",", ".", literal=True) if self.decimal_comma else text
        found = plain.cast(pl.Float64, strict=False)
        return found if found.null_count() == text.null_count() else text


def _body(utf8: bytes, first_line: int) -> bytes:
    start = 0
    for _ in range(first_line):
        end = utf8.find(b"\n", start)
        if end < 0:
            return b""
        start = end + 1
    body = utf8[start:]
    if b"\n" not in body and b"\r" in body:
        body = body.replace(b"\r", b"\n")
    if b"\x00" in body:
        body = body.replace(b"\x00", b" ")
    return _unwrapped(body)


def _unwrapped(body: bytes) -> bytes:
    """Records that are quoted as a whole, without their quotes."""
    lines = body.split(b"\n", 21)[:20]
    whole = [line.strip() for line in lines if line.strip()]
    if whole and all(
        line.startswith(b'"') and line.endswith(b'"') and line.count(b'"') == 2 and b"," in line
        for line in whole
    ):
        return body.replace(b'"', b"")
    return body


def _last_named(headers: Sequence[str]) -> int:
    named = [i for i, text in enumerate(headers) if text.strip()]
    return named[-1] if named else -1
