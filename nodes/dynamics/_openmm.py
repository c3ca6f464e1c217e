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
    failures = [str(line).partition("\n")[0] for line in mm.Platform.getPluginLoadFailures()]
    for candidate in PLATFORMS if name == "auto" else (name,):
        if candidate not in there:
            continue
        platform = mm.Platform.getPlatformByName(candidate)
        properties = _properties(candidate, threads, precision)
        trouble = _trouble(mm, platform, properties)
        if not trouble:
            return platform, properties
        failures.append(f"{candidate}: {trouble}")
    why = f" ({'; '.join(failures)})" if failures else ""
    raise ConfigurationError(
        f"OpenMM has no platform {name} here that works, but {', '.join(there)}{why}",
        where="platform",
        remedy="set platform to auto, or install the plug-in and driver (CUDA: pip install "
        "OpenMM-CUDA-12)",
    )


def _properties(name: str, threads: int, precision: str) -> dict[str, str]:
    if name == "CPU":
        return {"Threads": str(threads), "DeterministicForces": "true"}
    return {"Precision": precision} if name in {"CUDA", "OpenCL"} else {}


def _trouble(mm: Any, platform: Any, properties: dict[str, str]) -> str:
    """Return why nothing can be computed there, or an empty text: a plug-in is not yet a GPU."""
    system = mm.System()
    system.addParticle(1.0)
    try:
        mm.Context(system, mm.VerletIntegrator(0.001), platform, properties)
    except mm.OpenMMException as error:
        return str(error).partition("\n")[0]
    return ""
