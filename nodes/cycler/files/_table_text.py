"""A text file whose table begins at a line with the columns' names: found, and read by rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from nodes.cycler.files._assemble import Draft, Match, Rule, assemble, match, positions
from nodes.cycler.files._grid import read_grid
from nodes.cycler.files._source import Head, Source
from nodes.cycler.files._text import decode, has_decimal_comma

HEADER_WITHIN: Final = 400
"""Lines among which the header of a table is looked for; BioLogic's preambles reach 250."""

_RECORD: Final = frozenset("0123456789+-")

SEPARATORS: Final = ("\t", ",", ";", "|")


@dataclass(frozen=True)
class HeaderLine:
    """A line that names columns."""

    line: int
    separator: str
    names: list[str]


@dataclass
class TextTable:
    """What was read of a text file."""

    draft: Draft
    preamble: list[str]
    header: HeaderLine
    matches: dict[str, Match]
    encoding: str
    decimal_comma: bool = False
    notes: list[str] = field(default_factory=list)


def lines_of(text: str, limit: int = HEADER_WITHIN) -> list[str]:
    """The first lines, told apart by line feeds alone (binary junk holds other breaks)."""
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    return [line.rstrip("\r") for line in text.split("\n", limit)[:limit]]


def head_lines(head: Head, limit: int = HEADER_WITHIN) -> list[str]:
    """The first lines of a file; none when it is binary."""
    return lines_of(head.text, limit)


def split(line: str, separator: str) -> list[str]:
    """The fields of a header, without their quotes."""
    return list(_split(line, separator))


@lru_cache(maxsize=256)
def _split(line: str, separator: str) -> tuple[str, ...]:
    fields = line.split(separator)
    if '"' in line:
        joined: list[str] = []
        for part in fields:
            if joined and joined[-1].count('"') % 2:
                joined[-1] += separator + part
            else:
                joined.append(part)
        fields = joined
    return tuple(part.strip().strip('"').strip() for part in fields)


def find_header(
    lines: Sequence[str],
    accepts: Callable[[list[str]], bool],
    *,
    separators: Sequence[str] = SEPARATORS,
) -> HeaderLine | None:
    """The first line that, split by one of the separators, has the names asked for."""
    for number, text in enumerate(lines):
        # Names do not begin with a digit or a sign; records do.
        if text[:2].lstrip('"')[:1] in _RECORD:
            continue
        line = _unquoted(text)
        for separator in separators:
            if line.count(separator) < 2:
                continue
            names = list(_split(line, separator))
            if accepts(names):
                return HeaderLine(number, separator, names)
    return None


def _unquoted(line: str) -> str:
    """A line that is quoted as a whole, without its quotes."""
    bare = line.strip()
    whole = len(bare) > 1 and bare[0] == bare[-1] == '"' and bare.count('"') == 2
    return bare[1:-1] if whole else line


def has_columns(names: Sequence[str], rules: Sequence[Rule], *columns: str) -> bool:
    """Whether the names include these canonical columns by these rules."""
    found = match(names, rules)
    return all(column in found for column in columns)


def read_table(
    source: Source,
    rules: Sequence[Rule],
    accepts: Callable[[list[str]], bool],
    *,
    separators: Sequence[str] = SEPARATORS,
    skip: int = 0,
) -> TextTable:
    """Read the one table of a text file.

    Args:
        source: The file.
        rules: Where the canonical columns come from.
        accepts: Whether a line's fields are the header.
        separators: Which may part the fields.
        skip: Lines between the header and the records.

    Raises:
        UnreadableFileError: There is no header, no record, or too much is damaged.
    """
    decoded = decode(source.data)
    utf8 = decoded.utf8
    if b"\n" not in utf8 and b"\r" in utf8:
        utf8 = utf8.replace(b"\r", b"\n")
    lines = lines_of(utf8[: 1 << 20].decode("utf-8", errors="replace"))
    header = find_header(lines, accepts, separators=separators)
    if header is None:
        raise source.refuse(
            "no line names the columns that are needed (time, voltage, current)",
            remedy="export the table with its header",
        )
    matches = match(header.names, rules)
    numeric, textual = positions(matches)
    comma = header.separator != "," and _has_comma(lines, header, numeric)
    grid = read_grid(
        source,
        utf8,
        header.names,
        first_line=header.line + 1 + skip,
        separator=header.separator,
        numeric=numeric,
        textual=textual,
        decimal_comma=comma,
    )
    draft = assemble(source, grid, matches)
    return TextTable(
        draft, lines[: header.line], header, matches, decoded.encoding, decimal_comma=comma
    )


def _has_comma(lines: Sequence[str], header: HeaderLine, numeric: Sequence[int]) -> bool:
    values = []
    for line in lines[header.line + 1 :][:60]:
        fields = line.split(header.separator)
        values += [fields[i] for i in numeric if i < len(fields)]
    return has_decimal_comma(values)
