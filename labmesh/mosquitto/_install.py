"""Installing mosquitto into the system, where this process may."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Final

from labmesh.mosquitto._find import Program, find_mosquitto, missing
from messages.errors import MissingProgramError

_SECONDS: Final = 600.0


def install_mosquitto() -> Program:
    """Make sure that there is a mosquitto: found, installed by apt as root, else unpacked.

    Labmesh starts its own process. Where systemd runs, Debian's package also starts a service of
    its own on port 1883, as it does in any installation; in a container it does not.

    Raises:
        MissingProgramError: None could be installed or unpacked.
    """
    try:
        return find_mosquitto(unpack=False)
    except MissingProgramError:
        prefix = _root_prefix()
    if prefix is not None and shutil.which("apt-get"):
        prefix = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
        install = ["apt-get", "-qq", "--yes", "--no-install-recommends", "install", "mosquitto"]
        if not _run([*prefix, *install]):
            _run([*prefix, "apt-get", "-qq", "update"])
            _run([*prefix, *install])
    return find_mosquitto()


def _root_prefix() -> list[str] | None:
    if os.name != "posix":
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return [sudo, "-n"] if sudo and _run([sudo, "-n", "true"]) else None


def _run(command: list[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 our own arguments
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise missing(f"{command[0]} did not finish: {error}") from error
    return done.returncode == 0
