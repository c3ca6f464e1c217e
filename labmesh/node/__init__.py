"""Nodes: the base class, its decorators, and how a node process runs."""

from labmesh.node._capability import (
    BoundCapability,
    CapabilitySpec,
    capabilities_declared,
    capabilities_of,
    capability,
)
from labmesh.node._lifecycle import transitions_from
from labmesh.node._node import Node
from labmesh.node._options import NodeOptions
from labmesh.node._order import Order
from labmesh.node._parameter_file import parameters_of
from labmesh.node._parameter_model import NodeParameters, effect_of, parameter, parse_parameters
from labmesh.node._run import find_node, node_programs, run_node
from labmesh.node._schema_capability import PlainMap
from labmesh.node._service import NoArguments, service

__all__ = [
    "BoundCapability",
    "CapabilitySpec",
    "NoArguments",
    "Node",
    "NodeOptions",
    "NodeParameters",
    "Order",
    "PlainMap",
    "capabilities_declared",
    "capabilities_of",
    "capability",
    "effect_of",
    "find_node",
    "node_programs",
    "parameter",
    "parameters_of",
    "parse_parameters",
    "run_node",
    "service",
    "transitions_from",
]
