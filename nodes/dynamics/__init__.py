"""Molecular dynamics of LiPF6 in EC:EMC with OpenMM: density, structure, conductivity.

The force field's numbers and their sources stand in ``data/``. OpenMM is imported by the process
that computes a run, and by nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nodes.dynamics._analysis import Analysis, Transport, analyse
    from nodes.dynamics._blocks import Mean, blocked, mean_of
    from nodes.dynamics._compose import estimated_density, make_plan, molecules
    from nodes.dynamics._node import DynamicsNode
    from nodes.dynamics._parameters import DynamicsParameters, RunSettings
    from nodes.dynamics._plan import RunPlan
    from nodes.dynamics._store import RunFolder

__all__ = [
    "Analysis",
    "DynamicsNode",
    "DynamicsParameters",
    "Mean",
    "RunFolder",
    "RunPlan",
    "RunSettings",
    "Transport",
    "analyse",
    "blocked",
    "estimated_density",
    "make_plan",
    "mean_of",
    "molecules",
]

_HOMES: Final = {
    "_analysis": {"Analysis", "Transport", "analyse"},
    "_blocks": {"Mean", "blocked", "mean_of"},
    "_compose": {"estimated_density", "make_plan", "molecules"},
    "_node": {"DynamicsNode"},
    "_parameters": {"DynamicsParameters", "RunSettings"},
    "_plan": {"RunPlan"},
    "_store": {"RunFolder"},
}


def __getattr__(name: str) -> Any:
    """Import on first use."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nodes.dynamics.{home}"), name)
    raise AttributeError(f"module 'nodes.dynamics' has no attribute {name!r}")
