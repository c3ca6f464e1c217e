"""What a running launch says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labmesh.launch._plan import NodeProcess, Plan, masked
from labmesh.launch._unit import Unit


def status(
    plan: Plan,
    units: Iterable[Unit],
    *,
    pid: int,
    since: int,
    urls: Mapping[str | None, tuple[str, int | None]],
) -> dict[str, Any]:
    """Return the state of a launch as plain data; see `labmesh.launch.control`.

    Args:
        plan: What runs.
        units: Its processes.
        pid: Of the launch.
        since: Its start, ns UTC.
        urls: The MQTT brokers by site (None: everyone's): url, and pid of an embedded one.
    """
    return {
        "pid": pid,
        "file": str(plan.file),
        "site": plan.site,
        "since": since,
        "processes": [_process(unit) for unit in units],
        "mqtt_brokers": [
            {"site": site, "url": masked(url), "pid": broker}
            for site, (url, broker) in urls.items()
        ],
    }


def _process(unit: Unit) -> dict[str, Any]:
    kind = "node" if isinstance(unit.plan, NodeProcess) else "executable"
    inside = isinstance(unit.plan, NodeProcess) and unit.plan.container
    return {
        "id": unit.plan.id,
        "label": unit.label,
        "kind": "component" if inside else kind,
        "state": unit.state,
        "pid": unit.child.pid if unit.child is not None and unit.running else None,
        "since": unit.since,
        "restarts": max(unit.restarts, 0),
        "last_line": unit.last_line,
        "exit_code": unit.code,
        "after": {dependency.process: dependency.state for dependency in unit.plan.after},
    }
