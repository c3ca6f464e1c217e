"""What a launch leaves in its data folder: where the mesh is, and how to launch it again."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from labmesh.place import mesh_file
from messages.errors import ConfigurationError

_LEFTOVER_SECONDS: Final = 15.0
"""Longer than the keeper's grace."""

_DYING_SECONDS: Final = 0.5
"""A process that was killed is there for a moment longer."""


class RunState:
    """The claim of one launch on a data folder, and the files that tell others about it.

    The claim is a lock on an open file, which the kernel releases however the launch ends.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock: IO[str] | None = None

    async def claim(self) -> None:
        """Claim the data folder; first wait for what a launch that was killed has left to end.

        Raises:
            ConfigurationError: Another launch lives there (names its pid), or the folder cannot be
                written.
        """
        path = self._data_dir / "run" / "launch.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"cannot write in the data folder: {error.strerror}",
                where=str(self._data_dir),
                remedy="give --data-dir a folder of your own",
            ) from error
        begun = asyncio.get_running_loop().time()
        while not _locked(lock):
            lock.seek(0)
            pid = lock.read().strip()
            waited = asyncio.get_running_loop().time() - begun
            if waited > (_DYING_SECONDS if _alive(pid) else _LEFTOVER_SECONDS):
                lock.close()
                raise ConfigurationError(
                    f"a launch is already running with this data folder (pid {pid or 'unknown'})",
                    where=str(self._data_dir),
                    remedy="stop it first, or give --data-dir another folder",
                )
            await asyncio.sleep(0.1)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    @property
    def lock(self) -> int | None:
        """The descriptor that holds the claim: whoever inherits it holds the claim, too."""
        return self._lock.fileno() if self._lock is not None else None

    def run_folder(self, now: datetime) -> Path:
        """Return a new folder for the log files of this run."""
        runs = self._data_dir / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        stem = now.strftime("%Y%m%d-%H%M%S")
        for count in range(1000):
            folder = runs / (f"{stem}-{count}" if count else stem)
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise ConfigurationError("too many runs in one second", where=str(runs))

    def write_mesh(self, content: Mapping[str, Any]) -> None:
        """Tell tools where the mesh is."""
        _write(mesh_file(self._data_dir), content)

    def write_last(self, content: Mapping[str, Any]) -> None:
        """Note what was launched, for --resume."""
        _write(_last_file(self._data_dir), content)

    def release(self) -> None:
        """Withdraw what `write_mesh` told and give up the claim."""
        if self._lock is not None:
            mesh_file(self._data_dir).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None


def read_last_launch(data_dir: Path) -> tuple[Path, dict[str, Any], str | None]:
    """Return file, arguments and site of the last launch with this data folder.

    Raises:
        ConfigurationError: There was none, or its record cannot be read.
    """
    path = _last_file(data_dir)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Path(content["file"]), dict(content["arguments"]), content["site"]
    except FileNotFoundError:
        raise ConfigurationError(
            "nothing was launched with this data folder",
            where=str(data_dir),
            remedy="name a launch file",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"cannot be read: {error}", where=str(path), remedy="name the launch file instead"
        ) from error


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _alive(pid: str) -> bool:
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _awaits_burial(pid)


def _awaits_burial(pid: str) -> bool:
    """Tell whether a process has ended, and its parent has not looked yet (Linux; proc(5))."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in (b"Z", b"X")


def _last_file(data_dir: Path) -> Path:
    return data_dir / "last_launch.json"


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file as a whole; only its owner may read it, for a url may hold a password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
