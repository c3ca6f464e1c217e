"""On which machine, and under whose account."""

from __future__ import annotations

import getpass
import os
import platform
from functools import cache
from pathlib import Path
from typing import Final

from messages.reproducibility import Hardware

_CPU: Final = Path("/proc/cpuinfo")
_GPUS: Final = Path("/proc/driver/nvidia/gpus")
"""Where Linux and NVIDIA's driver tell of themselves; elsewhere less is known."""


@cache
def hardware() -> Hardware:
    """Return the machine this process runs on; what cannot be learnt without a program is empty."""
    return Hardware(
        cpu=_field(_CPU, "model name") or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        memory=_memory(),
        gpus=_gpus(),
        system=f"{platform.system()} {platform.machine()}",
    )


def hardware_words(machine: Hardware) -> str:
    """Return a machine in one line."""
    parts = [machine.cpu, f"{machine.cores} cores"]
    if machine.memory:
        parts.append(f"{machine.memory / 2**30:.0f} GiB")
    parts += machine.gpus or ["no NVIDIA GPU"]
    return ", ".join([*parts, machine.system])


@cache
def operator() -> str:
    """Return the account that this process runs under; empty where it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def _gpus() -> tuple[str, ...]:
    try:
        found = [_field(each / "information", "Model") for each in sorted(_GPUS.iterdir())]
    except OSError:
        return ()
    return tuple(each for each in found if each)


def _field(path: Path, name: str) -> str:
    """Return the first value under a name in a file of ``name: value`` lines."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()[:4000]
    return ""
