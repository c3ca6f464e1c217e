"""Where an acquisition function is greatest among the points that can be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from botorch.exceptions import BotorchError
from botorch.optim import optimize_acqf

from nodes.optimiser._botorch_kernel import EXTRA
from nodes.optimiser._botorch_scope import DOUBLE
from nodes.optimiser._candidates import Candidates
from nodes.optimiser._constraint import Constraint, LinearConstraint
from nodes.optimiser._space import Floats, Point, Space

Acquisition: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""BoTorch's: values (b,) of (b, 1, columns of X)."""

_RAW: Final = 256
_STARTS: Final = 3
_STEPS: Final = 40
_LOCAL: Final = ((0.1, 16), (0.02, 16))
"""Radius (of the unit cube) and number of the points around each promising one."""


class Search:
    """Maximises acquisition functions over the points that are feasible, fresh and on the grid.

    Sobol points and the neighbourhood of ``anchors`` are looked at first; gradients lead on from
    the best of them, within linear constraints; what they find is brought to the grid, where it
    competes with its neighbours. Points that another kind of constraint, an exclusion or an
    earlier measurement rules out never win.

    Args:
        candidates: Of the campaign.
        taken: Points not to propose again.
        anchors: Where the campaign is best so far.
        index: Number of the proposal, for the random numbers.
    """

    def __init__(
        self, candidates: Candidates, taken: Sequence[Point], anchors: Sequence[Point], index: int
    ) -> None:
        self._candidates = candidates
        self._taken = list(taken)
        looks = [candidates.sobol(_RAW, 3, index)]
        if anchors:
            centres = np.array(anchors)
            looks += [
                candidates.around(centres, radius, count, 4, index, step)
                for step, (radius, count) in enumerate(_LOCAL)
            ]
        self.points = candidates.fresh(np.concatenate(looks), self._taken)

    def greatest(self, function: Acquisition, inputs: Callable[[Floats], torch.Tensor]) -> Point:
        """Return where ``function`` is greatest; `points` must not be empty.

        Args:
            function: To maximise.
            inputs: From points (n, size) to rows of X.
        """
        scores = _values(function, inputs(self.points))
        order = np.argsort(-scores, kind="stable")
        starts = self._apart(order)
        pool = [self.points[order[:_STARTS]], self._climbed(function, inputs(starts))]
        pool.append(self._neighbours(pool[1]))
        points = self._candidates.fresh(np.concatenate(pool), self._taken)
        top = int(np.argmax(_values(function, inputs(points))))
        return tuple(map(float, points[top]))

    def _apart(self, order: Any) -> Floats:
        """Return the best points that are not each other's neighbours."""
        unit = self._candidates.space.normalise(self.points)
        chosen: list[int] = []
        for place in order:
            gaps = [np.abs(unit[place] - unit[other]).max() for other in chosen]
            if not gaps or min(gaps) > _LOCAL[0][0]:
                chosen.append(int(place))
            if len(chosen) == _STARTS:
                break
        return self.points[chosen]

    def _climbed(self, function: Acquisition, starts: torch.Tensor) -> Floats:
        """Return the optima that gradients find from ``starts``, on the grid."""
        space = self._candidates.space
        fixed = {space.size + i: float(starts[0, space.size + i]) for i in range(EXTRA)}
        low = torch.zeros(starts.shape[-1], dtype=DOUBLE)
        try:
            found, _ = optimize_acqf(
                function,
                bounds=torch.stack([low, low + 1.0]),
                q=1,
                num_restarts=len(starts),
                batch_initial_conditions=starts.unsqueeze(1),
                inequality_constraints=_linear(space, self._candidates.constraints) or None,
                fixed_features=fixed,
                options={"maxiter": _STEPS, "batch_limit": _STARTS},
                return_best_only=False,
            )
        except (BotorchError, RuntimeError, ValueError):
            # A flat or singular corner; the points looked at before stand.
            found = starts.unsqueeze(1)
        unit = np.clip(found[:, 0, : space.size].detach().numpy(), 0.0, 1.0)
        return space.denormalise(unit)

    def _neighbours(self, points: Floats) -> Floats:
        """Return the points one step away in one dimension: rounding may have left the set."""
        space = self._candidates.space
        found = [points]
        for place, dimension in enumerate(space.dimensions):
            if dimension.step is None:
                continue
            for step in (-dimension.step, dimension.step):
                moved = points.copy()
                moved[:, place] = dimension.snap(points[:, place] + step)
                found.append(moved)
        return np.concatenate(found)


def _values(function: Acquisition, rows: torch.Tensor) -> Floats:
    with torch.no_grad():
        parts = [function(part.unsqueeze(1)) for part in rows.split(128)]
    found = torch.cat(parts).numpy()
    return np.asarray(np.nan_to_num(found, nan=-1e300, neginf=-1e300))


def _linear(
    space: Space, constraints: tuple[Constraint, ...]
) -> list[tuple[torch.Tensor, torch.Tensor, float]]:
    """Return linear constraints as BoTorch's ``sum(coefficients * unit[indices]) >= rhs``."""
    found = []
    low = space.point({d.name: d.minimum for d in space.dimensions})
    for constraint in constraints:
        if not isinstance(constraint, LinearConstraint):
            continue
        weights = [constraint.coefficients.get(name, 0.0) for name in space.names]
        used = [place for place, weight in enumerate(weights) if weight]
        if not used:
            continue
        widths = [d.maximum - d.minimum for d in space.dimensions]
        room = constraint.maximum - sum(w * at for w, at in zip(weights, low, strict=True))
        indices = torch.tensor(used)
        scaled = torch.tensor([-weights[p] * widths[p] for p in used], dtype=DOUBLE)
        found.append((indices, scaled, -room))
    return found
