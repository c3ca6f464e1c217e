"""A folder that is there whole or not at all, and keeps what did not change."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import IO, Final

from labmesh.crate._types import HASHES, METADATA, CrateFile
from messages.errors import ConfigurationError, LabmeshError

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
"""Linux: fcntl.h and linux/fs.h."""


class Workplace:
    """Where a crate is made, beside the place where it will be.

    Attributes:
        target: The folder to be made.
        part: The folder in which it grows.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.part = target.with_name(f".{target.name}.part")
        self._old = target.with_name(f".{target.name}.old")

    def file(self, name: str) -> Path:
        """Return where a file of that name is to be written; its folder is there."""
        path = self.part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, content: bytes | str) -> None:
        """Write a file."""
        self.file(name).write_bytes(content.encode() if isinstance(content, str) else content)

    def kept(self, name: str, sha256: str) -> bool:
        """Take a file over from the crate that was there, if it is there and has that hash."""
        before = self.target / name
        if not before.is_file() or before.is_symlink() or digest(before) != sha256:
            return False
        _link(before, self.file(name))
        return True

    def settled(self) -> list[CrateFile]:
        """Return the files there are so far, sorted by path.

        What has the content it had before becomes the file that it was before.
        """
        found = [
            self._settle(path, path.relative_to(self.part).as_posix())
            for path in self.part.rglob("*")
            if path.is_file()
        ]
        return sorted(found, key=lambda each: each.path)

    def finish(self) -> list[CrateFile]:
        """Write the list of hashes, and put the folder where it belongs; all is on the disk then.

        Returns:
            All files, sorted by path.
        """
        files = self.settled()
        self.write(HASHES, "".join(f"{each.sha256}  {each.path}\n" for each in files))
        files.append(self._settle(self.part / HASHES, HASHES))
        for folder in sorted({path.parent for path in self.part.rglob("*")}):
            _sync(folder)
        self._put()
        return sorted(files, key=lambda each: each.path)

    def _settle(self, path: Path, name: str) -> CrateFile:
        found, size, before = digest(path), path.stat().st_size, self.target / name
        same = before.is_file() and not before.is_symlink() and before.stat().st_size == size
        same = same and (before.samefile(path) or digest(before) == found)
        if same and not before.samefile(path):
            path.unlink()
            _link(before, path)
        if not same:
            _sync(path)
        return CrateFile(name, found, size, changed=not same)

    def _put(self) -> None:
        if not self.target.exists():
            self.part.rename(self.target)
        elif not _exchange(self.part, self.target):
            # Where the system cannot exchange two folders there is none for a moment; `recover`
            # brings the old one back should this end between the two.
            self.target.rename(self._old)
            self.part.rename(self.target)
        _sync(self.target.parent)
        self.clear()

    def recover(self) -> None:
        """Bring back what a killed writer set aside."""
        if self._old.exists() and not self.target.exists():
            self._old.rename(self.target)

    def clear(self) -> None:
        """Remove what is not, or no longer, the crate."""
        for path in (self.part, self._old):
            with suppress(FileNotFoundError):
                shutil.rmtree(path)


@contextmanager
def workplace(target: Path) -> Iterator[Workplace]:
    """Give a place to make the folder ``target``; whatever happens, it is whole or as it was.

    Raises:
        ConfigurationError: Its parent is not there, or something other than a crate is.
        LabmeshError: Another process writes it, or the disk refuses.
    """
    target = target.absolute()
    if not target.parent.is_dir():
        raise ConfigurationError(
            "there is no such folder", where=str(target.parent), remedy="make it first"
        )
    try:
        with _locked(target.with_name(f".{target.name}.lock"), target):
            place = Workplace(target)
            place.recover()
            place.clear()
            _refuse_others(target)
            place.part.mkdir()
            try:
                yield place
            finally:
                place.clear()
    except OSError as error:
        raise LabmeshError(
            f"cannot be written: {error.strerror or error}", where=str(target),
            remedy="see to the disk; what was there before is as it was",
        ) from error  # fmt: skip


def digest(path: Path) -> str:
    """Return the sha256 of a file's content."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _refuse_others(target: Path) -> None:
    empty = target.is_dir() and not any(target.iterdir())
    if target.exists() and not empty and not (target / METADATA).is_file():
        raise ConfigurationError(
            "something else is there", where=str(target),
            remedy="name a folder that is not there, or one with a crate in it",
        )  # fmt: skip


@contextmanager
def _locked(path: Path, target: Path) -> Iterator[None]:
    file = _lock(path, target)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _lock(path: Path, target: Path) -> IO[str]:
    while True:
        file = path.open("a", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise LabmeshError(
                "another process is writing this crate", where=str(target), remedy="wait for it"
            ) from None
        # Whoever held it before may have removed the file between open and lock.
        if path.exists() and os.fstat(file.fileno()).st_ino == path.stat().st_ino:
            return file
        file.close()


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names at once; False where the system cannot."""
    if sys.platform != "linux":
        return False
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
