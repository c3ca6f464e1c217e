"""Files that are named by their own sha256."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from messages.artifact import check_sha256
from messages.errors import ArtifactError

LARGEST: Final = 2 << 30
"""Bytes of the largest artifact unless a node says otherwise. More than any instrument file we have
met; beyond it a file server does better than an MQTT broker."""

BLOCK: Final = 1 << 20
"""Bytes that are copied and hashed at a time."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One artifact in a folder.

    Attributes:
        sha256: Its address.
        size: Bytes.
        since: Wall time (seconds since 1970) at which it was last put there.
    """

    sha256: str
    size: int
    since: float


class ArtifactFolder:
    """Content-addressed files: ``ab/abcdef...``, read-only, complete, and on the disk.

    Besides them: ``partial/{sha256}`` (what is being fetched, resumed by its size),
    ``quarantine/`` (what does not fit its name) and ``new/`` (what is being copied). No name that
    anyone gave to a file becomes part of a path. All calls block.

    Args:
        path: The folder; made when something is put into it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._naming = threading.Lock()

    def file(self, sha256: str) -> Path:
        """Return where the artifact is, or would be.

        Raises:
            ArtifactError: It is no sha256.
        """
        return self.path / check_sha256(sha256)[:2] / sha256

    def partial(self, sha256: str) -> Path:
        """Return where the artifact grows while it is fetched."""
        return self.path / "partial" / check_sha256(sha256)

    def size(self, sha256: str) -> int | None:
        """Return an artifact's size in bytes, None where it is not here."""
        try:
            return self.file(sha256).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def add(self, source: Path | bytes, *, limit: int = LARGEST) -> Stored:
        """Copy a file, or bytes, into the folder; hashed while it is copied, synced, then named.

        Args:
            source: A regular file, which is read once and never as a whole, or the content itself.
            limit: Most bytes.

        Raises:
            ArtifactError: It is no regular file, or larger than ``limit``.
            OSError: It cannot be read, or the folder not be written (a full disk).
        """
        with _opened(source, limit) as opened, self._new() as (name, file):
            digest, size = hashlib.sha256(), 0
            while block := opened.read(BLOCK):
                size += len(block)
                if size > limit:
                    raise _too_large(_told(source), size, limit)
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            self._name(name, digest.hexdigest())
        return Stored(digest.hexdigest(), size, time.time())

    def adopt(self, sha256: str) -> None:
        """Give a complete partial file its name; whoever calls has checked its content."""
        partial = self.partial(sha256)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        self._name(partial, sha256)

    def read(self, sha256: str, offset: int, length: int) -> tuple[int, bytes]:
        """Return the size of an artifact and some bytes of it.

        Raises:
            FileNotFoundError: It is not here.
        """
        with self.file(sha256).open("rb", buffering=0) as file:
            file.seek(offset)
            return os.fstat(file.fileno()).st_size, file.read(length)

    def sound(self, sha256: str) -> bool:
        """Tell whether an artifact's bytes fit its name; False where it is not here."""
        try:
            return digest_of(self.file(sha256)) == sha256
        except FileNotFoundError:
            return False

    def quarantine(self, file: Path) -> Path:
        """Move a file that does not fit its name out of the way; return where it is now."""
        folder = self.path / "quarantine"
        folder.mkdir(parents=True, exist_ok=True)
        to = folder / f"{file.name}.{time.time_ns()}"
        file.rename(to)
        return to

    def remove(self, sha256: str, *, unless_since: float) -> bool:
        """Forget an artifact and return true, unless it was put here (again) after that time.

        Args:
            sha256: Which.
            unless_since: Wall time, seconds since 1970.
        """
        file = self.file(sha256)
        with self._naming:
            if not file.exists() or file.stat().st_mtime > unless_since:
                return False
            file.unlink()
            return True

    def tidy(self) -> None:
        """Remove what an earlier process was copying when it ended."""
        shutil.rmtree(self.path / "new", ignore_errors=True)

    def __iter__(self) -> Iterator[Stored]:
        for file in self.path.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(ArtifactError, OSError):
                status = file.stat()
                yield Stored(check_sha256(file.name), status.st_size, status.st_mtime)

    @contextmanager
    def _new(self) -> Iterator[tuple[Path, BinaryIO]]:
        name = self.path / "new" / uuid4().hex
        name.parent.mkdir(parents=True, exist_ok=True)
        try:
            with name.open("xb") as file:
                yield name, file
        finally:
            name.unlink(missing_ok=True)

    def _name(self, file: Path, sha256: str) -> None:
        to = self.file(sha256)
        if not to.parent.is_dir():
            to.parent.mkdir(parents=True, exist_ok=True)
            _sync(self.path)
        with self._naming:
            file.chmod(0o444)
            os.utime(file)
            file.replace(to)
        _sync(to.parent)


def digest_of(file: Path) -> str:
    """Return the sha256 of a file's content.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _opened(source: Path | bytes, limit: int) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield BytesIO(source)
        return
    if not source.is_file():
        raise ArtifactError(
            "there is no such file" if not source.exists() else "it is no regular file",
            where=str(source),
            remedy="attach a file, or its content as bytes",
        )
    if (size := source.stat().st_size) > limit:
        raise _too_large(str(source), size, limit)
    with source.open("rb") as file:
        yield file


def _told(source: Path | bytes) -> str:
    return str(source) if isinstance(source, Path) else ""


def _too_large(where: str, size: int, limit: int) -> ArtifactError:
    return ArtifactError(
        f"an artifact of {size} bytes; this node takes at most {limit}",
        where=where,
        remedy="split it, or raise the node's artifact_limit",
    )


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    if os.name == "nt":  # Windows opens no folders, and its file system writes names through
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
