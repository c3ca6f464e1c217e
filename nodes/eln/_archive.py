"""Opening an .eln file that a stranger wrote: nothing of it is trusted.

An .eln file is a ZIP with one folder, in which is ``ro-crate-metadata.json``. Nothing is unpacked
under a name that the file chooses.
"""

from __future__ import annotations

import json
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final

from messages.errors import ConfigurationError, LabmeshError
from messages.model import JsonObject

METADATA: Final = "ro-crate-metadata.json"

_ENTRIES: Final = 50_000
"""Most files in one archive."""

_METADATA_BYTES: Final = 64 << 20
"""Most bytes of the metadata: what Python makes of it in memory is some ten times as much."""

_TOTAL: Final = 8 << 30
"""Most bytes of all files together, unpacked."""

_RATIO: Final = 200
"""Most bytes unpacked for one packed, of what is larger than `_SMALL`. Text as it comes out of
instruments shrinks to a twentieth; deflate cannot do better than 1032."""

_SMALL: Final = 1 << 20
_PIECE: Final = 1 << 20
_ENCRYPTED: Final = 0x1


class ElnFileError(LabmeshError):
    """An .eln file is damaged, dangerous, or does not say what it has to."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An .eln file that holds nothing dangerous.

    Attributes:
        path: The file.
        metadata: Its ``ro-crate-metadata.json``, exactly.
        graph: The nodes in it, by ``@id``.
        members: Its files by path below the root folder.
    """

    path: Path
    metadata: bytes
    graph: dict[str, JsonObject]
    members: dict[str, zipfile.ZipInfo]
    archive: zipfile.ZipFile

    def unpack(self, name: str, target: Path) -> str:
        """Write a file of the archive to ``target``; return its sha256.

        Raises:
            ElnFileError: It is damaged, or longer than it says.
        """
        info, digest, size = self.members[name], sha256(), 0
        try:
            with self.archive.open(info) as source, target.open("wb") as sink:
                while piece := source.read(_PIECE):
                    size += len(piece)
                    if size > info.file_size:
                        raise self._bad(f"{name!r} is longer than the file says")
                    digest.update(piece)
                    sink.write(piece)
        except _DAMAGED as error:
            raise self._bad(f"{name!r} is damaged: {error}") from error
        return digest.hexdigest()

    def digest(self, name: str) -> str:
        """Return the sha256 of a file of the archive, without keeping it.

        Raises:
            ElnFileError: As `unpack`.
        """
        digest = sha256()
        try:
            with self.archive.open(self.members[name]) as source:
                while piece := source.read(_PIECE):
                    digest.update(piece)
        except _DAMAGED as error:
            raise self._bad(f"{name!r} is damaged: {error}") from error
        return digest.hexdigest()

    def _bad(self, what: str) -> ElnFileError:
        return ElnFileError(what, where=str(self.path), remedy="take another copy of the file")


_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open an .eln file and look at everything but the content of its data files.

    Raises:
        ConfigurationError: There is no such file.
        ElnFileError: It is no ZIP, would write outside of its folder, holds links, unpacks to too
            much, has no readable metadata, or is protected by a password.
    """
    if not path.is_file():
        raise ConfigurationError("there is no such file", where=str(path), remedy="check the path")
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise ElnFileError(
            f"it is no .eln file: {error}", where=str(path), remedy="an .eln file is a ZIP"
        ) from error
    with archive:
        root, members = _members(archive, path)
        metadata, graph = _metadata(archive, path, root, members)
        yield Archive(path, metadata, graph, members, archive)


def _members(archive: zipfile.ZipFile, path: Path) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    infos = archive.infolist()
    if len(infos) > _ENTRIES:
        raise _refused(path, f"it holds {len(infos)} files, more than {_ENTRIES}")
    if sum(info.file_size for info in infos) > _TOTAL:
        raise _refused(path, f"it unpacks to more than {_TOTAL >> 30} GiB")
    found: dict[str, zipfile.ZipInfo] = {}
    spelt: set[str] = set()
    roots: set[str] = set()
    for info in infos:
        parts = _parts(info, path)
        if not parts:
            continue
        roots.add(parts[0])
        name = "/".join(parts[1:])
        if info.is_dir():
            continue
        if not name:
            raise _refused(path, f"{parts[0]!r} lies beside its folder, not in it")
        if name.casefold() in spelt:
            raise _refused(path, f"it holds {name!r} twice")
        spelt.add(name.casefold())
        found[name] = info
    if len(roots) != 1:
        raise ElnFileError(
            f"it holds {len(roots)} folders where there must be one", where=str(path),
            remedy="export it again; https://github.com/TheELNConsortium describes the format",
        )  # fmt: skip
    return roots.pop(), found


def _parts(info: zipfile.ZipInfo, path: Path) -> tuple[str, ...]:
    name = info.orig_filename
    if "\\" in name or "\0" in name or name.startswith("/") or name[1:2] == ":":
        raise _refused(path, f"{name[:120]!r} would lie outside of its folder")
    parts = PurePosixPath(name).parts
    if ".." in parts:
        raise _refused(path, f"{name[:120]!r} would lie outside of its folder")
    mode = info.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        raise _refused(path, f"{name[:120]!r} is a link, no file")
    if info.flag_bits & _ENCRYPTED:
        raise _refused(path, f"{name[:120]!r} is protected by a password")
    if info.file_size > max(_SMALL, _RATIO * info.compress_size):
        raise _refused(
            path, f"{name[:120]!r} unpacks to {info.file_size} bytes from {info.compress_size}"
        )
    return parts


def _metadata(
    archive: zipfile.ZipFile, path: Path, root: str, members: dict[str, zipfile.ZipInfo]
) -> tuple[bytes, dict[str, JsonObject]]:
    info = members.get(METADATA)
    if info is None:
        raise ElnFileError(
            f"there is no {METADATA} in its folder {root!r}", where=str(path),
            remedy="it is no .eln file: export it again",
        )  # fmt: skip
    if info.file_size > _METADATA_BYTES:
        raise _refused(path, f"its {METADATA} has more than {_METADATA_BYTES >> 20} MiB")
    try:
        content = archive.read(info)
        document: Any = json.loads(content.decode("utf-8-sig"))
        nodes = document["@graph"]
        graph = {_key(node["@id"]): node for node in nodes}
    except _DAMAGED as error:
        raise _unreadable(path, str(error)) from error
    except RecursionError as error:
        raise _unreadable(path, "it is nested too deeply") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error
    if len(graph) != len(nodes):
        raise _unreadable(path, "two nodes have one @id")
    return content, graph


def _key(name: object) -> str:
    """Return an ``@id`` as nodes are looked up by: ``./x/`` and ``x`` are the same."""
    if not isinstance(name, str):
        raise TypeError("an @id is no text")
    return identity(name)


def identity(name: str) -> str:
    """Return an ``@id`` without the marks of a folder that some notebooks write and some do not."""
    bare = name.removeprefix("./")
    return bare.rstrip("/") or "./"


def _refused(path: Path, what: str) -> ElnFileError:
    return ElnFileError(what, where=str(path), remedy="do not trust this file; nothing was read")


def _unreadable(path: Path, what: str) -> ElnFileError:
    return ElnFileError(
        f"its {METADATA} cannot be read: {what}", where=str(path), remedy="export it again"
    )
