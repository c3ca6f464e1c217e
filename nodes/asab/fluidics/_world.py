"""The simulated fluidics: where every liquid is, and where it goes while time passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from messages.model import JsonObject
from nodes.asab.fluidics._liquid import AIR, CRUMB, Contents, Liquid, Plug, blend, merge, pure
from nodes.asab.fluidics._network import Flows, solve
from nodes.asab.fluidics._rig import Rig, Tube

FILM = 0.02
"""Fraction of the liquid that stays on a tube's wall when gas pushes it out; assumed."""


@dataclass(slots=True)
class Store:
    """A vessel's or a syringe's content, well mixed."""

    volume: float
    liquid: Liquid

    def take(self, volume: float) -> list[Plug]:
        """Take ``volume`` out; what is missing is air."""
        there = min(volume, self.volume)
        self.volume -= there
        stream = [Plug(there, self.liquid)] if there > CRUMB else []
        if volume - there > CRUMB:
            stream.append(Plug(volume - there, pure(AIR)))
        return stream

    def give(self, stream: Sequence[Plug]) -> None:
        """Put everything in, air as well."""
        parts = [(plug.volume, plug.liquid) for plug in stream if plug.volume > 0]
        if self.volume > CRUMB:
            parts.append((self.volume, self.liquid))
        if parts:
            self.volume = sum(volume for volume, _ in parts)
            self.liquid = blend(parts)


@dataclass(slots=True)
class FluidicWorld:
    """Every tube, vessel and syringe of a rig, in volumes (m3) of fluids.

    Plug flow in the tubes, ideal mixing in vessels and syringes, volumes add up. A bottle that is
    empty gives air. A line that was not purged still holds what was in it.

    Attributes:
        rig: On paper.
        tubes: Contents by name.
        vessels: Contents by name; air escapes from them.
        syringes: Contents by the pump's name; air stays in them.
        spilled: m3 that a full vessel could not take, by its name.
    """

    rig: Rig
    tubes: dict[str, Contents] = field(default_factory=dict)
    vessels: dict[str, Store] = field(default_factory=dict)
    syringes: dict[str, Store] = field(default_factory=dict)
    spilled: dict[str, float] = field(default_factory=dict)

    @classmethod
    def new(cls, rig: Rig, bottles: Mapping[str, float] | None = None) -> FluidicWorld:
        """Return a rig as it is set up: full bottles (or ``bottles``, m3 by name), dry tubes."""
        world = cls(rig)
        for tube in rig.tubes:
            world.tubes[tube.name] = Contents.of(tube.volume, pure(AIR))
        for vessel in rig.vessels:
            full = vessel.capacity if vessel.kind == "bottle" else 0.0
            level = (bottles or {}).get(vessel.name, full)
            world.vessels[vessel.name] = Store(level, pure(vessel.fluid or AIR))
        for pump in rig.pumps:
            world.syringes[pump.name] = Store(0.0, pure(AIR))
        return world

    def flows(self, valves: Mapping[str, int], pumps: Mapping[str, float], gas: bool) -> Flows:
        """Return which way everything goes.

        Args:
            valves: Positions by name.
            pumps: m3/s by name, dispensing > 0; pumps at rest may be left out.
            gas: Whether the gas is let in.
        """
        injected = {name: flow for name, flow in pumps.items() if flow}
        if gas and self.rig.gas is not None:
            injected[self.rig.gas.name] = self.rig.gas.flow
        return solve(self._open(valves), injected, [v.name for v in self.rig.vessels])

    def pass_time(self, seconds: float, flows: Flows, pumps: Mapping[str, float]) -> None:
        """Let the flows go on for ``seconds`` during which nothing is switched."""
        arriving: dict[str, list[list[Plug]]] = {}
        vented = {vessel.name for vessel in self.rig.vessels}
        gas = self.rig.gas.name if self.rig.gas else ""
        leaving = self._leaving(flows)
        for point in flows.order:
            drawn = sum(abs(flow) for _, flow in leaving.get(point, ())) * seconds
            streams = arriving.get(point, [])
            push = pumps.get(point, 0.0)
            if point in vented:
                self._fill(point, streams)
                streams = [self.vessels[point].take(drawn)] if drawn > 0 else []
            elif push > 0:
                streams = [*streams, self.syringes[point].take(push * seconds)]
            elif point == gas and drawn > 0:
                streams = [[Plug(drawn, pure(AIR))]]
            stream = merge(streams)
            if push < 0:
                self.syringes[point].give(_scaled(stream, -push * seconds))
            for tube, flow in leaving.get(point, ()):
                out = self.tubes[tube.name].push(
                    _scaled(stream, abs(flow) * seconds), film=FILM, backwards=flow < 0
                )
                end = tube.end if flow > 0 else tube.begin
                arriving.setdefault(end, []).append(out)

    def dump(self) -> JsonObject:
        """Return all of it in plain values."""
        return {
            "tubes": {
                name: [[plug.volume, dict(plug.liquid)] for plug in contents.plugs]
                for name, contents in self.tubes.items()
            },
            "vessels": {n: [store.volume, dict(store.liquid)] for n, store in self.vessels.items()},
            "syringes": {
                n: [store.volume, dict(store.liquid)] for n, store in self.syringes.items()
            },
            "spilled": dict(self.spilled),
        }

    def load(self, plain: JsonObject) -> None:
        """Take over what `dump` returned; what it does not know of stays as it is."""
        for name, plugs in plain["tubes"].items():
            if name in self.tubes:
                self.tubes[name] = Contents(deque(Plug(v, liquid) for v, liquid in plugs))
        for own, key in ((self.vessels, "vessels"), (self.syringes, "syringes")):
            own.update({n: Store(v, liquid) for n, (v, liquid) in plain[key].items() if n in own})
        self.spilled.update(plain["spilled"])

    def _open(self, valves: Mapping[str, int]) -> list[Tube]:
        return [t for t in self.rig.tubes if t.valve is None or valves[t.valve] == t.position]

    def _leaving(self, flows: Flows) -> dict[str, list[tuple[Tube, float]]]:
        leaving: dict[str, list[tuple[Tube, float]]] = {}
        for tube in self.rig.tubes:
            flow = flows.tubes.get(tube.name, 0.0)
            if flow:
                leaving.setdefault(tube.begin if flow > 0 else tube.end, []).append((tube, flow))
        return leaving

    def _fill(self, name: str, streams: Collection[list[Plug]]) -> None:
        wet = []
        for stream in streams:
            for plug in stream:
                share = 1 - plug.liquid.get(AIR, 0.0)
                if share * plug.volume > CRUMB:
                    liquid = {f: x / share for f, x in plug.liquid.items() if f != AIR}
                    wet.append(Plug(share * plug.volume, liquid))
        store, capacity = self.vessels[name], self.rig.vessel(name).capacity
        store.give(wet)
        if store.volume > capacity:
            self.spilled[name] = self.spilled.get(name, 0.0) + store.volume - capacity
            store.volume = capacity


def _scaled(stream: Sequence[Plug], volume: float) -> list[Plug]:
    total = sum(plug.volume for plug in stream)
    if total <= 0:
        return []
    return [Plug(plug.volume * volume / total, plug.liquid) for plug in stream]
