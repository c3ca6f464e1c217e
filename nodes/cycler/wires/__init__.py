"""Real cyclers over their wires."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from labmesh.clock import Clock
from messages.errors import ConfigurationError
from nodes.cycler._driver import CyclerDriver
from nodes.cycler._parameters import CyclerParameters


def open_cycler(
    parameters: CyclerParameters,
    *,
    clock: Clock,  # noqa: ARG001
    folder: Path,  # noqa: ARG001
    guard: Callable[[Any], Any],  # noqa: ARG001
) -> CyclerDriver:
    """Return the driver of the real cycler that the parameters name, not yet opened.

    Args:
        parameters: ``backend``, ``address``, ``raw_folder``, ``channels``, ``dry_run`` count here.
        clock: The mesh's.
        folder: The node's own, for what a driver downloads.
        guard: What every wire is passed through, so that an emergency stop closes it.

    Raises:
        ConfigurationError: There is no such driver.
    """
    raise ConfigurationError(
        f"there is no driver for backend {parameters.backend!r}",
        where="backend",
        remedy="use backend virtual",
    )
