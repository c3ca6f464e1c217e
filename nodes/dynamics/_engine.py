"""Computes a run, segment by segment, from where it stopped."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.errors import OrderError
from nodes.dynamics._force_field import force_field
from nodes.dynamics._openmm import make_platform, openmm
from nodes.dynamics._packing import LOOSE, pack, scaled
from nodes.dynamics._pairs import histogram, ions, pairs
from nodes.dynamics._plan import PRESSURE, SAMPLED, Segment
from nodes.dynamics._store import Record, RunFolder
from nodes.dynamics._system import make_system
from nodes.dynamics._topology import pdb

Say = Callable[[float, str], None]
"""Takes how far the run is, 0 to 1, and words."""

_SQUEEZES: Final = 12
"""In how many steps the first box is brought to the guessed density."""

_FRICTION: Final = {"anneal": 2.0, "equilibrate": 2.0, "density": 1.0, "transport": 0.1}
"""1/ps, of the Langevin thermostat by phase. Molecules in these liquids lose their velocity in
some 0.1 ps, so that 0.1/ps changes diffusion by a per cent."""

_ANNEAL: Final = 1.5
"""Times the temperature asked for, in the first phase: a random mixture finds its ion pairs and
solvation shells many times faster, and at constant volume it does not boil."""

_BAROSTAT: Final = 15
"""Steps between two attempts at another volume."""

_HOT: Final = 3.0
"""Times the temperature asked for: whoever is hotter than this is exploding."""


class Engine:
    """One run on one platform.

    Args:
        folder: Of the run, whose plan is there.
        platform: See `make_platform`.
        threads: See `make_platform`.
        precision: See `make_platform`.
        say: Is told how it goes.

    Raises:
        MissingProgramError: OpenMM is not installed.
        ConfigurationError: The platform is not there.
    """

    def __init__(
        self, folder: RunFolder, platform: str, threads: int, precision: str, say: Say
    ) -> None:
        self._mm = openmm()
        self._platform, self._properties = make_platform(platform, threads, precision)
        self._folder = folder
        self._plan = plan = folder.plan()
        self._field = force_field()
        self._say = say
        self._system = make_system(
            self._field, plan.counts, plan.edge * LOOSE, plan.cutoff, plan.charge_scale
        )
        self._barostat = self._mm.MonteCarloBarostat(PRESSURE, plan.temperature, _BAROSTAT)
        self._system.addForce(self._barostat)
        self._pairs = pairs(self._field, plan.counts)
        self._ions = ions(self._field, plan.counts)
        self._degrees = 3 * self._system.getNumParticles() - self._system.getNumConstraints() - 3

    def run(self) -> None:
        """Compute what is left, and write ``box.pdb``, ``system.xml`` and ``state.xml`` at its end.

        Raises:
            OrderError: The simulation blew up.
            StoreError: A segment cannot be read or written.
        """
        segments = self._plan.segments()
        done = self._folder.done
        state = self._folder.read(done - 1).state if done else ""
        for segment in segments[done:]:
            record = self._segment(segment, state)
            self._folder.write(segment.number, record)
            state = record.state
        self._finish(state)

    def _segment(self, segment: Segment, before: str) -> Record:
        begun = time.monotonic()
        seed = _seed(self._plan.seed, segment.number)
        try:
            start = self._mm.XmlSerializer.deserialize(before) if before else self._build(seed)
            context, integrator = self._context(segment.phase, seed)
            context.setState(start)
            if segment.phase == "equilibrate" and segment.first:
                context.setVelocitiesToTemperature(self._plan.temperature, seed)
            if segment.phase == "transport" and segment.first:
                self._to_mean_volume(context)
            samples = self._sample(context, integrator, segment)
            state = context.getState(positions=True, velocities=True)
            about = {
                "phase": segment.phase,
                "steps": segment.steps,
                "platform": context.getPlatform().getName(),
                "properties": self._properties,
                "openmm": self._mm.version.version,
                "seed": seed,
                "wall": time.monotonic() - begun,
            }
        except self._mm.OpenMMException as error:
            raise OrderError(
                f"the simulation broke down in segment {segment.number}: {error}",
                remedy="ask for another composition, temperature or seed",
            ) from error
        return Record(samples, self._mm.XmlSerializer.serialize(state), about)

    def _context(self, phase: str, seed: int) -> tuple[Any, Any]:
        """Return a context whose random numbers depend on nothing but run and segment."""
        plan = self._plan
        kelvin = plan.temperature * (_ANNEAL if phase == "anneal" else 1.0)
        integrator = self._mm.LangevinMiddleIntegrator(kelvin, _FRICTION[phase], plan.step)
        integrator.setRandomNumberSeed(seed)
        moves = phase in {"equilibrate", "density"}
        self._barostat.setFrequency(_BAROSTAT if moves else 0)
        self._barostat.setRandomNumberSeed(seed)
        context = self._mm.Context(self._system, integrator, self._platform, self._properties)
        return context, integrator

    def _build(self, seed: int) -> Any:
        """Pack the molecules loosely, relax them, press them together; return the state."""
        plan = self._plan
        self._say(0.0, "packing the box")
        context, integrator = self._context("anneal", seed)
        edge = plan.edge * LOOSE
        self._place(context, pack(self._field, plan.counts, edge, seed), edge)
        self._mm.LocalEnergyMinimizer.minimize(context, 100.0, 200)
        integrator.setStepSize(0.001)
        factor = LOOSE ** (-1 / _SQUEEZES)
        for count in range(_SQUEEZES):
            edge *= factor
            positions = scaled(self._field, plan.counts, self._positions(context), factor)
            self._place(context, positions, edge)
            self._mm.LocalEnergyMinimizer.minimize(context, 100.0, 20)
            context.setVelocitiesToTemperature(plan.temperature, seed + count)
            integrator.step(30)
        self._say(0.0, f"packed {sum(plan.counts.values())} molecules")
        return context.getState(positions=True, velocities=True)

    def _to_mean_volume(self, context: Any) -> None:
        """Bring the box to the mean volume of the density phase."""
        volumes = [
            record.arrays["volume"]
            for record in self._folder.records()
            if record.about["phase"] == "density"
        ]
        if not volumes:
            return
        edge = _edge(context)
        wanted = float(np.concatenate(volumes).mean()) ** (1 / 3)
        positions = scaled(self._field, self._plan.counts, self._positions(context), wanted / edge)
        self._place(context, positions, wanted)

    def _sample(
        self, context: Any, integrator: Any, segment: Segment
    ) -> Mapping[str, NDArray[Any]]:
        plan = self._plan
        rows: list[tuple[float, float, float]] = []
        histograms: list[NDArray[np.uint16]] = []
        places: list[NDArray[np.float64]] = []
        done = sum(s.steps for s in plan.segments()[: segment.number])
        for at in range(plan.sample, segment.steps + 1, plan.sample):
            integrator.step(plan.sample)
            state = context.getState(positions=True, energy=True)
            row = self._row(state)
            rows.append(row)
            positions = np.asarray(state.getPositions(asNumpy=True)._value)  # noqa: SLF001
            if segment.phase in SAMPLED:
                histograms.append(self._histograms(positions, row[0] ** (1 / 3)))
            if segment.phase == "transport":
                places.append(positions[self._ions].copy())
            now, end = (done + at) * plan.step, plan.steps * plan.step
            self._say(min(1.0, now / end), f"{segment.phase}: {now:.4g} of {end:.4g} ps")
        if rest := segment.steps % plan.sample:
            integrator.step(rest)
        volume, potential, temperature = np.array(rows).reshape(-1, 3).T
        shape = (len(histograms), len(self._pairs), plan.bins)
        return {
            "volume": volume,
            "potential": potential,
            "temperature": temperature,
            "histogram": np.array(histograms, dtype=np.uint16).reshape(shape),
            "ions": np.array(places).reshape(len(places), len(self._ions), 3),
        }

    def _row(self, state: Any) -> tuple[float, float, float]:
        volume = float(state.getPeriodicBoxVolume()._value)  # noqa: SLF001
        potential = float(state.getPotentialEnergy()._value)  # noqa: SLF001
        kinetic = float(state.getKineticEnergy()._value)  # noqa: SLF001
        temperature = 2 * kinetic / (self._degrees * 8.314462618e-3)
        if not math.isfinite(potential + kinetic):
            raise OrderError(
                "the simulation broke down: its energy is not finite",
                remedy="ask for another composition, temperature or seed",
            )
        if temperature > _HOT * self._plan.temperature:
            raise OrderError(
                f"the simulation broke down: it has heated up to {temperature:.0f} K",
                remedy="ask for another composition, temperature or seed",
            )
        return volume, potential, temperature

    def _histograms(self, positions: NDArray[np.float64], edge: float) -> NDArray[np.uint16]:
        found = [histogram(positions, edge, pair, self._plan.bins) for pair in self._pairs]
        return np.array(found, dtype=np.uint16).reshape(len(self._pairs), self._plan.bins)

    def _finish(self, state: str) -> None:
        mm = self._mm
        last = mm.XmlSerializer.deserialize(state)
        positions = np.asarray(last.getPositions(asNumpy=True)._value)  # noqa: SLF001
        edge = float(last.getPeriodicBoxVectors()[0][0]._value)  # noqa: SLF001
        self._folder.write_text("system.xml", mm.XmlSerializer.serialize(self._system))
        self._folder.write_text("state.xml", state)
        self._folder.write_text("box.pdb", pdb(self._field, self._plan.counts, positions, edge))

    def _place(self, context: Any, positions: NDArray[np.float64], edge: float) -> None:
        vec = self._mm.Vec3
        context.setPeriodicBoxVectors(vec(edge, 0, 0), vec(0, edge, 0), vec(0, 0, edge))
        context.setPositions(positions)
        context.applyConstraints(1e-6)

    @staticmethod
    def _positions(context: Any) -> NDArray[np.float64]:
        state = context.getState(positions=True)
        return np.array(state.getPositions(asNumpy=True)._value)  # noqa: SLF001


def _edge(context: Any) -> float:
    return float(context.getState().getPeriodicBoxVectors()[0][0]._value)  # noqa: SLF001


def _seed(seed: int, segment: int) -> int:
    """Return a positive 31-bit seed; 0 would mean a random one to OpenMM."""
    digest = hashlib.sha256(f"{seed} {segment}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % (2**31 - 1) + 1
