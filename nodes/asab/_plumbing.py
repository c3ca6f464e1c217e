"""What is done with liquids: fill, prime, mix, blow, rinse, clean; each step in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

from labmesh import Order
from labmesh.instrument import StepJournal, Supplies
from messages.errors import OrderError, OrderVoidError, SupplyShortError
from nodes.asab._device_parameters import DeviceParameters
from nodes.asab._tube_book import CLEAN, TubeBook
from nodes.asab.fluidics import (
    MIXER,
    ML,
    Fluidics,
    FluidicsError,
    Portion,
    Recipe,
    Rig,
    Way,
    feed_of,
    filling,
    find_way,
    plan_dosing,
    pump_of,
    waste_of,
    way_to,
)
from nodes.asab.sim import RINSE

WASTE: Final = "waste"
VIALS: Final = "vials"


def stock_supply(fluid: str) -> str:
    """Return the name of a bottle in the book of supplies."""
    return RINSE if fluid == RINSE else f"stock/{fluid}"


class Plumbing:
    """Moves liquid for one node; every volume is booked before it moves.

    Args:
        fluidics: The driver.
        rig: On paper.
        parameters: Of the devices, as they are now.
        journal: Of steps.
        supplies: Bottles, waste and vials.
        book: Of tubes.
        checkpoint: Between two steps: waits, or raises, as the instrument's condition says.
    """

    def __init__(
        self,
        fluidics: Fluidics,
        rig: Rig,
        parameters: Callable[[], DeviceParameters],
        journal: StepJournal,
        supplies: Supplies,
        book: TubeBook,
        checkpoint: Callable[[Order[Any]], Awaitable[None]],
    ) -> None:
        self._fluidics = fluidics
        self._rig = rig
        self._of = parameters
        self._journal = journal
        self._supplies = supplies
        self._book = book
        self._checkpoint = checkpoint
        self._count = 0
        self._tidying = False

    def primed(self) -> set[str]:
        """Return the pumps whose lines hold their own fluid."""
        holds, primed = self._book.holds(), set()
        for pump in self._rig.pumps:
            bottle, lines = self._lines(pump.name)
            fluid = self._rig.vessel(bottle).fluid
            if all(holds.get(name) == fluid for name in lines):
                primed.add(pump.name)
        return primed

    def dirty(self) -> dict[str, str]:
        """Return what tubes behind the pumps' own lines hold: request and sample, or worse."""
        own = {name for pump in self._rig.pumps for name in self._lines(pump.name)[1]}
        return {name: holds for name, holds in self._book.holds().items() if name not in own}

    def refuse_short(self, recipe: Recipe, *, vial: bool) -> None:
        """Refuse a recipe, with the cleaning after it, for which something does not suffice.

        Raises:
            OrderError: Naming every supply that is short; nothing has moved.
        """
        amounts = self._amounts(recipe.taken(), recipe.wasted)
        rinse = self._rinse_volume() * (2 if self.dirty() else 1)
        primes = self._of().prime_factor * sum(
            self._rig.tube(name).volume for name in self._lines(pump_of(self._rig, RINSE))[1]
        )
        amounts[RINSE] = amounts.get(RINSE, 0.0) + rinse + primes
        amounts[WASTE] = amounts.get(WASTE, 0.0) + rinse + primes
        if vial:
            amounts[VIALS] = 1.0
        try:
            self._supplies.check(amounts)
        except SupplyShortError as error:
            raise OrderError(
                error.what, where="supplies",
                remedy="refill (or empty) it, then tell it with supplies.refill",
            ) from error  # fmt: skip

    async def prepare(self, order: Order[Any], recipe: Recipe) -> None:
        """Clean what an earlier order left, and fill the lines of the pumps that will dose."""
        if self.dirty():
            await order.feedback(0.0, "cleaning what an earlier order left")
            await self.clean(order)
        await self._empty_syringes(order)
        for pump, volume in recipe.prime.items():
            await self._checkpoint(order)
            await order.feedback(None, f"filling the lines of {self._fluid(pump)}")
            await self._prime(order, pump, volume)

    async def mix(self, order: Order[Any], sample: str, recipe: Recipe, target: str) -> None:
        """Dose a recipe to its target. Done once an attempt, and never again by itself."""
        await self._checkpoint(order)
        tubes = {name for portion in recipe.portions for name in portion.way.names}
        taken = {pump: share * recipe.mixture for pump, share in recipe.shares.items()}
        wasted = recipe.wasted - sum(recipe.prime.values())
        books = self._amounts(taken, wasted)
        if target == "vial":
            books[VIALS] = 1.0
        intent = {
            "sample": sample,
            "target": target,
            "volumes": {self._fluid(pump): volume for pump, volume in taken.items()},
            "delivered": recipe.delivered,
            "remarks": list(recipe.remarks),
        }
        key = f"{order.attempt}/mix"
        stopped: BaseException | None = None
        async with self._journal.step(
            order.request, key, kind="mix", once=True, intent=intent, books=books
        ) as step:
            self._book.note(tubes, f"{sample} of request {order.request}")
            try:
                for portion in recipe.portions:
                    await self._dose(order, portion)
                if recipe.blows:
                    await self._blow(order, recipe.portions[-1].way)
            except (OrderVoidError, asyncio.CancelledError) as error:
                # The pumps stand still and the line is known to be dirty: nothing is in doubt.
                step.result(stopped=str(error))
                stopped = error
            else:
                step.result(delivered=recipe.delivered)
        if stopped is not None:
            raise stopped

    async def clean(self, order: Order[Any]) -> None:
        """Drain, rinse and blow out every way that is dirty; also what a stopped order left."""
        self._tidying = True
        try:
            await self._clean(order)
        finally:
            self._tidying = False

    async def _clean(self, order: Order[Any]) -> None:
        ways = self._dirty_ways()
        pump = pump_of(self._rig, RINSE)
        await self._empty_syringes(order)
        if pump not in self.primed():
            size = sum(self._rig.tube(name).volume for name in self._lines(pump)[1])
            await self._prime(order, pump, self._of().prime_factor * size)
        for name, way in ways.items():
            await self._blow(order, way)
            if name != "vial":
                for _ in range(self._of().rinses):
                    await self._rinse(order, pump, way)
                await self._blow(order, way)
            await self._fluidics.turn(self._rest())
            self._book.note([tube for tube in way.names if tube in self.dirty()], CLEAN)

    # Steps.

    async def _dose(self, order: Order[Any], portion: Portion) -> None:
        for index, stroke in enumerate(portion.dosing.strokes):
            if stroke.fills:
                need = filling(portion.dosing, index)
                await self._fill(order, {pump: v for pump, v in need.items() if v > 0})
                await self._open(portion.way, list(stroke.volumes))
            levels = {
                pump: (max(self._fluidics.level(pump) - volume, 0.0), stroke.flows[pump])
                for pump, volume in stroke.volumes.items()
            }
            await self._fluidics.move(levels, standing=self._standing(order))
        await self._fluidics.turn(self._rest())

    async def _fill(self, order: Order[Any], levels: Mapping[str, float]) -> None:
        """Aspirate from the bottles, as fast as wanted and allowed."""
        await self._fluidics.turn(self._rest())
        moves = {}
        for pump, level in levels.items():
            await self._fluidics.turn(feed_of(self._rig, pump)[1].valves)
            moves[pump] = (level, self._flow(pump))
        await self._fluidics.move(moves, standing=self._standing(order))
        await self._fluidics.turn(self._rest())

    async def _open(self, way: Way, pumps: list[str]) -> None:
        valves = dict(way.valves)
        for pump in pumps:
            valves |= find_way(self._rig, pump, MIXER).valves
        await self._fluidics.turn(valves)

    async def _prime(self, order: Order[Any], pump: str, volume: float) -> None:
        """Fill a pump's feeding tube, to the waste by its drain, then its line to the mixer."""
        bottle, lines = self._lines(pump)
        fluid = str(self._rig.vessel(bottle).fluid)
        sizes = [self._rig.tube(name).volume for name in lines]
        shares = [volume * size / sum(sizes) for size in sizes]
        aside = find_way(self._rig, MIXER, waste_of(self._rig), through=self._trunk())
        async with self._step(order, "prime", self._amounts({pump: volume}, volume), pump=pump):
            self._book.note(lines, f"{fluid} and air")
            self._book.note(aside.names, f"{fluid} of priming")
            await self._fill(order, {pump: shares[0]})
            await self._drain(order, pump)
            await self._fill(order, {pump: shares[1]})
            await self._open(aside, [pump])
            await self._fluidics.move(
                {pump: (0.0, self._flow(pump))}, standing=self._standing(order)
            )
            await self._blow(order, aside)
            await self._fluidics.turn(self._rest())
            self._book.note(lines, fluid)
            self._book.note(aside.names, CLEAN if fluid == RINSE else f"{fluid} of priming")

    async def _empty_syringes(self, order: Order[Any]) -> None:
        for pump in self._rig.pumps:
            left = self._fluidics.level(pump.name)
            if left > 1e-6 * pump.syringe:
                async with self._step(order, "empty", {WASTE: left}, pump=pump.name):
                    await self._drain(order, pump.name)

    async def _drain(self, order: Order[Any], pump: str) -> None:
        await self._fluidics.turn(self._rest())
        drain = find_way(self._rig, pump, waste_of(self._rig), avoiding=[MIXER])
        await self._fluidics.turn(drain.valves)
        await self._fluidics.move({pump: (0.0, self._flow(pump))}, standing=self._standing(order))
        await self._fluidics.turn(self._rest())

    async def _blow(self, order: Order[Any], way: Way) -> None:
        p = self._of()
        await self._fluidics.turn(self._rest() | dict(way.valves))
        await self._fluidics.blow(p.gas_pulses, p.gas_on, p.gas_off, standing=self._standing(order))
        await self._fluidics.wait(p.settling, standing=self._standing(order))

    async def _rinse(self, order: Order[Any], pump: str, way: Way) -> None:
        p = self._of()
        volume = p.rinse_factor * way.volume
        limits = {pump: self._rig.pump(pump).limits}
        dosing = plan_dosing({pump: volume}, limits, p.rinse_flow)
        async with self._step(order, "rinse", {RINSE: volume, WASTE: volume}, way=list(way.names)):
            await self._dose(order, Portion(volume, way, dosing, "to rinse"))

    def _step(self, order: Order[Any], kind: str, books: Mapping[str, float], **intent: Any) -> Any:
        """A step that may be repeated, with a key of its own."""
        self._count += 1
        request: UUID = order.request
        key = f"{order.attempt}/{kind}/{self._count}"
        return self._journal.step(request, key, kind=kind, once=False, intent=intent, books=books)

    def _standing(self, order: Order[Any]) -> Callable[[], None]:
        """Return what breaks a movement off: an order that is void, but not while cleaning."""
        return (lambda: None) if self._tidying else order.check

    # What follows from the rig.

    def _flow(self, pump: str) -> float:
        limits = self._rig.pump(pump).limits
        return min(max(self._of().rinse_flow, limits.least_flow), limits.greatest_flow)

    def _fluid(self, pump: str) -> str:
        return str(self._rig.vessel(feed_of(self._rig, pump)[0]).fluid)

    def _amounts(self, taken: Mapping[str, float], wasted: float) -> dict[str, float]:
        amounts = {stock_supply(self._fluid(pump)): volume for pump, volume in taken.items()}
        return amounts | {WASTE: wasted}

    def _lines(self, pump: str) -> tuple[str, list[str]]:
        bottle, feed = feed_of(self._rig, pump)
        line = find_way(self._rig, pump, MIXER)
        return bottle, [*feed.names, *line.names]

    def _trunk(self) -> list[str]:
        try:
            way = way_to(self._rig, "vial")
        except FluidicsError:
            return []
        return [tube.name for tube in way.tubes if tube.valve is None]

    def _ways(self) -> dict[str, Way]:
        """Return every way behind the mixer, the last one last."""
        ways = {"cells": way_to(self._rig, "cells")}
        aside = find_way(self._rig, MIXER, waste_of(self._rig), through=self._trunk())
        if self._trunk():
            ways["vial"] = way_to(self._rig, "vial")
        ways["waste"] = aside
        return ways

    def _dirty_ways(self) -> dict[str, Way]:
        """Return the ways to be cleaned, each of which holds something that no other one does."""
        left, ways = set(self.dirty()), self._ways()
        common = set.intersection(*(set(way.names) for way in ways.values()))
        return {
            name: way
            for name, way in ways.items()
            if (set(way.names) - common) & left or (name == "waste" and common & left)
        }

    def _rinse_volume(self) -> float:
        p = self._of()
        return sum(
            p.rinses * p.rinse_factor * way.volume
            for name, way in self._ways().items()
            if name != "vial"
        )

    def _rest(self) -> dict[str, int]:
        """Return the position of each valve that opens no tube."""
        used: dict[str | None, set[int | None]] = {}
        for tube in self._rig.tubes:
            used.setdefault(tube.valve, set()).add(tube.position)
        return {
            valve.name: next(i for i in range(valve.positions) if i not in used[valve.name])
            for valve in self._rig.valves
        }


def in_millilitres(volumes: Mapping[str, float]) -> str:
    """Return volumes in words."""
    return ", ".join(f"{v / ML:.3f} mL {name}" for name, v in volumes.items() if v > 0)
