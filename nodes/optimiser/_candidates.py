"""Where a strategy looks: reproducible, feasible, fresh points."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.stats import qmc

from messages.errors import LabmeshError
from nodes.optimiser._constraint import Constraint, allowed
from nodes.optimiser._space import Floats, Point, Space

SAME = 1e-4
"""Points closer than this, in the unit cube, count as one."""


class SpaceExhaustedError(LabmeshError):
    """No point is left that could be made and was not measured yet."""


class Candidates:
    """Feasible points of a space that are not taken yet.

    Args:
        space: The box.
        constraints: What of it can be made.
        seed: Of every random number.
    """

    def __init__(self, space: Space, constraints: tuple[Constraint, ...], seed: int) -> None:
        self.space = space
        self.constraints = constraints
        self._seed = seed
        self._excluded: list[Point] = []
        self._radii: list[float] = []

    def exclude(self, point: Point, radius: float) -> None:
        """Count ``point``, and all within ``radius`` of it in the unit cube, as impossible."""
        self._excluded.append(point)
        self._radii.append(max(radius, SAME))

    def random(self, *key: int) -> np.random.Generator:
        """Return the generator that belongs to ``key``, the same one every time."""
        return np.random.default_rng(np.random.SeedSequence([self._seed, *key]))

    def sobol(self, count: int, *key: int) -> Floats:
        """Return ``count`` points of the scrambled Sobol sequence, unfiltered, snapped."""
        power = max(1, int(np.ceil(np.log2(count))))
        engine = qmc.Sobol(self.space.size, scramble=True, rng=self.random(*key))
        return self.space.denormalise(engine.random_base2(power)[:count])

    def around(self, centres: Floats, radius: float, count: int, *key: int) -> Floats:
        """Return ``count`` points within ``radius`` (of the unit cube) of each centre, clipped."""
        offsets = self.random(*key).uniform(-radius, radius, (count, 1, self.space.size))
        unit = np.clip(self.space.normalise(centres)[None] + offsets, 0.0, 1.0)
        return self.space.denormalise(unit.reshape(-1, self.space.size))

    def fresh(self, points: Floats, taken: Iterable[Point]) -> Floats:
        """Return those of ``points`` that can be made and are none of ``taken``."""
        kept = points[allowed(self.space, self.constraints, points)]
        known = list(taken)
        if self._excluded and len(kept):
            away = self.space.normalise(kept)[:, None] - self.space.normalise(self._excluded)[None]
            kept = kept[(np.linalg.norm(away, axis=-1) > np.array(self._radii)).all(axis=1)]
        if not known or not len(kept):
            return kept
        gaps = self.space.normalise(kept)[:, None, :] - self.space.normalise(known)[None]
        return np.asarray(kept[(np.abs(gaps).max(axis=-1) > SAME).all(axis=1)])

    def start(self, taken: Iterable[Point], skip: int) -> Point:
        """Return the next fresh point of the campaign's own Sobol sequence.

        Args:
            taken: Points not to return.
            skip: How many points of the sequence were used before.

        Raises:
            SpaceExhaustedError: There is none among the first thousands.
        """
        known = list(taken)
        for size in (64, 4096):
            sequence = self.sobol(size, 0)
            ordered = np.concatenate([sequence[skip:], sequence[:skip]])
            found = self.fresh(ordered, known)
            if len(found):
                return tuple(map(float, found[0]))
        raise SpaceExhaustedError(
            "no point is left in the search space that can be made and was not measured",
            remedy="widen the bounds, loosen the constraints or make the steps smaller",
        )
