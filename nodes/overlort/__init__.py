"""Overlort, the overlooking orchestrating tenant: workflows of capabilities, written as data.

A workflow file says which capabilities are asked for in which order, and how the result of one
becomes the parameters of the next. Overlort offers each workflow as a capability of its own; its
only memory is the ledger.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nodes.overlort._check import Mistake, check, not_offered, strangers
    from nodes.overlort._definition import Workflow, load_workflow, workflow_schema
    from nodes.overlort._engine import Engine
    from nodes.overlort._facts import Facts, SubRequest, WorkflowRequest
    from nodes.overlort._node import OverlortNode
    from nodes.overlort._parameters import OverlortParameters
    from nodes.overlort._schemas import Catalogue

__all__ = [
    "Catalogue",
    "Engine",
    "Facts",
    "Mistake",
    "OverlortNode",
    "OverlortParameters",
    "SubRequest",
    "Workflow",
    "WorkflowRequest",
    "check",
    "load_workflow",
    "not_offered",
    "strangers",
    "workflow_schema",
]

_HOMES: Final = {
    "_check": {"Mistake", "check", "not_offered", "strangers"},
    "_definition": {"Workflow", "load_workflow", "workflow_schema"},
    "_engine": {"Engine"},
    "_facts": {"Facts", "SubRequest", "WorkflowRequest"},
    "_node": {"OverlortNode"},
    "_parameters": {"OverlortParameters"},
    "_schemas": {"Catalogue"},
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line reads a workflow file without the node."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nodes.overlort.{home}"), name)
    raise AttributeError(f"module 'nodes.overlort' has no attribute {name!r}")
