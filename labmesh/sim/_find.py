"""Finds simulators by name."""

from __future__ import annotations

import difflib
import importlib
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from labmesh.sim._simulator import Simulator
from messages.errors import ConfigurationError

GROUP: Final = "labmesh.simulators"
"""Entry point group by which simulators of any package are found."""


def simulators() -> dict[str, str]:
    """Return the installed simulators: name to ``module:Class``."""
    return dict(sorted((point.name, point.value) for point in entry_points(group=GROUP)))


def find_simulator(name: str) -> type[Simulator[Any]]:
    """Return the class that ``name`` names: an entry point, or ``module:Class``.

    A module is looked for in the current directory, too, as of nodes.

    Raises:
        ConfigurationError: There is none of that name, it cannot be imported, or is no Simulator.
    """
    known = simulators()
    target = known.get(name, name)
    module, colon, attribute = target.partition(":")
    if not colon:
        close = difflib.get_close_matches(name, known, n=1)
        raise ConfigurationError(
            f"no simulator is called {name!r}",
            remedy=(f"did you mean {close[0]}? " if close else "")
            + (f"installed: {', '.join(known)}" if known else "none is installed")
            + "; or give module:Class",
        )
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise ConfigurationError(
            f"cannot import {target}: {type(error).__name__}: {error}",
            remedy=f"try: python -c 'import {module}'",
        ) from error
    if not (isinstance(found, type) and issubclass(found, Simulator)):
        raise ConfigurationError(f"{target} is not a labmesh.sim.Simulator")
    return found
