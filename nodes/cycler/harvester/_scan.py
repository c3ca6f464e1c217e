"""One look at the watched folders: which files are new, change, rest or are gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nodes.cycler.files import FORMATS, parts_of
from nodes.cycler.harvester._book import Book, FileState, Known

SUFFIXES: Final = frozenset(suffix for each in FORMATS for suffix in each.suffixes)
"""Suffixes of which a cycler's file may be; others are not looked at."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A test whose files have come to rest.

    Attributes:
        parts: Its files in their order.
        content: sha256 of all of it.
        files: What the book knows of them.
    """

    parts: tuple[Path, ...]
    content: str
    files: tuple[Known, ...]


def look(
    book: Book, folders: Sequence[Path], now: float, settle: float
) -> tuple[list[Ready], list[str]]:
    """Bring the book up to date.

    Args:
        book: The book.
        folders: What is watched, with what lies below.
        now: Wall time, s.
        settle: Seconds without a change after which a file counts as stable.

    Returns:
        The tests that are to be read now, and words about folders that cannot be looked at.
    """
    known, found, troubles = book.files(), {}, []
    for folder in folders:
        if not folder.is_dir():
            troubles.append(f"{folder} is not there")
            continue
        for path in _files(folder):
            try:
                status = path.stat()
            except OSError:
                continue  # it is gone again
            found[str(path)] = (path, status.st_size, status.st_mtime_ns)
    gone = set(known) - set(found)
    if gone and not troubles:
        book.forget(gone)
    changed = []
    for name, (path, size, modified) in found.items():
        had = known.get(name)
        if had is None or (had.size, had.modified) != (size, modified):
            group = str(parts_of(path)[0])
            known[name] = Known(name, group, size, modified, since=now)
            changed.append(known[name])
        elif had.state is FileState.UNSTABLE and now - had.since >= settle:
            known[name] = replace(had, state=FileState.STABLE)
            changed.append(known[name])
    book.note(changed)
    return list(_ready(book, [known[name] for name in sorted(found)])), troubles


def _ready(book: Book, files: Iterable[Known]) -> Iterator[Ready]:
    groups: dict[str, list[Known]] = {}
    for each in files:
        groups.setdefault(each.group, []).append(each)
    for members in groups.values():
        states = {each.state for each in members}
        if FileState.UNSTABLE in states or FileState.STABLE not in states:
            continue
        by_path = {each.path: each for each in members}
        parts = [part for part in parts_of(Path(members[0].group)) if str(part) in by_path]
        try:
            content = digest(parts)
        except OSError as error:
            words = f"cannot be read: {error.strerror}"
            book.note(replace(e, state=FileState.UNREADABLE, words=words) for e in members)
            continue
        yield Ready(tuple(parts), content, tuple(by_path[str(part)] for part in parts))


def digest(parts: Sequence[Path]) -> str:
    """Return the sha256 of a file, or that of the digests of several."""
    digests = []
    for part in parts:
        with part.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256"))
    if len(digests) == 1:
        return digests[0].hexdigest()
    return hashlib.sha256(b"".join(each.digest() for each in digests)).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in SUFFIXES and path.is_file():
            yield path
