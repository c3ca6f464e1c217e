"""How several pumps dose a mixture: together, within their syringes' volumes and flows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nodes.asab.fluidics._syringe import Syringe, size_for
from nodes.asab.fluidics._verbs import ML, FluidicsError


@dataclass(frozen=True, slots=True)
class Stroke:
    """What the pumps dose at the same time.

    Attributes:
        volumes: m3 by pump.
        flows: m3/s by pump.
        fills: Whether the syringes are filled first, each with its share of what follows until the
            next filling.
    """

    volumes: Mapping[str, float]
    flows: Mapping[str, float]
    fills: bool = True

    @property
    def seconds(self) -> float:
        """How long the slowest pump takes."""
        return max((v / self.flows[pump] for pump, v in self.volumes.items()), default=0.0)


@dataclass(frozen=True, slots=True)
class Dosing:
    """A plan, and how it came about.

    Attributes:
        strokes: One after another.
        flow: m3/s of the pumps together while all of them run.
        remarks: Where the wanted flow or a single stroke was not possible, in words.
    """

    strokes: tuple[Stroke, ...]
    flow: float
    remarks: tuple[str, ...]


def plan_dosing(
    volumes: Mapping[str, float],
    syringes: Mapping[str, Syringe],
    flow: float,
    *,
    layer: float = 2e-7,
) -> Dosing:
    """Return how to dose ``volumes`` so that the pumps begin and end together.

    1. A volume above its syringe's takes several strokes, the same number for all pumps.
    2. Each pump's flow is its share of ``flow``. Where that is outside a pump's limits, all of them
       go faster or slower, as little as needed.
    3. Where no common flow suits (a share so small that its pump would be below its least flow
       while another is at its greatest), the small ones dose at their least flow for a part of the
       time, in layers of at most ``layer`` m3 of mixture, which mix on their way.

    Args:
        volumes: m3 by pump; zeros are left out.
        syringes: By pump.
        flow: m3/s wanted of all of them together.
        layer: m3.

    Raises:
        FluidicsError: Nothing is to be dosed, or a pump has no syringe.
    """
    wanted = {pump: volume for pump, volume in volumes.items() if volume > 0}
    if not wanted or not flow > 0:
        raise FluidicsError("nothing to dose: no volume, or no flow", where="planning")
    if strangers := [pump for pump in wanted if pump not in syringes]:
        raise FluidicsError(f"no syringe is known of {', '.join(strangers)}", where="planning")
    remarks: list[str] = []
    count = max(math.ceil(v / syringes[p].volume - 1e-9) for p, v in wanted.items())
    if count > 1:
        largest = max(wanted, key=lambda pump: wanted[pump] / syringes[pump].volume)
        better = size_for(wanted[largest], flow * wanted[largest] / sum(wanted.values()))
        advice = f"; one of {better.volume / ML:g} mL would do it in one" if better else ""
        remarks.append(
            f"{count} strokes: {wanted[largest] / ML:.4g} mL of {largest} is more than its "
            f"syringe of {syringes[largest].volume / ML:g} mL holds{advice}"
        )
    total = sum(wanted.values())
    shares = {pump: volume / total for pump, volume in wanted.items()}
    slowest = max(shares, key=lambda pump: syringes[pump].least_flow / shares[pump])
    fastest = min(shares, key=lambda pump: syringes[pump].greatest_flow / shares[pump])
    low = syringes[slowest].least_flow / shares[slowest]
    high = syringes[fastest].greatest_flow / shares[fastest]
    chosen = min(max(flow, low), high)
    if chosen != flow:
        bound = fastest if chosen == high else slowest
        word = "slower" if chosen < flow else "faster"
        remarks.append(
            f"{chosen / ML:.4g} instead of {flow / ML:.4g} mL/s, {word}, by the limits of {bound}"
        )
    flows = {
        pump: min(max(share * chosen, syringes[pump].least_flow), syringes[pump].greatest_flow)
        for pump, share in shares.items()
    }
    layers = 1
    if low > high:
        layers = max(1, math.ceil(total / count / layer))
        remarks.append(
            f"{layers} layers a stroke: {slowest} cannot dose as slowly as its share asks for"
        )
    part = {pump: volume / count / layers for pump, volume in wanted.items()}
    strokes = [Stroke(part, flows, fills=index % layers == 0) for index in range(count * layers)]
    return Dosing(tuple(strokes), chosen, tuple(remarks))


def filling(dosing: Dosing, index: int) -> dict[str, float]:
    """Return m3 by pump that must be in the syringes before stroke ``index``, one that fills."""
    need: dict[str, float] = {}
    for stroke in dosing.strokes[index : index + 1]:
        need = dict(stroke.volumes)
    for stroke in dosing.strokes[index + 1 :]:
        if stroke.fills:
            break
        need = {pump: need[pump] + volume for pump, volume in stroke.volumes.items()}
    return need
