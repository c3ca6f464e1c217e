"""Everything that determines a run, and the hash that it is known by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from nodes.dynamics._force_field import SPECIES, force_field

RECIPE: Final = 2
"""Number of the way in which a box is built, equilibrated and sampled; a new one makes new runs."""

Phase = Literal["anneal", "equilibrate", "density", "transport"]
"""Hot at constant volume, and constant pressure, both thrown away; constant pressure, sampled;
constant volume, sampled."""

SAMPLED: Final = ("density", "transport")

PRESSURE: Final = 1.01325
"""bar."""

BIN: Final = 0.005
"""nm, of radial distribution functions."""

GRAMS: Final = 1.66053906660
"""g/mol/nm3 to kg/m3 (CODATA 2018)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a run that is computed and kept as a whole.

    Attributes:
        number: From 0.
        phase: What it belongs to.
        steps: Of the integrator.
        first: Whether its phase begins with it.
    """

    number: int
    phase: Phase
    steps: int
    first: bool


@dataclass(frozen=True)
class RunPlan:
    """A run. Two with equal fields are the same run.

    Attributes:
        counts: Molecules by name.
        temperature: K.
        guess: kg/m3, of the first box.
        cutoff: nm, of the pair forces.
        step: ps.
        equilibrate: Steps that are thrown away, the first half of them hot.
        density: Steps at constant pressure that are sampled.
        transport: Steps at constant volume that are sampled.
        segment: Steps between two checkpoints.
        sample: Steps between two samples.
        charge_scale: Factor on the charges of the ions.
        seed: Of every random number.
        force_field: Hash of its files.
        recipe: `RECIPE`.
    """

    counts: Mapping[str, int]
    temperature: float
    guess: float
    cutoff: float
    step: float
    equilibrate: int
    density: int
    transport: int
    segment: int
    sample: int
    charge_scale: float
    seed: int
    force_field: str = field(default_factory=lambda: force_field().digest)
    recipe: int = RECIPE

    @property
    def key(self) -> str:
        """Hash of all fields, 32 hexadecimal digits."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:32]

    def text(self) -> str:
        """Return it as canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> RunPlan:
        """Return the plan of a text that `text` has made."""
        plain: dict[str, Any] = json.loads(text)
        return cls(**plain)

    def with_cutoff(self, cutoff: float) -> RunPlan:
        """Return the same with another cutoff (nm)."""
        return replace(self, cutoff=cutoff)

    @property
    def mass(self) -> float:
        """g/mol, of the whole box."""
        field_ = force_field()
        return sum(field_.molecules[name].mass * self.counts.get(name, 0) for name in SPECIES)

    @property
    def edge(self) -> float:
        """nm, of a box of the guessed density."""
        edge: float = (self.mass * GRAMS / self.guess) ** (1 / 3)
        return edge

    @property
    def bins(self) -> int:
        """Of radial distribution functions, up to nearly half the box."""
        return int(0.48 * self.edge / BIN)

    @property
    def steps(self) -> int:
        """Of all phases."""
        return self.equilibrate + self.density + self.transport

    def segments(self) -> tuple[Segment, ...]:
        """Return the pieces in their order; the last of a phase may be shorter."""
        found: list[Segment] = []
        hot = self.equilibrate // 2 // self.sample * self.sample
        phases: tuple[tuple[Phase, int], ...] = (
            ("anneal", hot),
            ("equilibrate", self.equilibrate - hot),
            ("density", self.density),
            ("transport", self.transport),
        )
        for phase, steps in phases:
            for begin in range(0, steps, self.segment):
                length = min(self.segment, steps - begin)
                found.append(Segment(len(found), phase, length, begin == 0))
        return tuple(found)
