"""What writing and checking a crate answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Tell = Callable[[int, int], None]
"""Takes how much has been done, and of how much."""


def silent(_done: int, _total: int) -> None:
    """Tell nobody."""


METADATA: Final = "ro-crate-metadata.json"
HASHES: Final = "hashes.sha256"
README: Final = "README.md"
GRAPH: Final = "metadata.jsonld"
TERMS: Final = "terms.ttl"
DATABASE: Final = "campaign.sqlite"
REQUESTS: Final = "requests.json"
RESULTS: Final = "results.json"
CAPABILITIES: Final = "capabilities.json"
SAMPLES: Final = "samples.json"
DATA: Final = "data"

SEGMENT: Final = 1000
"""Offsets of a segment."""


def segment_name(number: int) -> str:
    """Return the name of the segment that begins at offset ``number * SEGMENT``."""
    return f"ledger-{number:06d}.msgpack.gz"


@dataclass(frozen=True, slots=True)
class CrateFile:
    """A file of a crate.

    Attributes:
        path: Below the crate's folder, with ``/``.
        sha256: Of its content.
        size: Bytes.
        changed: Whether the crate that was there before had it not, or had another of that name.
    """

    path: str
    sha256: str
    size: int
    changed: bool


@dataclass(frozen=True, slots=True)
class CrateSummary:
    """What was written.

    Attributes:
        path: The crate's folder.
        campaign: Its campaign.
        title: Its title.
        version: Its version, a calendar version made from the last entry unless described.
        published: ``datePublished``, an ISO date.
        retain_until: Until when it is kept at least, an ISO date.
        head: Offset and hash of the last entry that it covers: the campaign's last.
        access: ``public`` or ``restricted``: of the files.
        entries: How many entries have their body in it.
        withheld: How many have only their header, by reason: ``other_campaign``, ``confidential``.
        files: All of its files, sorted by path.
        missing: sha256 of artifacts that could not be had.
        keywords: From what was measured and from the description.
        description: What it holds, in words.
        contact: Whom to ask; empty where nobody is named.
        embargo_until: First day on which files may be had, an ISO date; empty without an embargo.
        embargo_reason: Why.
    """

    path: Path
    campaign: str
    title: str
    version: str
    published: str
    retain_until: str
    head: tuple[int, bytes]
    access: str
    entries: int
    withheld: dict[str, int]
    files: tuple[CrateFile, ...]
    missing: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    description: str = ""
    contact: str = ""
    embargo_until: str = ""
    embargo_reason: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a crate.

    Attributes:
        path: The file, or empty where the whole is meant.
        what: What is wrong, a sentence without a full stop.
        check: Which check found it: ``files``, ``hashes``, ``chain``, ``described``, ``content``,
            ``shapes``.
    """

    path: str
    what: str
    check: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" if self.path else self.what
