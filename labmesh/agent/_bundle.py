"""A launch file with everything it reads, as one text that fits into a service call."""

from __future__ import annotations

import binascii
import hashlib
import os
import shutil
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Self

import msgpack

from messages.errors import ConfigurationError

MAX_PACKED: Final = 56 * 1024
"""Most bytes of the text, so that a call of it stays below `messages.envelope.MAX_PAYLOAD`."""

MAX_FILES: Final = 100
MAX_BYTES: Final = 1 << 20
"""Most bytes of all files together: a text cannot unpack to more than it may."""

_MAX_PATH: Final = 200
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by their path below one folder, and which of them is the launch file.

    Attributes:
        main: Path of the launch file.
        files: Content by path: relative, with ``/``, without ``..``.

    Raises:
        ConfigurationError: A path leads elsewhere, or it is too large.
    """

    main: str
    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for path in self.files:
            _check_path(path, self.files)
        if self.main not in self.files:
            raise ConfigurationError(f"the bundle lacks its launch file {self.main!r}")
        size = sum(map(len, self.files.values()))
        if len(self.files) > MAX_FILES or size > MAX_BYTES:
            raise ConfigurationError(
                f"the bundle has {len(self.files)} files of {size} bytes in all, "
                f"more than {MAX_FILES} of {MAX_BYTES}",
                remedy="put large files onto the lab machine instead",
            )

    @classmethod
    def collect(cls, main: Path, files: Iterable[Path]) -> Self:
        """Return the bundle of a launch file and the files it reads, from the folder of all.

        Raises:
            ConfigurationError: It is too large, or a file cannot be read.
        """
        paths = {Path(os.path.abspath(file)) for file in (main, *files)}  # noqa: PTH100 - no links
        top = Path(os.path.commonpath([path.parent for path in paths]))
        try:
            content = {path.relative_to(top).as_posix(): path.read_bytes() for path in paths}
        except OSError as error:
            raise ConfigurationError(
                f"cannot be read: {error.strerror}", where=str(error.filename)
            ) from error
        own = Path(os.path.abspath(main)).relative_to(top)  # noqa: PTH100
        return cls(own.as_posix(), content)

    @property
    def digest(self) -> str:
        """Sha256 of the content, hex; the same for the same files."""
        return hashlib.sha256(self._plain()).hexdigest()

    def pack(self) -> str:
        """Return it as text.

        Raises:
            ConfigurationError: It does not fit into a call.
        """
        text = b64encode(zlib.compress(self._plain(), 9)).decode("ascii")
        if len(text) > MAX_PACKED:
            raise ConfigurationError(
                f"the launch file and what it reads take {len(text)} bytes packed, "
                f"more than {MAX_PACKED}",
                remedy="put large files onto the lab machine instead",
            )
        return text

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the bundle in ``text``, whoever wrote it.

        Raises:
            ConfigurationError: It is damaged, too large, or one of its paths leads elsewhere.
        """
        try:
            packed = b64decode(text, validate=True)
            stream = zlib.decompressobj()
            # Twice: names and framing come on top of the files' bytes.
            plain = stream.decompress(packed, 2 * MAX_BYTES)
            if not stream.eof or stream.unused_data:
                raise ConfigurationError("the bundle is cut off or too large")
            content = msgpack.unpackb(plain, max_map_len=MAX_FILES + 1)
        except (binascii.Error, zlib.error, ValueError, msgpack.UnpackException) as error:
            raise ConfigurationError(f"the bundle is damaged: {error}") from error
        return cls(*_read(content))

    def write(self, folder: Path) -> Path:
        """Make ``folder`` hold these files and nothing else; return the launch file's path.

        A folder that holds another bundle keeps it until the new one is written whole.
        """
        fresh, old = (folder.with_name(f"{folder.name}.{suffix}") for suffix in ("new", "old"))
        for left in (fresh, old):
            shutil.rmtree(left, ignore_errors=True)
        for path, content in self.files.items():
            file = fresh / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_bytes(content)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        return folder / self.main

    def _plain(self) -> bytes:
        ordered = dict(sorted(self.files.items()))
        plain = {"version": _VERSION, "main": self.main, "files": ordered}
        return bytes(msgpack.packb(plain))


def _read(content: Any) -> tuple[str, dict[str, bytes]]:
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise ConfigurationError(
            "the bundle is of another version", remedy="use one version of labmesh on both sides"
        )
    main, files = content.get("main"), content.get("files")
    if (
        not isinstance(main, str)
        or not isinstance(files, dict)
        or not all(isinstance(k, str) and isinstance(v, bytes) for k, v in files.items())
    ):
        raise ConfigurationError("the bundle is damaged: it holds no files")
    return main, files


def _check_path(path: str, others: Iterable[str]) -> None:
    parts = path.split("/")
    if (
        not 0 < len(path.encode(errors="replace")) <= _MAX_PATH
        or any(part in ("", ".", "..") for part in parts)
        or not path.isprintable()
        or "\\" in path
    ):
        raise ConfigurationError(f"the bundle has a file {path!r}, which is no path below a folder")
    above = {str(parent) for parent in PurePosixPath(path).parents}
    if above & set(others):
        raise ConfigurationError(f"the bundle has a file above its file {path!r}")
