"""A crate as one file: ``.eln``, a ZIP with one folder in it."""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from labmesh.crate._types import METADATA, Finding
from messages.errors import ConfigurationError, LabmeshError

STAMP: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that ZIP knows, so that the same content gives the same bytes."""

_MODE: Final = 0o100644 << 16
_UNIX: Final = 3
_LEVEL: Final = 6
_HEADER: Final = 30
"""Bytes of a file's header in a ZIP before its name (APPNOTE.TXT 4.3.7)."""

_ENTRY: Final = 46
"""Bytes of a file's entry in the directory at the end, before its name (4.3.12)."""

_END: Final = 22
"""Bytes of the record at the very end (4.3.16)."""

_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, OSError, ValueError, IndexError, struct.error, EOFError,
    NotImplementedError, RuntimeError,
)  # fmt: skip

_UTF8: Final = 0x800
"""The flag of a name that is not ASCII."""

_PACKED: Final = (".gz", ".parquet", ".png", ".jpg", ".zip")
"""Ends of names of what deflate makes no smaller."""


def zip_crate(folder: Path, target: Path) -> None:
    """Write the crate in ``folder`` into the ``.eln`` file ``target``, whole or not at all.

    The same files give the same bytes. A file of that name is replaced.

    Raises:
        ConfigurationError: There is no crate in the folder, or no folder for the target.
        LabmeshError: It cannot be written.
    """
    if not (folder / METADATA).is_file():
        raise ConfigurationError(
            f"there is no {METADATA}: this is no crate", where=str(folder),
            remedy="write one first: labmesh crate write CAMPAIGN FOLDER",
        )  # fmt: skip
    if not target.parent.is_dir():
        raise ConfigurationError(
            "there is no such folder", where=str(target.parent), remedy="make it first"
        )
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name in _names(folder):
                _add(archive, folder / name, f"{target.stem}/{name}")
        _sync(part)
        part.replace(target)
    except OSError as error:
        raise LabmeshError(
            f"cannot be written: {error}", where=str(target), remedy="see to the disk"
        ) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def opened_crate(path: Path) -> Iterator[Path]:
    """Give the folder of a crate: ``path`` itself, or what an ``.eln`` or ZIP file holds.

    Raises:
        ConfigurationError: There is no crate at that path.
        LabmeshError: The file is damaged, or would write outside of its folder.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise ConfigurationError("there is no such crate", where=str(path), remedy="check the path")
    with TemporaryDirectory(prefix="labmesh-crate-") as scratch:
        yield _extract(path, Path(scratch))


def _extract(path: Path, scratch: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                _refuse_outside(info.filename, path)
            archive.extractall(scratch)
    except _DAMAGED as error:
        raise LabmeshError(
            f"it is damaged, or no ZIP file: {error}", where=str(path), remedy="take another copy"
        ) from error
    found = sorted(scratch.glob(f"*/{METADATA}"))
    if len(found) != 1 or len(list(scratch.iterdir())) != 1:
        raise ConfigurationError(
            f"this is no crate: it has to be one folder with a {METADATA} in it", where=str(path),
            remedy="name a folder or .eln file that `labmesh crate write` made",
        )  # fmt: skip
    return found[0].parent


def _refuse_outside(name: str, path: Path) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name.split("/", maxsplit=1)[0]:
        raise LabmeshError(
            f"it would write outside of its folder: {name!r}", where=str(path),
            remedy="do not trust this file",
        )  # fmt: skip


def zip_faults(path: Path) -> Iterator[Finding]:
    """Yield what of an ``.eln`` file itself is not as `zip_crate` writes it."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            end = 0
            for info in archive.infolist():
                file.seek(info.header_offset)
                header = file.read(_HEADER + len(info.filename.encode()))
                if header != _plain(info).FileHeader() or info.header_offset != end:
                    yield Finding(_inner(info), "its header in the ZIP is not as written", "hashes")
                elif not _readable(archive, info):
                    yield Finding(_inner(info), "its content is not what was written", "hashes")
                end = info.header_offset + len(header) + info.compress_size
            end += _END + sum(_ENTRY + len(i.filename.encode()) for i in archive.infolist())
            if path.stat().st_size != end or not _as_written(archive):
                yield Finding(path.name, "something stands between or after its files", "hashes")
    except _DAMAGED as error:
        yield Finding(path.name, f"it is damaged: {error}", "files")


def _inner(info: zipfile.ZipInfo) -> str:
    return info.filename.partition("/")[2] or info.filename


def _readable(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(info) as file:
            while file.read(1 << 20):
                pass
    except _DAMAGED:
        return False
    return True


def _as_written(archive: zipfile.ZipFile) -> bool:
    """Tell whether the directory at the end says what `zip_crate` says there."""
    return not archive.comment and all(
        (info.create_system, info.external_attr, info.internal_attr, info.create_version)
        == (_UNIX, _MODE, 0, zipfile.DEFAULT_VERSION)
        and (info.date_time, info.extract_version, info.reserved)
        == (STAMP, zipfile.DEFAULT_VERSION, 0)
        and info.flag_bits == (0 if info.filename.isascii() else _UTF8)
        and not info.comment
        and not info.extra
        and not info.volume
        for info in archive.infolist()
    )


def _plain(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return what `zip_crate` makes of a file with that content."""
    made = zipfile.ZipInfo(info.filename, STAMP)
    made.compress_type = _method(info.filename)
    made.CRC, made.file_size, made.compress_size = info.CRC, info.file_size, info.compress_size
    return made


def _method(name: str) -> int:
    return zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED


def _names(folder: Path) -> list[str]:
    return sorted(
        each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()
    )


def _add(archive: zipfile.ZipFile, file: Path, name: str) -> None:
    info = zipfile.ZipInfo(name, STAMP)
    info.create_system, info.external_attr = _UNIX, _MODE
    info.compress_type = _method(name)
    info._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001
    info.file_size = file.stat().st_size
    with file.open("rb") as source, archive.open(info, "w") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
