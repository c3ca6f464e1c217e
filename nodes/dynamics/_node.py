"""The molecular dynamics node."""

from __future__ import annotations

import importlib.util
import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from labmesh import Level, Node, Order, OrderError, capability
from messages.chemistry import Formulation
from messages.errors import MissingProgramError
from messages.formulation_algebra import LIPF6_EC_EMC
from messages.model import JsonObject
from messages.simulation import (
    RadialDistributionInput,
    RadialDistributionOutput,
    RunLength,
    SimulatedConductivityInput,
    SimulatedConductivityOutput,
    SimulatedDensityInput,
    SimulatedDensityOutput,
)
from nodes.dynamics._parameters import DynamicsParameters

if TYPE_CHECKING:
    from nodes.dynamics._analysis import Analysis

_RESOURCE: Final = "simulation"


class DynamicsNode(Node[DynamicsParameters]):
    """Simulates LiPF6 in EC:EMC with OpenMM: density, structure, conductivity.

    One run at a time, in a process of its own; it serves all three capabilities, is kept on disk
    under the hash of everything that determines it, and goes on from its last checkpoint when it
    was broken off, whatever broke it off.
    """

    Parameters = DynamicsParameters

    async def on_configure(self) -> None:
        """Look whether OpenMM is there, without paying for its import."""
        if importlib.util.find_spec("openmm") is None:
            raise MissingProgramError(
                "OpenMM is not installed",
                where=str(self.id),
                remedy="pip install 'labmesh[md]'; with an NVIDIA GPU also OpenMM-CUDA-12",
            )
        self._runs = self.data_dir / "runs"
        self._runs.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, Analysis] = {}

    async def on_parameters(self, before: DynamicsParameters, after: DynamicsParameters) -> None:
        """Offer what may be asked for from now on."""
        if self.state == "active":
            await self.publish_offers()

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """LiPF6, EC and EMC alone, at temperatures and of lengths that are allowed."""
        p = self.parameters
        chemical = {
            "properties": {"inchikey": {"enum": [c.key for c in LIPF6_EC_EMC]}},
            "required": ["inchikey"],
        }
        components = {"items": {"properties": {"chemical": chemical}}}
        return {
            "properties": {
                "formulation": {"properties": {"components": components}},
                "temperature": {
                    "minimum": p.lowest_temperature,
                    "maximum": p.highest_temperature,
                },
                "length": {"enum": [*p.lengths, None]},
            }
        }

    @capability("conductivity", "molecular_dynamics", resource=_RESOURCE, simulated=True)
    async def conductivity(
        self, order: Order[SimulatedConductivityInput]
    ) -> SimulatedConductivityOutput:
        """Ionic conductivity of LiPF6 in EC:EMC by molecular dynamics; low fidelity."""
        asked = order.parameters
        work, length = _work(), asked.length or self.parameters.length
        analysis = await self._simulate(order, asked.formulation, asked.temperature, length)
        if analysis.transport is None:
            raise OrderError(
                "there is no conductivity: no ions are in the box, or they were not followed long "
                "enough",
                where="formulation",
                remedy="ask for some LiPF6, and let the node's settings have a transport phase",
            )
        output: SimulatedConductivityOutput = work.conductivity_output(
            analysis, analysis.transport, length, self.id
        )
        _rate(order, output.conductivity.quality)
        return output

    @capability("density", "molecular_dynamics", resource=_RESOURCE, simulated=True)
    async def density(self, order: Order[SimulatedDensityInput]) -> SimulatedDensityOutput:
        """Density of LiPF6 in EC:EMC by molecular dynamics; low fidelity."""
        asked = order.parameters
        work, length = _work(), asked.length or self.parameters.length
        analysis = await self._simulate(order, asked.formulation, asked.temperature, length)
        output: SimulatedDensityOutput = work.density_output(analysis, length, self.id)
        _rate(order, output.density.quality)
        return output

    @capability(
        "radial_density_function",
        "molecular_dynamics",
        resource=_RESOURCE,
        simulated=True,
        process="MolecularDynamicsSimulation",
    )
    async def distribution(self, order: Order[RadialDistributionInput]) -> RadialDistributionOutput:
        """Radial distribution functions around Li+ by molecular dynamics; low fidelity."""
        asked = order.parameters
        work, length = _work(), asked.length or self.parameters.length
        analysis = await self._simulate(
            order, asked.formulation, asked.temperature, length, asked.estimated_density
        )
        if not analysis.distributions:
            raise OrderError(
                "there is no lithium in the box to look around",
                where="formulation",
                remedy="ask for some LiPF6",
            )
        output: RadialDistributionOutput = work.rdf_output(analysis, length)
        _rate(order, output.rating)
        return output

    async def _simulate(
        self,
        order: Order[Any],
        formulation: Formulation,
        temperature: float,
        length: RunLength,
        guess: float | None = None,
    ) -> Analysis:
        """Return what the run says; computes what is not on disk."""
        p, work = self.parameters, _work()
        if length not in p.lengths:
            raise OrderError(
                f"{length} runs are not done here", where="length",
                remedy=f"one of {', '.join(p.lengths)}",
            )  # fmt: skip
        plan = work.make_plan(formulation, temperature, length, p, guess)
        folder = work.RunFolder(self._runs / plan.key)
        await self.in_thread(folder.begin, plan)
        reused = await self.in_thread(lambda: folder.complete)
        if not reused:
            done, total = folder.done, len(plan.segments())
            if done:
                self.log.info(
                    f"run {plan.key} goes on after segment {done} of {total}", run=plan.key
                )
            await order.feedback(
                done / total, f"{length} run {plan.key}, segment {done} of {total}"
            )
            await work.compute(
                folder,
                platform=p.platform,
                threads=p.threads,
                precision=p.precision,
                feedback=order.feedback,
            )
            self.diagnose("simulation", Level.OK, f"run {plan.key} is complete")
        if plan.key not in self._known:
            await order.feedback(1.0, "analysing")
            self._known = {plan.key: await self.in_thread(work.analyse, folder)}
        analysis = self._known[plan.key]
        await self.in_thread(_tidy, self._runs, folder.path, p.keep)
        order.performed(
            order.parameters.model_copy(
                update={"formulation": work.formulation_of(plan.counts), "length": length}
            )
        )
        order.note(**work.notes(analysis, length, reused=reused))
        order.reproducible(work.recipe_of(analysis.plan), "openmm", "numpy")
        await self._attach(order, analysis, folder.path)
        return analysis

    async def _attach(self, order: Order[Any], analysis: Analysis, path: Path) -> None:
        work = _work()
        await order.attach(path / "box.pdb", media_type="chemical/x-pdb")
        await order.attach(path / "system.xml", media_type="application/xml")
        await order.attach(path / "state.xml", media_type="application/xml")
        if analysis.distributions:
            text = work.table(analysis.distributions).encode()
            await order.attach(text, name="rdf.csv", media_type="text/csv")
        if analysis.transport is not None:
            text = work.displacement_table(analysis.transport).encode()
            await order.attach(text, name="msd.csv", media_type="text/csv")


def _rate(order: Order[Any], rating: Any) -> None:
    order.rate(success=rating.success, rating=rating.rating, reason=rating.reason)


def _tidy(runs: Path, used: Path, keep: int) -> None:
    """Delete the runs that were used longest ago."""
    (used / "plan.json").touch()

    def last(path: Path) -> float:
        plan = path / "plan.json"
        return plan.stat().st_mtime if plan.exists() else 0.0

    for path in sorted((p for p in runs.iterdir() if p.is_dir()), key=last)[:-keep]:
        shutil.rmtree(path, ignore_errors=True)


def _work() -> Any:
    """Return the module that does the work: it reads the force field and needs numpy."""
    return import_module("nodes.dynamics._serve")
