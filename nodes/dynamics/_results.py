"""A run's analysis as messages, and as notes for provenance."""

from __future__ import annotations

import json
import math
from typing import Any, Final

import numpy as np

from messages.chemistry import Formulation, FormulationInfo, RunInfo
from messages.ids import NodeId
from messages.model import JsonObject
from messages.quantity import Quantity
from messages.reproducibility import Recipe
from messages.simulation import (
    CoordinationShell,
    RadialDistributionOutput,
    RunLength,
    SimulatedConductivityOutput,
    SimulatedDensityOutput,
)
from nodes.dynamics._analysis import Analysis, Transport
from nodes.dynamics._blocks import Mean
from nodes.dynamics._compose import by_key, composition, formulation_of
from nodes.dynamics._diffusion import Slope
from nodes.dynamics._distribution import Distribution
from nodes.dynamics._force_field import SPECIES, force_field
from nodes.dynamics._plan import RunPlan
from nodes.dynamics._rating import (
    density_uncertainty,
    rate_conductivity,
    rate_density,
    rate_structure,
)

_FAITH: Final = {"density": 0.03, "conductivity": 0.6, "coordination": 1.0}
"""How far non-polarisable force fields of this kind are from measurements of such electrolytes, as
we know it from publications in general: relative, and of the coordination number in neighbours. No
part of any stated uncertainty."""


def density_output(analysis: Analysis, length: RunLength, node: NodeId) -> SimulatedDensityOutput:
    """Return the density and, where they mean something, conductivity and structure."""
    transport = analysis.transport if length == "production" else None
    return SimulatedDensityOutput(
        run_info=run_info(analysis, length, node),
        density=_density(analysis, length),
        temperature=_temperature(analysis),
        conductivity=_conductivity(transport, length) if transport is not None else None,
        rdf=rdf_output(analysis, length) if analysis.distributions else None,
        number_molecules_per_component=by_key(analysis.plan.counts),
    )


def conductivity_output(
    analysis: Analysis, transport: Transport, length: RunLength, node: NodeId
) -> SimulatedConductivityOutput:
    """Return the conductivity, density and structure."""
    return SimulatedConductivityOutput(
        run_info=run_info(analysis, length, node),
        conductivity=_conductivity(transport, length),
        temperature=_temperature(analysis),
        density=_density(analysis, length),
        rdf=rdf_output(analysis, length) if analysis.distributions else None,
        number_molecules_per_component=by_key(analysis.plan.counts),
    )


def rdf_output(analysis: Analysis, length: RunLength) -> RadialDistributionOutput:
    """Return the radial distribution functions; there must be one."""
    found = analysis.distributions
    return RadialDistributionOutput(
        radius=(found[0].radius * 1e-9).astype(np.float32),
        pair_title=tuple(d.title for d in found),
        rdf=_stacked([d.g for d in found]),
        rdf_uncertainty=_stacked([d.uncertainty for d in found]),
        coordination=_stacked([d.running for d in found]),
        cell_volume=analysis.volume * 1e-27,
        cell_formula=formula(analysis),
        rating=rate_structure(analysis, length),
        shells=tuple(
            CoordinationShell(
                pair_title=d.title,
                peak=d.shell.peak * 1e-9,
                height=d.shell.height,
                edge=d.shell.edge * 1e-9,
                number=Quantity.of(d.shell.number.value, "1", _finite(d.shell.number.uncertainty)),
            )
            for d in found
            if d.shell is not None
        ),
    )


def run_info(analysis: Analysis, length: RunLength, node: NodeId) -> RunInfo:
    """Return what the run was about: the mixture that is in the box."""
    formulation: Formulation = formulation_of(analysis.plan.counts)
    return RunInfo(
        formulation=formulation,
        internal_reference=f"simulated {node} {length} {analysis.plan.key}",
        formulation_info=FormulationInfo(name="molecules in a simulated box"),
    )


def formula(analysis: Analysis) -> str:
    """Return the atoms in the box, ``Li16 O600``."""
    atoms: dict[str, int] = {}
    for name in SPECIES:
        for element in force_field().molecules[name].elements:
            atoms[element] = atoms.get(element, 0) + analysis.plan.counts.get(name, 0)
    return " ".join(f"{element}{count}" for element, count in atoms.items() if count)


def notes(analysis: Analysis, length: RunLength, *, reused: bool) -> JsonObject:
    """Return what provenance says of a run.

    Args:
        analysis: Of it.
        length: Of it.
        reused: Whether nothing had to be computed for this result.
    """
    plan, field = analysis.plan, force_field()
    molality, w_ec = composition(plan.counts)
    found: JsonObject = {
        "fidelity": f"molecular dynamics, {length}: low",
        "run": plan.key,
        "run_reused": reused,
        "molecules": dict(plan.counts),
        "molality": molality,
        "w_ec": w_ec,
        "force_field": {
            "sha256": field.digest,
            "sources": dict(field.terms["sources"]),
            "charge_scale": plan.charge_scale,
        },
        "relative_accuracy": dict(_FAITH),
        "integrator": {
            "name": "LangevinMiddle",
            "step_s": plan.step * 1e-12,
            "steps": plan.steps,
            "density_steps": plan.density,
            "transport_steps": plan.transport,
            "seed": plan.seed,
        },
        "cutoff_m": plan.cutoff * 1e-9,
        "computed": computed(analysis),
        "convergence": convergence(analysis),
    }
    return found


def recipe_of(plan: RunPlan) -> Recipe:
    """Return what it takes to simulate the same again; nothing is trained here."""
    return Recipe(
        model=f"molecular dynamics {plan.key}",
        initial_parameters=json.loads(plan.text()),
        seeds=(plan.seed,),
        training_data="none; the force field's publications are in the note force_field",
    )


def computed(analysis: Analysis) -> JsonObject:
    """Return on what a run was computed, and how fast."""
    wall = math.fsum(about["wall"] for about in analysis.computed)
    simulated = analysis.plan.steps * analysis.plan.step * 1e-3
    return {
        "platforms": sorted({about["platform"] for about in analysis.computed}),
        "precision": sorted(
            {about["properties"].get("Precision", "") for about in analysis.computed} - {""}
        ),
        "openmm": sorted({about["openmm"] for about in analysis.computed}),
        "segments": len(analysis.computed),
        "wall_s": wall,
        "ns_per_day": simulated / wall * 86400 if wall else 0.0,
    }


def convergence(analysis: Analysis) -> JsonObject:
    """Return how far from converged a run is."""
    found: JsonObject = {
        "density": _mean(analysis.density),
        "temperature": _mean(analysis.temperature),
        "coordination": {
            d.title: _mean(d.shell.number) for d in analysis.distributions if d.shell is not None
        },
    }
    if (t := analysis.transport) is not None:
        found["transport"] = {
            "lag_s": t.window * 1e-12,
            "lithium": _slope(t.lithium, 1e-6 / 6, "diffusion_m2_per_s"),
            "anion": _slope(t.anion, 1e-6 / 6, "diffusion_m2_per_s"),
            "nernst_einstein": _slope(t.nernst_einstein, 1.0, "conductivity_S_per_m"),
            "einstein_helfand": _slope(t.einstein_helfand, 1.0, "conductivity_S_per_m"),
            "bounds_S_per_m": list(t.bounds),
            "finite_size_m2_per_s": t.finite_size,
            "finite_size": "diffusion coefficients are too low by about this much in so small a "
            "box (Yeh and Hummer 2004, at 3 mPa.s); not corrected for",
        }
    return found


def _density(analysis: Analysis, length: RunLength) -> Quantity:
    rating = rate_density(analysis, length)
    uncertainty = _finite(density_uncertainty(analysis, length))
    return Quantity.of(analysis.density.value, "kg/m3", uncertainty, rating)


def _conductivity(transport: Transport, length: RunLength) -> Quantity:
    rating = rate_conductivity(transport, length)
    return Quantity.of(transport.conductivity, "S/m", _finite(transport.uncertainty), rating)


def _temperature(analysis: Analysis) -> Quantity:
    return Quantity.of(analysis.plan.temperature, "K", 0.0)


def _mean(mean: Mean) -> JsonObject:
    return {
        "value": mean.value,
        "uncertainty": _finite(mean.uncertainty),
        "statistical_inefficiency": mean.inefficiency,
        "independent": mean.independent,
        "plateau": mean.plateau,
        "drift": mean.drift,
        "drift_sigma": _finite(mean.drift_sigma),
    }


def _slope(slope: Slope, factor: float, name: str) -> JsonObject:
    return {
        name: slope.slope * factor,
        "uncertainty": _finite(slope.uncertainty * factor),
        "msd_exponent": _finite(slope.exponent),
    }


def _stacked(rows: list[np.ndarray]) -> Any:
    return np.stack(rows).astype(np.float32)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def table(distributions: tuple[Distribution, ...]) -> str:
    """Return the radial distribution functions as CSV."""
    head = ["radius_m"]
    columns = [distributions[0].radius * 1e-9]
    for d in distributions:
        head += [f"{d.title} g", f"{d.title} uncertainty", f"{d.title} neighbours"]
        columns += [d.g, d.uncertainty, d.running]
    rows = [",".join(f"{value:.6g}" for value in row) for row in np.stack(columns, axis=1)]
    return "\n".join([",".join(head), *rows, ""])


def displacement_table(transport: Transport) -> str:
    """Return the mean square displacements as CSV."""
    scaled = transport.table * np.array([1e-12, 1e-18, 1e-18])
    rows = [",".join(f"{value:.6g}" for value in row) for row in scaled]
    return "\n".join(["lag_s,Li_m2,PF6_m2", *rows, ""])
