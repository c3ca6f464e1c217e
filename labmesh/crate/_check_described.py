"""That what is there is described, and what is described is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from labmesh.crate._description import RETAIN_YEARS
from labmesh.crate._hashes import files_of
from labmesh.crate._types import HASHES, METADATA, Finding
from messages.model import JsonObject

_ROOT: Final = ("name", "description", "datePublished", "license", "version", "retain_until")
_FILE: Final = ("name", "encodingFormat", "sha256", "contentSize")


class Described:
    """What a crate's metadata says; without a readable file it says nothing.

    Attributes:
        fault: Why the file cannot be read, or empty.
        root: The crate itself.
        files: Files by their path.
    """

    def __init__(self, folder: Path) -> None:
        self.fault = ""
        self._entities: dict[str, JsonObject] = {}
        try:
            document = json.loads((folder / METADATA).read_bytes())
            self._entities = {str(each["@id"]): each for each in document["@graph"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.fault = f"it cannot be read: {error}"
        self.root = self._entities.get("./", {})
        self.files = {
            unquote(name): each
            for name, each in self._entities.items()
            if "File" in _list(each.get("@type")) and "://" not in name
        }

    @property
    def hashes(self) -> dict[str, str]:
        """The sha256 of each file by its path, where it says one."""
        return {name: each["sha256"] for name, each in self.files.items() if each.get("sha256")}

    @property
    def head(self) -> tuple[int, str] | None:
        """Offset and hash of the ledger's last entry."""
        offset, found = self.root.get("head_offset"), self.root.get("head_hash")
        return (offset, found) if isinstance(offset, int) and isinstance(found, str) else None

    @property
    def written_by(self) -> str:
        """The version of Labmesh that wrote it, as it says."""
        words = str(self._entities.get("#labmesh", {}).get("description", ""))
        return words.rpartition(" ")[2]

    def parts(self) -> set[str]:
        """Return the paths of everything that the crate has as its part."""
        found: set[str] = set()
        waiting = ["./"]
        while waiting:
            for part in _list(self._entities.get(waiting.pop(), {}).get("hasPart")):
                name = part.get("@id", "") if isinstance(part, dict) else ""
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return {unquote(name) for name in found}


def check_described(folder: Path, described: Described) -> Iterator[Finding]:
    """Yield what the metadata leaves out, or says and is not so."""
    if described.fault:
        yield Finding(METADATA, described.fault, "described")
        return
    there = files_of(folder) - {METADATA}
    for name in sorted(there - described.files.keys()):
        yield Finding(name, "it is there and not described", "described")
    for name in sorted(described.files.keys() - there):
        yield Finding(name, "it is described and not there", "described")
    for name in sorted(described.files.keys() - described.parts()):
        yield Finding(name, "it is described and no part of the crate", "described")
    for name in sorted(there & described.files.keys()):
        yield from _file(folder, name, described.files[name])
    yield from (Finding(METADATA, what, "described") for what in _root(described.root))


def _file(folder: Path, name: str, said: JsonObject) -> Iterator[Finding]:
    for key in _FILE:
        if not said.get(key) and (name, key) != (HASHES, "sha256"):
            yield Finding(name, f"its {key} is not said", "described")
    size = (folder / name).stat().st_size
    if said.get("contentSize") not in (None, str(size)):
        yield Finding(
            name, f"it has {size} bytes, described are {said['contentSize']}", "described"
        )


def _root(root: JsonObject) -> Iterator[str]:
    for key in _ROOT:
        if not root.get(key):
            yield f"the crate's {key} is not said"
    try:
        published = date.fromisoformat(str(root.get("datePublished"))[:10])
        kept = date.fromisoformat(str(root.get("retain_until")))
    except ValueError:
        yield "datePublished or retain_until is no date"
        return
    if kept.year - published.year < RETAIN_YEARS:
        yield f"it is kept until {kept}, less than {RETAIN_YEARS} years"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
