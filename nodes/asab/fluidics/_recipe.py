"""From shares of fluids to what moves: priming, purging, dosing, and what it takes and spills."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from nodes.asab.fluidics._path import Way, find_way
from nodes.asab.fluidics._rig import Rig
from nodes.asab.fluidics._strokes import Dosing, plan_dosing
from nodes.asab.fluidics._verbs import ML, FluidicsError

MIXER = "mixer"
"""The point of the tubing where the pumps' lines meet."""

Target = Literal["cells", "vial"]
"""Where a mixture goes: through the measuring cells, or into the vial at the outlet."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Mixture that is dosed on one way.

    Attributes:
        volume: m3.
        way: Where to.
        dosing: How.
        words: What for.
    """

    volume: float
    way: Way
    dosing: Dosing
    words: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything of one mixture, before anything moves.

    Attributes:
        shares: Volume fractions of the mixture by pump.
        prime: Pumps whose lines are filled with their own fluid first, m3 that each gives for it.
        portions: The mixture, in order: what purges, then what is kept.
        delivered: m3 of mixture in the vial, or in the cells and before them.
        blows: Whether gas pushes the last of it to the target.
    """

    shares: Mapping[str, float]
    prime: Mapping[str, float]
    portions: tuple[Portion, ...]
    delivered: float
    blows: bool

    @property
    def mixture(self) -> float:
        """M3 of mixture in all, also what is purged."""
        return sum(portion.volume for portion in self.portions)

    def taken(self) -> dict[str, float]:
        """Return m3 that each pump takes from its bottle."""
        need = dict(self.prime)
        for pump, share in self.shares.items():
            need[pump] = need.get(pump, 0.0) + share * self.mixture
        return need

    @property
    def wasted(self) -> float:
        """M3 that end in the waste by this mixture alone, cleaning not counted."""
        kept = self.delivered if self.blows else 0.0
        return sum(self.prime.values()) + self.mixture - kept

    @property
    def seconds(self) -> float:
        """How long the pumps dose."""
        return sum(s.seconds for portion in self.portions for s in portion.dosing.strokes)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Where limits made the plan another one, in words."""
        return tuple(dict.fromkeys(r for p in self.portions for r in p.dosing.remarks))


def pump_of(rig: Rig, fluid: str) -> str:
    """Return the pump that is fed from the bottle of a fluid.

    Raises:
        FluidicsError: There is no such bottle, or no way from it to a pump.
    """
    bottles = [v.name for v in rig.vessels if v.kind == "bottle" and v.fluid == fluid]
    for bottle in bottles:
        for pump in rig.pumps:
            try:
                find_way(rig, bottle, pump.name)
            except FluidicsError:
                continue
            return pump.name
    raise FluidicsError(
        f"no pump is fed with {fluid}", where="rig",
        remedy="the rig file names the fluid of each bottle as the stocks file does",
    )  # fmt: skip


def feed_of(rig: Rig, pump: str) -> tuple[str, Way]:
    """Return a pump's bottle and the way from there."""
    for vessel in rig.vessels:
        if vessel.kind == "bottle":
            try:
                return vessel.name, find_way(rig, vessel.name, pump)
            except FluidicsError:
                continue
    raise FluidicsError("no bottle feeds this pump", where=pump)


def waste_of(rig: Rig) -> str:
    """Return the name of the waste."""
    for vessel in rig.vessels:
        if vessel.kind == "waste":
            return vessel.name
    raise FluidicsError("the rig has no waste", where="rig")


def way_to(rig: Rig, target: Target, begin: str = MIXER) -> Way:
    """Return the way to a target: through every cell to the waste, or to the vial."""
    if target == "cells":
        cells = [tube.name for tube in rig.tubes if tube.cell]
        return find_way(rig, begin, waste_of(rig), through=cells)
    vial = next((vessel.name for vessel in rig.vessels if vessel.kind == "vial"), None)
    if vial is None:
        raise FluidicsError("the rig has no vial", where="rig")
    return find_way(rig, begin, vial)


def plan_recipe(
    rig: Rig,
    shares: Mapping[str, float],
    target: Target,
    volume: float,
    *,
    flow: float,
    purge: float,
    prime: float,
    primed: Collection[str] = (),
) -> Recipe:
    """Return how ``volume`` m3 of a mixture come to their target.

    A way is purged with ``purge`` times its dead volume of the mixture itself: up to the end of the
    last cell, or up to where the way to the vial leaves that to the waste. What then stands in the
    trunk is pushed into the vial by gas, and counts as delivered.

    Args:
        rig: On paper.
        shares: Volume fractions by fluid, of sum one.
        target: Where to.
        volume: m3 at the target; for the cells a least volume, which purging may exceed.
        flow: m3/s of all pumps together.
        purge: Times the dead volume.
        prime: Times the dead volume of a pump's own lines that fills them with its fluid.
        primed: Pumps whose lines hold their own fluid already.

    Raises:
        FluidicsError: The rig has no such way, or the volume is below what the way holds.
    """
    pumps = {pump_of(rig, fluid): share for fluid, share in shares.items() if share > 0}
    limits = {pump.name: pump.limits for pump in rig.pumps}
    priming = {
        pump: prime * (feed_of(rig, pump)[1].volume + find_way(rig, pump, MIXER).volume)
        for pump in pumps
        if pump not in primed
    }

    def portion(size: float, way: Way, words: str) -> Portion:
        parts = {pump: share * size for pump, share in pumps.items()}
        return Portion(size, way, plan_dosing(parts, limits, flow), words)

    way = way_to(rig, target)
    if target == "cells":
        last = [tube.name for tube in way.tubes if tube.cell][-1]
        size = max(volume, purge * way.until(last))
        return Recipe(pumps, priming, (portion(size, way, "through the cells"),), size, blows=False)
    aside = find_way(rig, MIXER, waste_of(rig), through=_before_last_valve(way))
    trunk = sum(tube.volume for tube in way.tubes if tube.name in aside.names)
    blows = rig.gas is not None
    size = volume - trunk if blows else volume + way.volume - trunk
    if size <= 0:
        raise FluidicsError(
            f"{volume / ML:.4g} mL is less than stands in the way to the vial "
            f"({trunk / ML:.4g} mL)", where="volume", remedy="ask for more",
        )  # fmt: skip
    purging = portion(purge * aside.volume, aside, "to purge the way")
    keeping = portion(size, way, "into the vial")
    return Recipe(pumps, priming, (purging, keeping), volume, blows)


def _before_last_valve(way: Way) -> list[str]:
    """Return the tubes of the way to the vial that lie before its last valve."""
    names = list(way.names)
    valved = [index for index, tube in enumerate(way.tubes) if tube.valve is not None]
    return names[: valved[-1]] if valved else []
