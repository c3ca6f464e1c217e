"""Simulators: instruments that are not there, speaking their real protocols on real ports.

Subclass `Simulator` and name it in the entry point group ``labmesh.simulators``; then ``labmesh
sim NAME`` runs it as a process, the node ``simulator`` on the mesh's clock, and `run_simulator` in
a test.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from labmesh.sim._faults import COMMON_FAULTS, FaultOrder, Faults
from labmesh.sim._find import find_simulator, simulators
from labmesh.sim._line import SimLine
from labmesh.sim._server import SimulatorServer, run_simulator
from labmesh.sim._simulator import SimPort, Simulator, SimulatorOptions

if TYPE_CHECKING:
    from labmesh.sim._node import SimulatorNode, SimulatorParameters

__all__ = [
    "COMMON_FAULTS",
    "FaultOrder",
    "Faults",
    "SimLine",
    "SimPort",
    "Simulator",
    "SimulatorNode",
    "SimulatorOptions",
    "SimulatorParameters",
    "SimulatorServer",
    "find_simulator",
    "run_simulator",
    "simulators",
]


def __getattr__(name: str) -> Any:
    """Import the node on first use: a simulator in a test needs no mesh."""
    if name in {"SimulatorNode", "SimulatorParameters"}:
        return getattr(import_module("labmesh.sim._node"), name)
    raise AttributeError(f"module 'labmesh.sim' has no attribute {name!r}")
