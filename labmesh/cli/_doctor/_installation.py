"""This machine: Python, packages, mosquitto."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from packaging.requirements import Requirement

from labmesh.cli._doctor._finding import Finding, fail, fine, warn
from messages.errors import LabmeshError

_PYTHON: Final = (3, 11)
"""As pyproject.toml asks for."""


def installation() -> Iterator[Finding]:
    """Check what is installed here."""
    found = platform.python_version()
    if sys.version_info < _PYTHON:
        yield fail("python", f"Python {found} is too old", "install Python 3.11 or newer")
    else:
        yield fine("python", f"Python {found}", executable=sys.executable)
    yield _packages()
    yield _mosquitto()


def _packages() -> Finding:
    needed = [Requirement(text) for text in requires("labmesh") or ()]
    found: dict[str, str] = {}
    wrong: list[str] = []
    for each in needed:
        if each.marker is not None and not each.marker.evaluate({"extra": ""}):
            continue
        try:
            found[each.name] = version(each.name)
        except PackageNotFoundError:
            wrong.append(f"{each.name} is missing")
            continue
        if not each.specifier.contains(found[each.name], prereleases=True):
            wrong.append(f"{each.name} {found[each.name]} is not {each.specifier}")
    if wrong:
        remedy = "python -m pip install --upgrade labmesh"
        return fail("packages", "; ".join(wrong), remedy, **found)
    return fine("packages", f"labmesh {version('labmesh')}, {len(found)} packages", **found)


def _mosquitto() -> Finding:
    from labmesh.mosquitto import find_mosquitto

    try:
        program = find_mosquitto(unpack=False)
    except LabmeshError as error:
        # Where another machine has the MQTT broker, none is needed here.
        return warn("mosquitto", error.what, error.remedy)
    return fine("mosquitto", f"mosquitto {program.version}", path=str(program.path))
