"""A file to read: its beginning, by which formats recognise it, and its whole."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from nodes.cycler.files._errors import UnreadableFileError
from nodes.cycler.files._recording import Recording
from nodes.cycler.files._text import decode

HEAD_BYTES: Final = 256 * 1024
"""How much of a file formats may look at to recognise it."""

_AT_ONCE: Final = 64 * 2**20
"""Files up to this size are read at one go."""

MAX_BYTES: Final = 4 * 2**30
MAX_UNPACKED: Final = 8 * 2**30
BOMB_RATIO: Final = 500
"""An archive that unpacks to more than this many times its size is refused: the densest real one
seen (an .ndax at rest) has 120."""


@dataclass(frozen=True)
class Recognition:
    """Why a format thinks that a file is its own.

    Args:
        score: 1.0: a signature nobody else has; 0.8: column names and preamble of this vendor;
            0.6: column names that fit; below 0.5: a hint, which is told but not acted on.
        evidence: What was seen, in words: "line 1 is 'EC-Lab ASCII FILE'".
    """

    score: float
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Head:
    """The beginning of a file.

    Args:
        name: The file's name, without folders.
        data: At most `HEAD_BYTES`.
        size: Bytes of the whole file.
        members: Names in the archive, when the file is a zip (xlsx and ndax are).
        path: Where it lies, for formats whose evidence is not at the beginning (spreadsheets).
    """

    name: str
    data: bytes
    size: int
    members: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def suffix(self) -> str:
        """Of the name, in lower case, with its dot."""
        return Path(self.name).suffix.lower()

    @cached_property
    def text(self) -> str:
        """The beginning as text; empty when it is binary."""
        return decode(self.data).text if not self.is_binary else ""

    @cached_property
    def lines(self) -> list[str]:
        """The beginning's lines, the last (perhaps cut) one included."""
        return self.text.splitlines()

    @cached_property
    def is_binary(self) -> bool:
        """Whether this is no text: a zip, an OLE file, or many NUL bytes that are not UTF-16."""
        if self.data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0", b"\x00\x01")):
            return True
        if self.data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return False
        return self.data[:65536].count(0) > len(self.data[:65536]) // 20


@dataclass(frozen=True)
class Source:
    """A whole file.

    Args:
        path: Where it lies.
        head: Its beginning.
        timezone: Of the instrument's clock, when the caller knows it.
    """

    path: Path
    head: Head
    timezone: ZoneInfo | None = None
    _kept: dict[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: Path, *, timezone: ZoneInfo | None = None) -> Source:
        """Look at a file.

        Raises:
            UnreadableFileError: It is not there, not a file, empty, too large, or an archive that
                unpacks to an absurd size.
        """
        try:
            size = path.stat().st_size
            if not path.is_file():
                raise UnreadableFileError("this is not a file", where=str(path))
            with path.open("rb") as opened:
                data = opened.read(size + 1 if size <= _AT_ONCE else HEAD_BYTES)
        except OSError as error:
            raise UnreadableFileError(
                f"it cannot be opened: {error.strerror or error}",
                where=str(path),
                remedy="check the path and its permissions",
            ) from error
        if not data:
            raise UnreadableFileError(
                "the file is empty (0 bytes)", where=str(path), remedy="export or copy it again"
            )
        if size > MAX_BYTES:
            raise UnreadableFileError(
                f"{size / 2**30:.1f} GiB is more than the {MAX_BYTES // 2**30} GiB that are read",
                where=str(path),
                remedy="split it in the vendor's software",
            )
        whole = {"data": data} if size <= _AT_ONCE else {}
        head = Head(path.name, data[:HEAD_BYTES], size, _members(path, data), path)
        return cls(path, head, timezone, whole)

    @property
    def data(self) -> bytes:
        """The whole file."""
        if "data" not in self._kept:
            try:
                self._kept["data"] = self.path.read_bytes()
            except (OSError, MemoryError) as error:
                raise UnreadableFileError(
                    f"it cannot be read: {error}", where=str(self.path)
                ) from error
        return self._kept["data"]

    @property
    def sha256(self) -> str:
        """Of the whole file, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def refuse(self, what: str, *, at: str = "", remedy: str = "") -> UnreadableFileError:
        """The error for this file, to be raised; ``at`` names the line or part of it."""
        where = f"{self.path}, {at}" if at else str(self.path)
        return UnreadableFileError(what, where=where, remedy=remedy)


class Format(Protocol):
    """One way in which cyclers write files. A module-level instance goes into `_formats`."""

    @property
    def name(self) -> str:
        """``neware_nda``: what ``--format`` takes."""

    @property
    def vendor(self) -> str:
        """``Neware``."""

    @property
    def title(self) -> str:
        """What it is, in a few words: "BioLogic EC-Lab binary (.mpr)"."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Usual ones, in lower case with dots. They support a recognition, they never make one."""

    def recognise(self, head: Head) -> Recognition | None:
        """Whether this may be mine, by content; must not raise whatever the bytes are."""

    def read(self, source: Source) -> Recording:
        """Read all of it.

        Raises:
            UnreadableFileError: What was recognised and what was not.
        """


def _members(path: Path, data: bytes) -> tuple[str, ...]:
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception:  # noqa: BLE001 - whatever a damaged archive makes of zipfile and zlib
        return ()
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, path.stat().st_size)
    if unpacked > MAX_UNPACKED or (unpacked > 64 * 2**20 and unpacked > BOMB_RATIO * packed):
        raise UnreadableFileError(
            f"the archive of {packed} bytes would unpack to {unpacked} bytes",
            where=str(path),
            remedy="this is no cycler file; do not open it elsewhere either",
        )
    return tuple(entry.filename for entry in entries[:1000])


def open_member(source: Source, name: str) -> io.BytesIO:
    """One member of a zip, unpacked.

    Raises:
        UnreadableFileError: It is not there or damaged.
    """
    try:
        with zipfile.ZipFile(source.path) as archive:
            return io.BytesIO(archive.read(name))
    except Exception as error:
        raise source.refuse(f"the archive's part {name!r} cannot be unpacked: {error}") from error
