"""The door: one file in, one checked table with its cycles out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl

from messages.errors import LabmeshError
from nodes.cycler.files._canonical import canonical
from nodes.cycler.files._check import Check
from nodes.cycler.files._checks import check
from nodes.cycler.files._errors import UnreadableFileError, first_line, is_damage
from nodes.cycler.files._formats import FORMATS
from nodes.cycler.files._recognise import choose
from nodes.cycler.files._recording import Accumulators, Metadata, Remark
from nodes.cycler.files._source import Format, Source
from nodes.cycler.files._summary import Summary, summarise


@dataclass(frozen=True)
class CyclerData:
    """A file that has been read.

    Args:
        table: The canonical table (`COLUMNS`).
        metadata: What the file says of itself, and its sha256.
        accumulators: The vendor's capacity counters in the table, if any.
        remarks: Notes, warnings and errors of reading.
        summary: Its cycles, and where their capacities come from.
        checks: What was found when the file was checked.
    """

    table: pl.DataFrame
    metadata: Metadata
    accumulators: Accumulators | None
    remarks: tuple[Remark, ...]
    summary: Summary
    checks: tuple[Check, ...]

    @property
    def cycles(self) -> pl.DataFrame:
        """One line a cycle (`CYCLE_COLUMNS`)."""
        return self.summary.cycles

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(each for each in self.checks if each.outcome == "failed")


def read_cycler_file(
    path: Path | str,
    *,
    format: str | None = None,  # noqa: A002
    timezone: str | None = None,
) -> CyclerData:
    """Read a file of any known cycler.

    Args:
        path: The file.
        format: Its format (`format_names`), to read it as that whatever it looks like.
        timezone: Of the instrument's clock (IANA name), for formats that write local time.

    Raises:
        UnreadableFileError: Unknown, ambiguous, damaged, empty or too large; nothing else is
            raised, whatever the bytes are.
    """
    source = Source.open(Path(path), timezone=_zone(timezone))
    chosen = _named(format) if format is not None else choose(source, FORMATS)
    return _guarded(chosen, source)


def format_names() -> list[str]:
    """What ``format`` may be."""
    return [each.name for each in FORMATS]


def _named(name: str) -> Format:
    for each in FORMATS:
        if each.name == name:
            return each
    raise LabmeshError(
        f"there is no format {name!r}", remedy=f"one of: {', '.join(format_names())}"
    )


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LabmeshError(
            f"there is no time zone {name!r}", remedy="an IANA name, such as Europe/Berlin"
        ) from error


def _guarded(chosen: Format, source: Source) -> CyclerData:
    """Read, and turn whatever a damaged file makes libraries raise into our error."""
    try:
        # Damaged numbers may be as large as numbers can be; the checks say so.
        with np.errstate(all="ignore"):
            return _read(chosen, source)
    except LabmeshError:
        raise
    except BaseException as error:
        if not is_damage(error):
            raise
        raise UnreadableFileError(
            f"it was recognised as {chosen.title}, but reading failed: {first_line(error)}",
            where=str(source.path),
            remedy="the file may be cut or damaged: export or copy it again",
        ) from error


def _read(chosen: Format, source: Source) -> CyclerData:
    recording = canonical(chosen.read(source), source)
    metadata = replace(
        recording.metadata,
        file_name=source.head.name,
        file_size=source.head.size,
        sha256=source.sha256,
    )
    accumulators = recording.accumulators or Accumulators.of(recording.table)
    recording = replace(recording, metadata=metadata, accumulators=accumulators)
    summary = summarise(recording)
    return CyclerData(
        table=recording.table,
        metadata=metadata,
        accumulators=accumulators,
        remarks=recording.remarks,
        summary=summary,
        checks=check(recording, summary),
    )
