"""The driver of the real cycler that a node's parameters name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from labmesh.clock import Clock
from labmesh.wire import byte_wire
from messages.errors import ConfigurationError
from nodes.cycler._parameters import CyclerParameters
from nodes.cycler.wires._arbin import ArbinCycler
from nodes.cycler.wires._neware import NewareCycler

LOGIN: Final = "login.json"
"""In the node's folder: ``{"username": ..., "password": ...}``. No parameter, for these are told to
everybody on the mesh."""

_OPEN_TO_ALL: Final = 0o077


def open_cycler(
    parameters: CyclerParameters,
    *,
    clock: Clock,  # noqa: ARG001 - real cyclers keep their own time
    folder: Path,
    guard: Callable[[Any], Any],
) -> ArbinCycler | NewareCycler:
    """Return the driver of the real cycler that the parameters name, not yet opened.

    Args:
        parameters: Backend, address, folders and schedules count here.
        clock: The mesh's.
        folder: The node's own, with `LOGIN`.
        guard: What every wire is passed through, so that an emergency stop closes it.

    Raises:
        ConfigurationError: The address is wrong, or the login or a folder is missing.
    """
    p = parameters
    exports = Path(p.raw_folder) if p.raw_folder else None
    # In a dry run the wire is never opened; without an address there is none to name.
    wire = guard(byte_wire(p.address or "tcp://dry.run:1"))
    if p.backend == "arbin":
        username, password = _login(folder / LOGIN, dry=p.dry_run)
        return ArbinCycler(
            wire, username=username, password=password, schedules=p.schedules, exports=exports
        )
    if not (p.step_folder and p.step_folder_there and p.results_there) and not p.dry_run:
        raise ConfigurationError(
            "BTS gets its steps as files", where="step_folder",
            remedy="name step_folder (here), step_folder_there and results_there (on BTS' "
            "computer); the first two are one shared folder",
        )  # fmt: skip
    login = _login(folder / LOGIN, dry=p.dry_run) if (folder / LOGIN).exists() else None
    return NewareCycler(
        wire, steps=Path(p.step_folder), steps_there=p.step_folder_there,
        results_there=p.results_there, exports=exports, downloads=folder / "downloads",
        **({"username": login[0], "password": login[1]} if login else {}),
    )  # fmt: skip


def _login(file: Path, *, dry: bool) -> tuple[str, str]:
    """Return user and password.

    Raises:
        ConfigurationError: The file is not there, or everybody may read it.
    """
    if dry and not file.exists():
        return "dry run", ""
    how = f'write {{"username": ..., "password": ...}} to {file}, and chmod 600 it'
    try:
        if file.stat().st_mode & _OPEN_TO_ALL:
            raise ConfigurationError(
                "others may read this password", where=str(file), remedy=f"chmod 600 {file}"
            )
        found = json.loads(file.read_text(encoding="utf-8"))
        return str(found["username"]), str(found["password"])
    except OSError as error:
        raise ConfigurationError(
            f"no login for the cycler: {error.strerror}", where=str(file), remedy=how
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            "does not say username and password", where=str(file), remedy=how
        ) from None
