"""Where the mosquitto program is: on this system, or in our own cache."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages.errors import MissingProgramError

OLDEST: Final = (2, 0)
"""Oldest version whose listener and ACL rules our configuration relies on."""

_SYSTEM_FOLDERS: Final = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_VERSION: Final = re.compile(r"mosquitto version (\d+)\.(\d+)\.(\d+)")
_CHECK_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """A mosquitto that has been run once and answered.

    Attributes:
        path: The executable.
        library_path: Folders with its shared libraries; empty for one that the system installed.
        version: As it says itself, ``2.0.11``.
    """

    path: Path
    library_path: tuple[Path, ...]
    version: str

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return ``base`` (default: this process's) with the path of the program's libraries."""
        environment = dict(os.environ if base is None else base)
        if self.library_path:
            folders = [*map(str, self.library_path), environment.get("LD_LIBRARY_PATH", "")]
            environment["LD_LIBRARY_PATH"] = ":".join(filter(None, folders))
        return environment


def cache_folder() -> Path:
    """Return the folder for unpacked programs, which need not exist.

    ``$LABMESH_CACHE``, else ``$XDG_CACHE_HOME/labmesh``, else ``~/.cache/labmesh``; below it one
    folder a system and architecture, because home folders are shared between machines.
    """
    own = os.environ.get("LABMESH_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    root = Path(own) if own else base / "labmesh"
    return root / "mosquitto" / _system_name()


def find_mosquitto(*, unpack: bool = True) -> Program:
    """Find a mosquitto that runs: on PATH, in the system's folders, in our cache, else unpack one.

    Blocking; a first unpack downloads about 1 MB.

    Args:
        unpack: Whether Debian's packages may be downloaded and unpacked into the cache.

    Raises:
        MissingProgramError: There is none, and none can be had here without root.
    """
    from labmesh.mosquitto._unpack import unpack_mosquitto  # noqa: PLC0415 it needs Program

    too_old = ""
    for path in _candidates():
        program = probe(path)
        if program and _is_recent(program.version):
            return program
        if program:
            too_old = f"{path} is version {program.version}, 2.0 or later is needed"
    unpacked = probe_unpacked(cache_folder() / "root")
    if unpacked:
        return unpacked
    if not unpack:
        raise missing(too_old or "mosquitto, the MQTT broker, is not installed")
    return unpack_mosquitto(cache_folder(), reason=too_old)


def probe(path: Path, library_path: tuple[Path, ...] = ()) -> Program | None:
    """Run ``path -h`` and return the program when it answers as mosquitto does, else None."""
    program = Program(path, library_path, "")
    try:
        done = subprocess.run(  # noqa: S603 the path is ours or the system's
            [path, "-h"],
            env=program.environment(),
            capture_output=True,
            text=True,
            check=False,  # mosquitto 2.0 exits with 3 after its help
            timeout=_CHECK_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout)
    return Program(path, library_path, ".".join(found.groups())) if found else None


def probe_unpacked(root: Path) -> Program | None:
    """Return the mosquitto that was unpacked below ``root`` when it is complete and runs."""
    path = root / "usr/sbin/mosquitto"
    return probe(path, library_folders(root)) if path.is_file() else None


def library_folders(root: Path) -> tuple[Path, ...]:
    """Return the folders below ``root`` that hold shared libraries, in a stable order."""
    found = {file.parent for top in ("lib", "usr/lib") for file in (root / top).rglob("*.so*")}
    return tuple(sorted(found))


def missing(what: str) -> MissingProgramError:
    """Return the error that says how to install mosquitto on this kind of system."""
    remedy = {
        "Darwin": "install it with: brew install mosquitto",
        "Windows": "install it with: winget install EclipseFoundation.Mosquitto",
    }.get(
        platform.system(),
        "install it with: sudo apt-get install mosquitto (or your system's equivalent)",
    )
    return MissingProgramError(what, remedy=remedy)


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("mosquitto")
    if on_path:
        yield Path(on_path)
    for folder in _SYSTEM_FOLDERS:
        path = Path(folder, "mosquitto")
        if str(path) != on_path and os.access(path, os.X_OK):
            yield path


def _is_recent(version: str) -> bool:
    return tuple(map(int, version.split(".")))[:2] >= OLDEST


def _system_name() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {"ID": platform.system().lower()}
    parts = (release.get("ID", "linux"), release.get("VERSION_ID", ""), platform.machine())
    return "-".join(filter(None, parts))
