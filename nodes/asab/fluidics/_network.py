"""Which way the liquid goes: steady laminar flow through the tubes that are open."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nodes.asab.fluidics._rig import Tube


@dataclass(frozen=True, slots=True)
class Flows:
    """A steady state.

    Attributes:
        tubes: m3/s through each open tube, from its beginning to its end > 0.
        order: Points of the tubing from the highest pressure to the lowest.
        blocked: Points that inject or draw although nothing is open to take or give it.
    """

    tubes: Mapping[str, float]
    order: Sequence[str]
    blocked: Collection[str]


def solve(tubes: Sequence[Tube], injected: Mapping[str, float], vented: Collection[str]) -> Flows:
    """Return the steady flows through ``tubes``, all of them open.

    Hagen and Poiseuille: the flow through a tube is the difference of the pressures at its ends
    times a conductance that goes as diameter^4 / length (equal viscosity everywhere). Vented points
    are at the pressure of the room. So where two ways are open the liquid takes both.

    Args:
        tubes: The open ones.
        injected: m3/s at points that push (> 0) or draw (< 0).
        vented: Points open to the air.
    """
    blocked: set[str] = set()
    flows: dict[str, float] = {}
    pressures: dict[str, float] = {}
    for points in _islands(tubes, injected):
        inside = [tube for tube in tubes if tube.begin in points]
        driving = {point: injected.get(point, 0.0) for point in points}
        if not any(driving.values()):
            continue
        free = [point for point in points if point not in vented]
        if len(free) == len(points) and abs(sum(driving.values())) > 1e-18:
            blocked |= {point for point, flow in driving.items() if flow}
            continue
        if len(free) == len(points):
            free = free[1:]  # pushed and drawn alike: any one point may be the reference
        index = {point: row for row, point in enumerate(free)}
        matrix = np.zeros((len(free), len(free)))
        for tube in inside:
            conductance = _conductance(tube)
            for here, there in ((tube.begin, tube.end), (tube.end, tube.begin)):
                if here in index:
                    matrix[index[here], index[here]] += conductance
                    if there in index:
                        matrix[index[here], index[there]] -= conductance
        target = np.array([driving[point] * 1e6 for point in free])
        solution = np.linalg.solve(matrix, target) if free else target
        pressures |= dict.fromkeys(points, 0.0)
        pressures |= dict(zip(free, solution.tolist(), strict=True))
        for tube in inside:
            drop = pressures[tube.begin] - pressures[tube.end]
            flow = _conductance(tube) * drop * 1e-6
            flows[tube.name] = flow if abs(flow) > 1e-15 else 0.0
    order = sorted(pressures, key=lambda point: -pressures[point])
    return Flows(flows, order, blocked)


def _conductance(tube: Tube) -> float:
    """Relative to a tube of 1 mm by 1 m."""
    return (tube.diameter / 1e-3) ** 4 / tube.length


def _islands(tubes: Sequence[Tube], injected: Mapping[str, float]) -> list[list[str]]:
    """Return the sets of points that open tubes connect."""
    beside: dict[str, set[str]] = {point: set() for point in injected}
    for tube in tubes:
        beside.setdefault(tube.begin, set()).add(tube.end)
        beside.setdefault(tube.end, set()).add(tube.begin)
    islands, seen = [], set[str]()
    for start in beside:
        if start in seen:
            continue
        island, stack = [], [start]
        seen.add(start)
        while stack:
            point = stack.pop()
            island.append(point)
            for other in sorted(beside[point] - seen):
                seen.add(other)
                stack.append(other)
        islands.append(sorted(island))
    return islands
