"""Validates a resolved plan as a whole, before anything starts."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from labmesh.launch._bridges import check_bridges
from labmesh.launch._components import all_parameters
from labmesh.launch._plan import ExecutableProcess, NodeProcess, Plan, Process
from labmesh.launch._ports import check_ports
from labmesh.launch._problem import Position, Problems, did_you_mean
from labmesh.launch._programs import load_parameters_model, remappable
from messages.errors import LabmeshError


def check_plan(
    plan: Plan, problems: Problems, *, only_site: str | None = None, held: Collection[int] = ()
) -> None:
    """Report everything that would make the plan fail.

    Duplicate names, circles in ``after``, programs that cannot be found or imported, parameters
    that their model refuses, ports in use, nodes without an MQTT broker, bridges without a hub.

    Args:
        plan: Of all sites.
        problems: Takes every mistake.
        only_site: The only site whose part starts here. What runs elsewhere need not be
            installed here; where it is, its parameters are checked all the same.
        held: TCP ports that are ours already, and free in that sense.
    """
    _check_names(plan, problems)
    _check_circles(plan, problems)
    check_bridges(plan, problems, only_site=only_site)
    for node in plan.nodes():
        _check_node(node, plan, problems, here=only_site in (None, node.site))
    for process in plan.processes():
        if isinstance(process, ExecutableProcess) and only_site in (None, process.site):
            _check_command(process, problems)
    check_ports(plan, problems, only_site=only_site, held=held)


def _check_names(plan: Plan, problems: Problems) -> None:
    first: dict[str, Position] = {}
    inside = (component for node in plan.nodes() for component in node.components)
    for process in (*plan.processes(), *inside):
        if process.id in first:
            problems.add(
                process.position,
                f"a second process {process.id!r}, the first is at {first[process.id]}",
                "give it another name",
            )
        first.setdefault(process.id, process.position)


def _check_circles(plan: Plan, problems: Problems) -> None:
    waits = {process.id: process for process in plan.processes()}
    finished: set[str] = set()

    def visit(process: Process, path: list[str]) -> None:
        if process.id in path:
            circle = " -> ".join([*path[path.index(process.id) :], process.id])
            problems.add(
                process.position, f"after goes in a circle: {circle}", "remove one of them"
            )
            return
        if process.id in finished:
            return
        for dependency in process.after:
            if dependency.process in waits:
                visit(waits[dependency.process], [*path, process.id])
        finished.add(process.id)

    for process in waits.values():
        visit(process, [])


def _check_node(node: NodeProcess, plan: Plan, problems: Problems, *, here: bool) -> None:
    if plan.broker_of(node.site) is None and not problems.incomplete:
        problems.add(
            node.position,
            f"node {node.id!r} has no MQTT broker",
            "add - mqtt_broker: embedded, or - mqtt_broker: {url: mqtt://host:port}; "
            "or launch it with a site's --accounts",
        )
    if not node.run:
        return
    try:
        model = load_parameters_model(node.run)
    except LabmeshError as error:
        if here:
            problems.add(node.run_position, error.what, error.remedy)
        return
    if "components" not in model.model_fields:
        for component in node.components:
            at = component.container_position or component.position
            problems.add(at, f"{node.id!r} is no container", "it takes no components")
        node = dataclasses.replace(node, components=())
    _check_parameters(node, model, problems)
    names = remappable(node.run) if node.remap else ()
    for name in node.remap.keys() - set(names):
        problems.add(
            node.remap_where.get(name, node.position),
            f"{node.run!r} has no input or call target {name!r}",
            did_you_mean(name, names) or "it declares none",
        )


def _check_parameters(node: NodeProcess, model: type[BaseModel], problems: Problems) -> None:
    try:
        model.model_validate(all_parameters(node))
    except ValidationError as error:
        for item in error.errors(include_url=False):
            if item["type"] == "missing" and node.partial:
                continue
            problems.add(*_parameter_problem(node, model, item))


def _parameter_problem(
    node: NodeProcess, model: type[BaseModel], item: Any
) -> tuple[Position, str, str]:
    path: tuple[str | int, ...] = tuple(item["loc"])
    name = ".".join(map(str, path))
    at = next(
        (node.where[path[:n]] for n in range(len(path), 0, -1) if path[:n] in node.where),
        node.position,
    )
    if item["type"] == "extra_forbidden":
        known = _fields(model) if len(path) == 1 else ()
        return at, f"{node.run!r} has no parameter {name!r}", did_you_mean(str(path[-1]), known)
    if item["type"] == "missing":
        return at, f"parameter {name!r} of {node.run!r} is required", f"add {path[-1]} under param:"
    what = f"parameter {name!r} of {node.run!r}: {item['msg']}" if name else item["msg"]
    description = _description(model, path)
    return at, f"{what}, not {item['input']!r}" if name else what, description


def _fields(model: type[BaseModel]) -> Iterable[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _description(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    field = model.model_fields.get(str(path[0])) if path else None
    return f"it is: {field.description}" if field and field.description else ""


def _check_command(process: ExecutableProcess, problems: Problems) -> None:
    if not process.command:
        return
    program = process.command[0]
    path = process.env.get("PATH")
    found = shutil.which(str(Path(process.cwd) / program) if "/" in program else program, path=path)
    if found is None:
        problems.add(
            process.position, f"no program {program!r}", "install it, or give its whole path"
        )
