"""``hashes.sha256``: what ``sha256sum -c`` reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from labmesh.crate._folder import digest
from labmesh.crate._types import HASHES, METADATA, Finding, Tell

_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S.*)")


def read_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file by its path, as the list says; other lines are passed over."""
    try:
        text = (folder / HASHES).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found = (_LINE.fullmatch(line) for line in text.split("\n"))
    return {match[2]: match[1] for match in found if match}


def files_of(folder: Path) -> set[str]:
    """Return the paths of all files in a folder."""
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def check_hashes(folder: Path, described: Mapping[str, str], tell: Tell) -> Iterator[Finding]:
    """Yield what is not as the list of hashes says.

    Args:
        folder: The crate's folder.
        described: What the metadata says of the same files: where the two differ it tells which of
            them was changed.
        tell: Told of the progress, in files.
    """
    listed = read_hashes(folder)
    there = files_of(folder) - {HASHES}
    if not (folder / HASHES).is_file():
        yield Finding(HASHES, "it is missing, so nothing can be compared", "hashes")
        return
    yield from _form(folder, listed)
    for count, name in enumerate(sorted(there & listed.keys())):
        tell(count, len(there))
        if (found := digest(folder / name)) == listed[name]:
            continue
        if described.get(name) == found:
            yield Finding(HASHES, f"the hash of {name} is not the one that was written", "hashes")
        elif name == METADATA:
            words = f"its content, or its hash in {HASHES}, is not what was written"
            yield Finding(name, words, "hashes")
        else:
            yield Finding(name, "its content is not what was written", "hashes")
    yield from _unlike(listed.keys() - there, there - listed.keys(), described)


def _unlike(
    gone: Iterable[str], unlisted: Iterable[str], described: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield the differences between the list and the folder; the metadata knows who is right."""
    known = {*described, METADATA}
    for name in sorted(gone):
        if described and name not in known:
            yield Finding(HASHES, f"it lists {name}, of which nothing else knows", "hashes")
        else:
            yield Finding(name, "it is listed and not there", "files")
    for name in sorted(unlisted):
        if name in known:
            yield Finding(HASHES, f"it does not list {name}", "hashes")
        else:
            yield Finding(name, "it is there and nobody listed it", "files")


def _form(folder: Path, listed: Mapping[str, str]) -> Iterator[Finding]:
    wanted = "".join(f"{listed[name]}  {name}\n" for name in sorted(listed))
    if (folder / HASHES).read_bytes() != wanted.encode():
        yield Finding(HASHES, "a line of it is not as it was written", "hashes")
