"""The backend that a node's parameters name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from labmesh.clock import Clock
from nodes.cycler._driver import CyclerDriver, Job
from nodes.cycler._parameters import CyclerParameters
from nodes.cycler.virtual import Cell, Engine, VirtualCycler, assembled
from nodes.cycler.virtual._pybamm import PyBammEngine
from nodes.cycler.wires import DryCycler, open_cycler

Guard = Callable[[Any], Any]
"""Makes a wire one that an emergency stop closes: `labmesh.instrument.InstrumentNode.guard`."""


def open_backend(p: CyclerParameters, clock: Clock, folder: Path, guard: Guard) -> CyclerDriver:
    """Return the driver, not yet opened.

    Args:
        p: The node's parameters.
        clock: The mesh's.
        folder: The node's own.
        guard: What a real cycler's wire is passed through.

    Raises:
        LabmeshError: The backend is not installed, or its address is wrong.
    """
    if p.backend in ("arbin", "neware") and not p.dry_run:
        return open_cycler(p, clock=clock, folder=folder, guard=guard)

    def newborn(job: Job) -> Cell:
        return assembled(
            job.cell, p.seed, formation_loss=p.formation_loss, lam=p.active_material_loss,
            electrolyte=job.electrolyte, hurry=p.ageing_hurry,
        )  # fmt: skip

    if p.backend == "pybamm":
        return VirtualCycler(
            PyBammEngine(p.channels), "virtual cycler (PyBaMM SPM with SEI)", p.channels, clock,
            folder / "virtual", newborn, rows_per_part=p.rows_per_file,
        )  # fmt: skip
    virtual = VirtualCycler(
        Engine(p.channels), "virtual cycler (half-cell surrogate)", p.channels, clock,
        folder / "virtual", newborn, rows_per_part=p.rows_per_file,
    )  # fmt: skip
    if p.backend == "virtual":
        return virtual
    real = open_cycler(p, clock=clock, folder=folder, guard=guard)
    return DryCycler(real.name, real.check, virtual)
