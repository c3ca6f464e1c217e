"""Ways through the tubing: which valves stand where, and how much a way holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from nodes.asab.fluidics._rig import Rig, Tube
from nodes.asab.fluidics._verbs import FluidicsError


@dataclass(frozen=True, slots=True)
class Way:
    """A way from one point to another.

    Attributes:
        tubes: In order.
        valves: Positions that open it, by valve.
    """

    tubes: tuple[Tube, ...]
    valves: Mapping[str, int]

    @property
    def volume(self) -> float:
        """Dead volume in m3: what stands between the beginning and the end."""
        return sum(tube.volume for tube in self.tubes)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its tubes."""
        return tuple(tube.name for tube in self.tubes)

    def until(self, tube: str) -> float:
        """Return the dead volume in m3 from the beginning to the end of one of its tubes."""
        return sum(each.volume for each in self.tubes[: self.names.index(tube) + 1])


def find_way(
    rig: Rig,
    begin: str,
    end: str,
    *,
    through: Collection[str] = (),
    avoiding: Collection[str] = (),
) -> Way:
    """Return the way of the smallest dead volume that no valve forbids.

    It passes through no pump and no vessel, through all of the tubes ``through`` and none of the
    points ``avoiding``. No valve would have to stand at two positions.

    Raises:
        FluidicsError: There is none.
    """
    ends = {*(p.name for p in rig.pumps), *(v.name for v in rig.vessels)}
    beside: dict[str, list[tuple[Tube, str]]] = {}
    for tube in rig.tubes:
        beside.setdefault(tube.begin, []).append((tube, tube.end))
        beside.setdefault(tube.end, []).append((tube, tube.begin))

    def ways(point: str, tubes: tuple[Tube, ...], valves: dict[str, int]) -> Iterator[Way]:
        if point == end:
            yield Way(tubes, valves)
            return
        if tubes and (point in ends or point in avoiding):
            return
        been = {begin, *(p for tube in tubes for p in (tube.begin, tube.end))}
        for tube, other in beside.get(point, ()):
            if other in been and other != end:
                continue
            if tube.valve is None or tube.position is None:
                yield from ways(other, (*tubes, tube), valves)
            elif valves.get(tube.valve, tube.position) == tube.position:
                yield from ways(other, (*tubes, tube), {**valves, tube.valve: tube.position})

    found = [way for way in ways(begin, (), {}) if set(through) <= set(way.names)]
    if not found:
        by = f" through {', '.join(through)}" if through else ""
        raise FluidicsError(
            f"no way leads from {begin} to {end}{by}", where="rig",
            remedy="compare the tubes of the rig file with the instrument",
        )  # fmt: skip
    return min(found, key=lambda way: (way.volume, way.names))
