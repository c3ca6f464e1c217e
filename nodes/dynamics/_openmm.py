"""OpenMM, imported where the work begins, and the platform it computes on."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from messages.errors import ConfigurationError, MissingProgramError

PLATFORMS: Final = ("CUDA", "OpenCL", "CPU", "Reference")
"""In the order in which `auto` takes them."""


def openmm() -> Any:
    """Return the package.

    Raises:
        MissingProgramError: It is not installed.
    """
    try:
        return import_module("openmm")
    except ImportError as error:
        raise MissingProgramError(
            "OpenMM is not installed",
            where="nodes.dynamics",
            remedy="pip install 'labmesh[md]'; with an NVIDIA GPU also OpenMM-CUDA-12",
        ) from error


def make_platform(name: str, threads: int, precision: str) -> tuple[Any, dict[str, str]]:
    """Return a platform and its properties.

    Args:
        name: ``auto`` (the fastest that works), or one of `PLATFORMS`.
        threads: At most, on the CPU platform.
        precision: ``single``, ``mixed`` or ``double``, on CUDA and OpenCL.

    Raises:
        ConfigurationError: The platform is not there; says which are, and why not.
        MissingProgramError: OpenMM is not installed.
    """
    mm = openmm()
    there = [mm.Platform.getPlatform(i).getName() for i in range(mm.Platform.getNumPlatforms())]
    if name == "auto":
        name = next(candidate for candidate in PLATFORMS if candidate in there)
    if name not in there:
        failures = "; ".join(
            str(line).splitlines()[0] for line in mm.Platform.getPluginLoadFailures()
        )
        raise ConfigurationError(
            f"OpenMM has no platform {name} here, but {', '.join(there)}"
            + (f" ({failures})" if failures else ""),
            where="platform",
            remedy="set platform to auto, or install the plug-in and driver (CUDA: pip install "
            "OpenMM-CUDA-12)",
        )
    properties = {
        "CPU": {"Threads": str(threads), "DeterministicForces": "true"},
        "CUDA": {"Precision": precision},
        "OpenCL": {"Precision": precision},
    }.get(name, {})
    return mm.Platform.getPlatformByName(name), properties
