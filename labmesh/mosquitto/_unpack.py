"""Debian's mosquitto without root: download by apt, unpack into a folder of ours.

apt itself resolves what is missing, and needs no root for it when its lists and cache are ours.
Packages are authenticated by apt as in any installation.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from labmesh.mosquitto._find import Program, missing, probe_unpacked
from messages.errors import MissingProgramError

_log = logging.getLogger(__name__)
_APT_SECONDS: Final = 300.0
_TEMPORARY: Final = "new-"
_INST: Final = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", re.MULTILINE)
"""A line of apt's simulation: package, version installed if any, version to install."""


def unpack_mosquitto(folder: Path, *, reason: str = "") -> Program:
    """Return the mosquitto in ``folder/root``, after downloading and unpacking it where needed.

    Safe when several processes do it at once: one works, the others wait and take its result. The
    unpacked tree appears in one rename, so that a killed process leaves nothing half done.

    Args:
        folder: Made where missing. Must be writable.
        reason: Why none on the system would do; becomes part of the error.

    Raises:
        MissingProgramError: This system has no apt, the folder is not writable, or apt failed.
    """
    what = reason or "mosquitto, the MQTT broker, is not installed"
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise missing(f"{what}, and there is no apt on this system to unpack it from")
    try:
        with _lock(folder):
            return probe_unpacked(folder / "root") or _unpack(folder, what)
    except OSError as error:
        raise missing(
            f"{what}, and it cannot be unpacked into {folder}: {error.strerror}"
        ) from error


def _unpack(folder: Path, what: str) -> Program:
    for stale in folder.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(stale, ignore_errors=True)
    _log.info("unpacking mosquitto, the MQTT broker, into %s", folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_TEMPORARY) as temporary:
        work = Path(temporary)
        root = work / "root"
        root.mkdir()
        for package in _download(work, what):
            _run(["dpkg-deb", "-x", str(package), str(root)], work, what)
        if probe_unpacked(root) is None:
            raise missing(f"{what}, and the one unpacked from Debian's packages does not run")
        final = folder / "root"
        if final.exists():
            final.rename(work / "broken")
        root.rename(final)
    program = probe_unpacked(folder / "root")
    if program is None:
        raise missing(f"{what}, and the one unpacked into {folder} does not run")
    return program


def _download(work: Path, what: str) -> list[Path]:
    """Fetch mosquitto and those of its dependencies that the system lacks."""
    archives, cache, lists = work / "archives", work / "cache", work / "lists"
    for needed in (archives, cache / "archives/partial", lists / "partial"):
        needed.mkdir(parents=True)
    apt = ["apt-get", "-qq", "-o", "Debug::NoLocking=true", "-o", f"Dir::Cache={cache}"]
    if os.geteuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]
    try:
        _fetch(apt, archives, what)
    except MissingProgramError:
        # The system has no lists (a bare container), or lists older than its mirror's packages. A
        # source that cannot be updated is no obstacle as long as another has the package.
        apt += ["-o", f"Dir::State::lists={lists}"]
        _run([*apt, "update"], work, what, check=False)
        _fetch(apt, archives, what)
    return sorted(archives.glob("*.deb"))


def _fetch(apt: list[str], archives: Path, what: str) -> None:
    plan = ["--simulate", "--no-install-recommends", "install", "mosquitto"]
    said = _run([*apt, *plan], archives, what)
    packages = [f"{name}={version}" for name, version in _INST.findall(said)]
    if not packages:
        raise missing(f"{what}, although apt says it is; its program is not in /usr/sbin")
    _run([*apt, "download", *packages], archives, what)


def _run(command: list[str], cwd: Path, what: str, *, check: bool = True) -> str:
    try:
        done = subprocess.run(  # noqa: S603 our own arguments
            command,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_APT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise missing(f"{what}, and {command[0]} took longer than {_APT_SECONDS:.0f} s") from error
    if check and done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["(no message)"]
        raise missing(f"{what}, and {command[0]} could not fetch it: {said[-1].strip()}")
    return done.stdout


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold ``folder/lock``; the system releases it when the process ends, however that happens."""
    if platform.system() == "Windows":
        yield
        return
    import fcntl  # noqa: PLC0415 not on Windows

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
