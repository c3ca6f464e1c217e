"""What is in a tube: plugs of liquid one behind another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

Liquid = Mapping[str, float]
"""Volume fractions by fluid (a stock's name, the rinsing solvent, `AIR`), of sum one. Volumes add
up: contraction on mixing is ignored."""

AIR: Final = "air"
"""Air, or the inert gas: what is no liquid."""

CRUMB: Final = 1e-15
"""m3; less is the rounding of doubles, not liquid."""

_SWEEPS: Final = 2
"""Fillings of a tube with gas that take liquid from its wall."""

_SAME: Final = 1e-9
"""Volume fraction; plugs that differ by less are one."""


def pure(fluid: str) -> Liquid:
    """Return a fluid alone."""
    return {fluid: 1.0}


def blend(parts: Iterable[tuple[float, Liquid]]) -> Liquid:
    """Return what becomes of volumes (m3, not all zero) that are mixed."""
    total: dict[str, float] = {}
    whole = 0.0
    for volume, liquid in parts:
        whole += volume
        for fluid, fraction in liquid.items():
            total[fluid] = total.get(fluid, 0.0) + volume * fraction
    return {fluid: volume / whole for fluid, volume in total.items() if volume > _SAME * whole}


def alike(one: Liquid, other: Liquid) -> bool:
    """Tell whether two liquids are the same."""
    return all(abs(one.get(fluid, 0.0) - other.get(fluid, 0.0)) < _SAME for fluid in {*one, *other})


@dataclass(slots=True)
class Plug:
    """A volume (m3) of one liquid."""

    volume: float
    liquid: Liquid


@dataclass(slots=True)
class Contents:
    """The plugs in a tube, from its beginning to its end; their volumes sum to the tube's."""

    plugs: deque[Plug] = field(default_factory=deque)

    @classmethod
    def of(cls, volume: float, liquid: Liquid) -> Contents:
        """Return a tube full of one liquid."""
        return cls(deque([Plug(volume, liquid)]))

    @property
    def mean(self) -> Liquid:
        """What the whole tube would hold if it were stirred."""
        return blend((plug.volume, plug.liquid) for plug in self.plugs)

    def push(self, stream: Iterable[Plug], *, film: float, backwards: bool = False) -> list[Plug]:
        """Push a stream in at the beginning (or the end), and return what leaves at the other side.

        Where gas pushes liquid, the fraction ``film`` of the liquid stays on the wall.
        """
        out: list[Plug] = []
        whole = sum(plug.volume for plug in self.plugs)
        for plug in stream:
            left, gas = plug.volume, plug.liquid.get(AIR, 0.0) > 0.5
            if not gas and left > whole:
                for gone in self._take(whole, first=backwards):
                    join(out, gone)
                join(out, Plug(left - whole, plug.liquid))
                self._add(Plug(whole, plug.liquid), first=not backwards)
                continue
            # What blows longer than that finds a wall as dry as it gets, and passes through.
            for sweep in range(_SWEEPS if gas else 1):
                step = min(left, whole)
                if step <= CRUMB:
                    break
                if sweep:
                    self.plugs = deque([Plug(whole, self.mean)])
                for gone in self._take(step, first=backwards):
                    liquid, leaving = plug.liquid, gone.liquid
                    if gas and film * (1 - leaving.get(AIR, 0.0)) > _SAME:
                        liquid = blend([(1 - film, liquid), (film, leaving)])
                        leaving = blend([(1 - film, leaving), (film, plug.liquid)])
                    self._add(Plug(gone.volume, liquid), first=not backwards)
                    join(out, Plug(gone.volume, leaving))
                left -= step
            if left > CRUMB:
                join(out, Plug(left, plug.liquid))
        return out

    def _take(self, volume: float, *, first: bool) -> list[Plug]:
        taken = []
        while volume > CRUMB and self.plugs:
            plug = self.plugs[0] if first else self.plugs[-1]
            share = min(volume, plug.volume)
            taken.append(Plug(share, plug.liquid))
            volume -= share
            plug.volume -= share
            if plug.volume <= CRUMB:
                (self.plugs.popleft if first else self.plugs.pop)()
        return taken

    def _add(self, plug: Plug, *, first: bool) -> None:
        beside = (self.plugs[0] if first else self.plugs[-1]) if self.plugs else None
        if beside is not None and alike(beside.liquid, plug.liquid):
            beside.volume += plug.volume
        elif first:
            self.plugs.appendleft(Plug(plug.volume, plug.liquid))
        else:
            self.plugs.append(Plug(plug.volume, plug.liquid))


def join(stream: list[Plug], plug: Plug) -> None:
    """Append a plug to a stream, to the last one where they are alike."""
    if stream and alike(stream[-1].liquid, plug.liquid):
        stream[-1].volume += plug.volume
    else:
        stream.append(Plug(plug.volume, plug.liquid))


def merge(streams: list[list[Plug]]) -> list[Plug]:
    """Return the stream that several make which flow together, each at its own constant rate.

    They last equally long, so a plug's share of its stream's volume is its share of the time.
    """
    streams = [stream for stream in streams if sum(plug.volume for plug in stream) > CRUMB]
    if len(streams) < 2:
        return streams[0] if streams else []
    totals = [sum(plug.volume for plug in stream) for stream in streams]
    marks = {0.0, 1.0}
    for stream, total in zip(streams, totals, strict=True):
        passed = 0.0
        for plug in stream:
            passed += plug.volume / total
            marks.add(min(passed, 1.0))
    out: list[Plug] = []
    times = sorted(marks)
    cursors = [0] * len(streams)
    ends = [stream[0].volume / total for stream, total in zip(streams, totals, strict=True)]
    for begin, end in pairwise(times):
        if (end - begin) * sum(totals) <= CRUMB:
            continue
        middle, parts = (begin + end) / 2, []
        for index, (stream, total) in enumerate(zip(streams, totals, strict=True)):
            while ends[index] < middle and cursors[index] + 1 < len(stream):
                cursors[index] += 1
                ends[index] += stream[cursors[index]].volume / total
            parts.append(((end - begin) * total, stream[cursors[index]].liquid))
        join(out, Plug(sum(volume for volume, _ in parts), blend(parts)))
    return out
