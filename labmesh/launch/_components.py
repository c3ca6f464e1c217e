"""Nodes inside a container: from steps of their own to components of the container's process."""

from __future__ import annotations

import dataclasses
from typing import Any

from labmesh.launch._accounts import account_of
from labmesh.launch._plan import (
    Broker,
    Dependency,
    HandlerStep,
    NodeProcess,
    Step,
    TimerStep,
    walk,
)
from labmesh.launch._problem import Problems

_PROCESS: dict[str, object] = {"respawn": None, "on_exit": "ignore", "output": "both"}
"""What a process has and a component has not, with its defaults."""


def fold(steps: tuple[Step, ...], problems: Problems) -> tuple[Step, ...]:
    """Return the steps with every node that is ``in`` a container among its components.

    The container comes after all that they come after. Names have been resolved.
    """
    inside: dict[str, list[NodeProcess]] = {}
    for step in walk(steps):
        if isinstance(step, NodeProcess) and step.container:
            inside.setdefault(step.container, []).append(step)
            _check(step, problems)
    return _folded(steps, inside) if inside else steps


def _check(node: NodeProcess, problems: Problems) -> None:
    at = node.container_position or node.position
    site, slash, _ = (node.container or "").partition("/")
    if node.container == node.id:
        problems.add(at, f"node {node.id!r} is inside itself", "take in: out")
    elif slash and site != node.site:
        problems.add(at, f"node {node.id!r} is inside a container of another site", "move one")
    for name, default in _PROCESS.items():
        if getattr(node, name) != default:
            problems.add(
                node.position,
                f"{name} belongs to a process, and {node.id!r} has none of its own",
                f"give it to {node.container}",
            )


def _folded(steps: tuple[Step, ...], inside: dict[str, list[NodeProcess]]) -> tuple[Step, ...]:
    return tuple(
        _step(step, inside)
        for step in steps
        if not (isinstance(step, NodeProcess) and step.container)
    )


def _step(step: Step, inside: dict[str, list[NodeProcess]]) -> Step:
    if isinstance(step, TimerStep | HandlerStep):
        return dataclasses.replace(step, steps=_folded(step.steps, inside))
    if not isinstance(step, NodeProcess) or step.id not in inside:
        return step
    components = tuple(inside[step.id])
    within = {step.id, *(component.id for component in components)}
    after: dict[str, Dependency] = {dependency.process: dependency for dependency in step.after}
    for component in components:
        for dependency in component.after:
            if dependency.process not in within:
                after.setdefault(dependency.process, dependency)
    return dataclasses.replace(step, components=components, after=tuple(after.values()))


def all_parameters(node: NodeProcess, broker: Broker | None = None) -> dict[str, Any]:
    """Return a node's parameters; of a container, with ``components``: what it loads.

    ``broker`` is its MQTT broker, which may want an account of each.
    """
    if not node.components:
        return dict(node.parameters)
    accounts = [account_of(component, broker) for component in node.components]
    components = [
        {
            "run": component.run,
            "name": component.name,
            "param": dict(component.parameters),
            "remap": dict(component.remap),
            "ledger": component.ledger,
            "clock": component.clock,
            "autostart": component.autostart,
            **({"account": str(account)} if account is not None else {}),
        }
        for component, account in zip(node.components, accounts, strict=True)
    ]
    given = node.parameters.get("components")
    before = list(given) if isinstance(given, list) else []
    return {**node.parameters, "components": [*before, *components]}
