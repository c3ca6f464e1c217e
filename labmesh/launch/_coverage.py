"""Which capabilities the nodes of a plan ask for, and whether a node of the plan offers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labmesh.launch._plan import NodeProcess, Plan
from labmesh.launch._problem import Problem, did_you_mean
from labmesh.node import Node, capabilities_declared, find_node
from messages.errors import LabmeshError


def missing_capabilities(plan: Plan) -> tuple[Problem, ...]:
    """Return a warning for each capability that a node asks for and no node of the plan offers.

    No mistake: a node that this launch does not start may offer it. Nodes whose class cannot say
    what it asks for, and programs that are not nodes, are passed over.
    """
    nodes = [(node, kind) for node in plan.nodes() if (kind := _class_of(node)) is not None]
    offered = {f"{q}/{m}" for _, kind in nodes for q, m in capabilities_declared(kind)}
    return tuple(
        Problem(
            node.run_position,
            f"{node.id} asks for {wanted}, which no node of this launch offers",
            did_you_mean(wanted, offered) or "add a node that does, or start one elsewhere",
        )
        for node, kind in nodes
        for wanted in _wanted(node, kind)
        if wanted not in offered
    )


def _class_of(node: NodeProcess) -> type[Node[Any]] | None:
    if not node.run or node.partial:
        return None
    try:
        return find_node(node.run)
    except LabmeshError:
        return None


def _wanted(node: NodeProcess, kind: type[Node[Any]]) -> Iterator[str]:
    try:
        parameters = kind.Parameters.model_validate(dict(node.parameters))
        asked = kind.asks_for(parameters)
    except (LabmeshError, ValueError):
        # What is wrong with its parameters the check has said, or the node will.
        return
    for quantity, method in asked:
        yield f"{quantity}/{method}"
