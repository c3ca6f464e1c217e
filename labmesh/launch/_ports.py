"""The TCP ports that a plan's MQTT brokers and nodes will listen on, and what stands in their way.

A node's parameter is such a port when its field says ``json_schema_extra={"listens": True}``; 0
means that it does not listen. What else a node listens on its class says (`Node.listens_on`).
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from labmesh.launch._plan import NodeProcess, Plan
from labmesh.launch._problem import Position, Problems
from labmesh.launch._programs import load_parameters_model
from labmesh.node import Node, find_node
from messages.errors import LabmeshError


@dataclass(frozen=True, slots=True)
class _Port:
    number: int
    site: str | None  # None: on any machine, as far as one can tell
    here: bool
    whose: str
    position: Position
    remedy: str


def ports_of(plan: Plan) -> frozenset[int]:
    """Return every port that a plan names."""
    return frozenset(port.number for port in _ports(plan, None))


def check_ports(
    plan: Plan, problems: Problems, *, only_site: str | None, held: Collection[int]
) -> None:
    """Report ports that two of one site want, and those on which something listens already.

    Args:
        plan: All sites.
        problems: Takes the mistakes.
        only_site: The site whose part is started here; None: all.
        held: Ports that are ours already.
    """
    first: dict[tuple[int, str | None], _Port] = {}
    for port in _ports(plan, only_site):
        # MQTT brokers of several sites are started on one machine unless --site says otherwise;
        # the nodes of several sites are on several.
        rivals = (first.get((port.number, site)) for site in (port.site, None))
        rival = next((known for known in rivals if known is not None), None)
        if rival is not None:
            problems.add(
                port.position,
                f"port {port.number} of {port.whose} is already that of {rival.whose}, "
                f"{rival.position}",
                port.remedy,
            )
            continue
        first[port.number, port.site] = port
        if port.here and port.number not in held and (why := _in_use(port.number)):
            problems.add(port.position, f"port {port.number} of {port.whose}: {why}", port.remedy)


def _ports(plan: Plan, only_site: str | None) -> Iterator[_Port]:
    local = plan.brokers if only_site is None else plan.at_site(only_site).brokers
    for broker in plan.brokers:
        if broker.url is None and broker.port:
            whose = "the embedded MQTT broker" + (f" of {broker.site}" if broker.site else "")
            remedy = "stop what uses it, or leave the port out to take a free one"
            yield _Port(broker.port, None, broker in local, whose, broker.position, remedy)
    for node in plan.nodes():
        for name, value in _listening(node).items():
            path = tuple(name.split("."))
            at = node.where.get(path) or node.where.get(path[:1]) or node.position
            here = only_site in (None, node.site)
            yield _Port(
                value, node.site, here, f"{node.id} ({name})", at, "give one of them another"
            )


def _listening(node: NodeProcess) -> dict[str, int]:
    """Return the parameters of a node that are ports of its own, by name."""
    try:
        model = load_parameters_model(node.run) if node.run else None
    except LabmeshError:
        model = None  # the check says it
    found: dict[str, object] = {}
    for name, field in model.model_fields.items() if model else ():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("listens"):
            found[name] = node.parameters.get(name, field.default)
    found |= _said(node) if model else {}
    return {n: v for n, v in found.items() if isinstance(v, int) and 0 < v < 65536}


def _said(node: NodeProcess) -> Mapping[str, int]:
    """Return what the node's class says of its ports for these parameters."""
    kind = find_node(node.run)
    if kind.listens_on is Node.listens_on:
        return {}
    try:
        said: Mapping[str, int] = kind.listens_on(
            kind.Parameters.model_validate(dict(node.parameters))
        )
    except (LabmeshError, ValueError):
        return {}  # the check says what is wrong with them
    return said


def _in_use(port: int) -> str:
    """Return why nobody can listen on ``port`` of this machine, empty when one can."""
    with socket.socket() as probe:
        # Connections of a former listener that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            return error.strerror or str(error)
    return ""
