"""What shall be in a record: files with their hashes, and metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from messages.model import JsonObject

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to be in a record.

    Attributes:
        name: As the archive shall list it.
        path: Where it is.
        size: Bytes.
        md5: In hex, for comparison with the archive's own.
        sha256: In hex.
    """

    name: str
    path: Path
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a campaign's record shall be.

    Attributes:
        mark: An identifier of the campaign that stands in every version's metadata: a URN.
        metadata: InvenioRDM's ``metadata`` without mark, publication date and version.
        access: InvenioRDM's ``access``.
        files: By name.
        version: Of this content; changed where the version before has the same.
        community: Whose reviewers shall publish it: an id or short name; empty: publish.
    """

    mark: str
    metadata: JsonObject
    access: JsonObject
    files: Mapping[str, LocalFile]
    version: str
    community: str = ""

    def payload(self, *, version: str, date: str) -> JsonObject:
        """Return the whole body of POST and PUT; nothing in it comes from the archive."""
        mark = {"identifier": self.mark, "scheme": "urn"}
        identifiers = [*self.metadata.get("identifiers", []), mark]
        metadata = {
            **self.metadata, "identifiers": identifiers, "version": version,
            "publication_date": date,
        }  # fmt: skip
        return {"access": self.access, "files": {"enabled": True}, "metadata": metadata}

    @property
    def metadata_sha256(self) -> str:
        """Of metadata and access in canonical JSON, without publication date and version."""
        return digest_of({"metadata": self.metadata, "access": self.access, "mark": self.mark})

    @property
    def content_sha256(self) -> str:
        """Of the names and sha256 of all files, in canonical JSON."""
        return digest_of({name: file.sha256 for name, file in self.files.items()})


def digest_of(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON."""
    words = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(words.encode()).hexdigest()


def read_files(paths: Iterable[Path]) -> dict[str, LocalFile]:
    """Return files with their sizes and hashes, by name. Blocks for as long as reading takes."""
    return {path.name: _read(path) for path in sorted(paths)}


def _read(path: Path) -> LocalFile:
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            md5.update(piece)
            sha256.update(piece)
            size += len(piece)
    return LocalFile(path.name, path, size, md5.hexdigest(), sha256.hexdigest())


def next_version(version: str, before: str) -> str:
    """Return the version of changed content: as wanted, or with a number where it is taken.

    ``2026.11.22`` after ``2026.11.22`` is ``2026.11.22.1``, and so on.

    Args:
        version: As wanted.
        before: The version before; empty for none.
    """
    if before == version:
        return f"{version}.1"
    number = before.removeprefix(f"{version}.")
    return f"{version}.{int(number) + 1}" if number != before and number.isdigit() else version
