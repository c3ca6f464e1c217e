"""Which schedule of a vendor's program stands for a protocol, and where its files are."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from messages.errors import LabmeshError
from messages.protocol import CyclingProtocol

_LENGTH: Final = 12


def fingerprint(protocol: CyclingProtocol) -> str:
    """Return 12 hexadecimal digits of what a protocol does to a cell.

    The same method gives the same, whatever sample and capacity it is for: with C-rates one
    schedule serves cells of any capacity. Limits do not count, for the node watches those of each
    test itself; nor do the intervals of records, which are the schedule's own.
    """
    does = protocol.model_dump_json(include={"method"})
    return hashlib.sha256(does.encode()).hexdigest()[:_LENGTH]


def exported(folder: Path | None, test: str, where: str) -> tuple[Path, ...]:
    """Return a test's files below ``folder``, its parts in their order.

    Raises:
        LabmeshError: No folder is set, or none of its files bears the test's name.
    """
    if folder is None:
        raise LabmeshError(
            f"nobody said where the files of {test} are", where=where,
            remedy="set the folder to which the vendor's program exports",
        )  # fmt: skip
    word = re.compile(rf"(?<![\w-]){re.escape(test)}(?![a-z0-9-])", re.IGNORECASE)
    found = [path for path in folder.rglob("*") if path.is_file() and word.search(path.name)]
    if not found:
        raise LabmeshError(
            f"no file of test {test} in {folder}", where=where,
            remedy="does the vendor's program export there, under the test's name?",
        )  # fmt: skip
    return tuple(sorted(found, key=_natural))


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order ``x_2`` before ``x_10``."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", path.name)]
