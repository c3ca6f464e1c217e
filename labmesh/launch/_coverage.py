"""Which capabilities the nodes of a plan ask for, and whether a node of the plan offers them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from labmesh.launch._plan import NodeProcess, Plan
from labmesh.launch._problem import Problem, did_you_mean
from labmesh.node import Node, capabilities_declared, find_node
from messages.errors import LabmeshError


def missing_capabilities(plan: Plan) -> tuple[Problem, ...]:
    """Return a problem for each capability that a node asks for and no node of the plan offers.

    A mistake only where no node elsewhere may offer it (`may_be_elsewhere`). Nodes whose class
    cannot say what it asks for, and programs that are not nodes, are passed over.
    """
    nodes = [(node, kind) for node in plan.nodes() if (kind := _class_of(node)) is not None]
    offered = {f"{q}/{m}" for _, kind in nodes for q, m in capabilities_declared(kind)}
    offered |= {pair for node, kind in nodes for pair in _said(node, kind, kind.also_serves)}
    return tuple(
        Problem(
            node.run_position,
            f"{node.id} asks for {wanted}, which no node of this launch offers",
            did_you_mean(wanted, offered) or "add a node that does",
        )
        for node, kind in nodes
        for wanted in _said(node, kind, kind.asks_for)
        if wanted not in offered
    )


def may_be_elsewhere(plan: Plan, only_site: str | None) -> bool:
    """Tell whether a node that offers something may take part without being in this plan.

    It may where only a part of the plan starts here, where others reach an MQTT broker of it, or
    where the plan runs programs of which we cannot know what they are.
    """
    reached = any(b.url or (b.bridging and b.bridging.url) for b in plan.brokers)
    unknown = any(not isinstance(process, NodeProcess) for process in plan.processes())
    return only_site is not None or reached or unknown


def _class_of(node: NodeProcess) -> type[Node[Any]] | None:
    if not node.run or node.partial:
        return None
    try:
        return find_node(node.run)
    except LabmeshError:
        return None


def _said(
    node: NodeProcess,
    kind: type[Node[Any]],
    hook: Callable[[Any], Iterable[tuple[str, str]]],
) -> Iterator[str]:
    """Yield the capabilities that a hook of a node's class says for its parameters."""
    try:
        parameters = kind.Parameters.model_validate(dict(node.parameters))
        said = hook(parameters)
    except (LabmeshError, ValueError):
        # What is wrong with its parameters the check has said, or the node will.
        return
    for quantity, method in said:
        yield f"{quantity}/{method}"
