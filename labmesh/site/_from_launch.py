"""The accounts that a launch file's nodes need: each node's role follows from what it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from labmesh.launch import NodeProcess, load_plan
from labmesh.node import find_node
from labmesh.security import Role
from labmesh.site._description import Grant
from messages.errors import ConfigurationError, LabmeshError


def accounts_of(files: Iterable[Path], site: str) -> dict[str, Grant]:
    """Return what every node of ``site`` in launch files needs, by name.

    Raises:
        LaunchError: A file has mistakes.
        ConfigurationError: None has a node of the site.
    """
    found: dict[str, set[Role]] = {}
    stand_ins: dict[str, set[str]] = {}
    files = list(files)
    elsewhere: set[str] = set()
    for file in files:
        plan = load_plan(file, check=False)
        for node in plan.nodes():
            if node.site == site:
                roles, names = _needs(node)
                found.setdefault(node.name, set()).update(roles)
                stand_ins.setdefault(node.name, set()).update(names)
            else:
                elsewhere.add(node.site)
    if files and not found:
        raise ConfigurationError(
            f"no node of site {site} is in {', '.join(map(str, files))}",
            remedy=f"there are nodes of {', '.join(sorted(elsewhere))}" if elsewhere else "",
        )
    for name, others in stand_ins.items():
        found[name].update(role for other in others for role in found.get(other, ()))
    return {
        name: Grant(roles=tuple(sorted(roles)), names=tuple(sorted(stand_ins[name])))
        for name, roles in found.items()
    }


def _needs(node: NodeProcess) -> tuple[set[Role], Iterable[str]]:
    """Return what a node is; one whose program is not installed here is an instrument."""
    try:
        program = find_node(node.run)
    except LabmeshError:
        return {Role.INSTRUMENT}, ()
    roles = {Role.LEDGER if program.is_ledger else Role.INSTRUMENT}
    try:
        parameters = program.Parameters.model_validate(dict(node.parameters))
        asks, names = bool(tuple(program.asks_for(parameters))), tuple(program.acts_as(parameters))
    except (LabmeshError, ValueError):
        return roles, ()  # its parameters are the launch's to check
    return roles | ({Role.REQUESTER} if asks else set()), names
