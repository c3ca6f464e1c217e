"""Text files of vendors: encodings, decimal commas, and delimited tables as polars frames."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import polars as pl
from polars.exceptions import PolarsError

MAX_COLUMNS: Final = 4000


@dataclass(frozen=True)
class Decoded:
    """Text as UTF-8 bytes, and how it was encoded in the file."""

    utf8: bytes
    encoding: str

    @property
    def text(self) -> str:
        """As a string."""
        return self.utf8.decode("utf-8", errors="replace")


def decode(data: bytes) -> Decoded:
    """The text of a file, whatever the encoding: UTF-8 (BOM), UTF-16, GBK or Latin-1 (cp1252).

    Never fails: bytes that are no text in any of these become U+FFFD.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            if encoding == "utf-8-sig":
                return Decoded(_valid(data[3:]), encoding)
            text = data[2:].decode(encoding, errors="replace")
            return Decoded(text.encode("utf-8", errors="replace"), encoding)
    if data[1:400:2].count(0) > len(data[:400]) // 3:
        text = data.decode("utf-16-le", errors="replace")
        return Decoded(text.encode("utf-8", errors="replace"), "utf-16-le")
    if data.isascii():
        return Decoded(data, "ascii")
    try:
        # A head may be cut within a character.
        codecs.getincrementaldecoder("utf-8")().decode(data, final=False)
    except UnicodeDecodeError:
        return _legacy(data)
    return Decoded(_valid(data), "utf-8")


def _valid(data: bytes) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", errors="replace").encode("utf-8")
    return data


def _legacy(data: bytes) -> Decoded:
    # GB 2312, the part of GBK that vendors use, needs two bytes above 0xA0: a micro or degree sign
    # of Latin-1 before a letter is none (GBK would read it and the letter as one character).
    try:
        text = codecs.getincrementaldecoder("gb2312")().decode(data, final=False)
    except UnicodeDecodeError:
        text = ""
    if text:
        return Decoded(text.encode("utf-8"), "gbk")
    head, rest = data[:65536], data[65536:]
    if not rest.isascii():
        head, rest = data, b""
    return Decoded(head.decode("cp1252", errors="replace").encode("utf-8") + rest, "cp1252")


def read_delimited(
    utf8: bytes, *, header_line: int, separator: str, quote: str | None = '"'
) -> pl.DataFrame:
    """A delimited table as strings, one column a header (made unique by ``_duplicated_n``).

    Args:
        utf8: The file's text.
        header_line: Which line (from 0) holds the names of the columns.
        separator: One character.
        quote: None where quotes are plain characters.

    Raises:
        ValueError: Polars cannot read it as a table; its words.
    """
    try:
        return pl.read_csv(
            BytesIO(_from_line(utf8, header_line)),
            separator=separator,
            quote_char=quote,
            infer_schema=False,
            truncate_ragged_lines=True,
            encoding="utf8-lossy",
        )
    except (PolarsError, OSError) as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _from_line(data: bytes, line: int) -> bytes:
    start = 0
    for _ in range(line):
        end = data.find(b"\n", start)
        if end < 0:
            return b""
        start = end + 1
    return data[start:]


def numbers(column: pl.Series, *, decimal_comma: bool = False) -> pl.Series:
    """Text as numbers; blanks and what is no number become null (count them: `lost`)."""
    if column.dtype != pl.String:
        return column.cast(pl.Float64, strict=False)
    text = column.str.strip_chars()
    if decimal_comma:
        text = text.str.replace(",", ".", literal=True)
    return text.cast(pl.Float64, strict=False)


def lost(text: pl.Series, as_numbers: pl.Series) -> list[str]:
    """At most five values that were neither blank nor a number."""
    if text.dtype != pl.String:
        return []
    there = text.str.strip_chars().fill_null("") != ""
    return text.filter(there & as_numbers.is_null()).head(5).to_list()


def has_decimal_comma(values: Iterable[str | None]) -> bool:
    """Whether numbers are written 3,14: some have one comma, none has a point."""
    commas = False
    for value in values:
        if value is None:
            continue
        if "." in value:
            return False
        commas = commas or value.count(",") == 1
    return commas
