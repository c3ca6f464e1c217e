"""The command line and environment of a planned process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from labmesh.launch._plan import ExecutableProcess, NodeProcess

_OURS: Final = ("MQTT", "SITE", "REALM", "LEDGER", "CLOCK", "ACCOUNT", "DATA_DIR")


def node_command(
    node: NodeProcess, *, mqtt: str, realm: str, data_dir: Path, params_file: Path | None
) -> list[str]:
    """Return the command that runs a node. A url with a password is left to the environment."""
    command = [sys.executable, "-m", "labmesh.run_node", node.run]
    options = {
        "--name": node.name,
        "--site": node.site,
        "--realm": realm,
        "--mqtt": None if urlsplit(mqtt).password else mqtt,
        "--ledger": node.ledger,
        "--clock": node.clock,
        "--data-dir": str(data_dir),
        "--params-file": str(params_file) if params_file else None,
    }
    for option, value in options.items():
        if value is not None:
            command += [option, value]
    for name, target in node.remap.items():
        command += ["--remap", f"{name}:={target}"]
    return command if node.autostart else [*command, "--no-autostart"]


def environment(
    process: NodeProcess | ExecutableProcess,
    *,
    mqtt: str | None,
    realm: str,
    data_dir: Path,
    account: Path | None = None,
) -> dict[str, str]:
    """Return a child's environment: ours, where the mesh is, then what the launch file sets.

    The LABMESH_* variables of the launch's own environment are about another mesh, perhaps.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {f"LABMESH_{ours}" for ours in _OURS}
    }
    ledger = process.ledger if isinstance(process, NodeProcess) else None
    clock = process.clock if isinstance(process, NodeProcess) else None
    mesh = {
        "LABMESH_MQTT": mqtt,
        "LABMESH_SITE": process.site,
        "LABMESH_REALM": realm,
        "LABMESH_LEDGER": ledger,
        "LABMESH_CLOCK": clock,
        "LABMESH_ACCOUNT": str(account) if account else None,
        "LABMESH_DATA_DIR": str(data_dir),
    }
    given = {name: value for name, value in mesh.items() if value}
    return {
        **inherited,
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",  # what the launch reads, whatever the terminal knows
        **given,
        **process.env,
    }


def write_parameters(parameters: Mapping[str, Any], path: Path) -> Path | None:
    """Write a node's parameters for its eyes only; None when there are none."""
    if not parameters:
        return None
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(dict(parameters), sort_keys=False), encoding="utf-8")
    return path
