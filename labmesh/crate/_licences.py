"""The licences that a crate may have: ``data/licences.csv``, names and URLs as SPDX lists them."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

DEFAULT_LICENCE: Final = "CC-BY-4.0"

_FILE: Final = Path(__file__).parent / "data" / "licences.csv"


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence.

    Attributes:
        id: SPDX identifier.
        name: Its full name.
        url: Where its text is.
        purpose: ``data`` or ``code``: what it was written for.
    """

    id: str
    name: str
    url: str
    purpose: str


@cache
def licences() -> Mapping[str, Licence]:
    """Return the known licences by SPDX identifier."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        found = {row["id"]: Licence(row["id"], row["name"], row["url"], row["for"]) for row in rows}
    return MappingProxyType(found)


def check_licence(text: str) -> str:
    """Return the SPDX identifier as SPDX writes it.

    Raises:
        ValueError: It is not among the known ones; names the nearest.
    """
    spelt = {name.lower(): name for name in licences()}
    wanted = text.strip().lower()
    if wanted in spelt:
        return spelt[wanted]
    close = difflib.get_close_matches(wanted, spelt, n=1, cutoff=0.5)
    hint = f"did you mean {spelt[close[0]]}? " if close else ""
    raise ValueError(f"{text!r} is no licence known here; {hint}known: {', '.join(licences())}")
