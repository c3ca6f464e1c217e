"""One batch against the journal: what is done is skipped, what is next is noted, then done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from labmesh.clock import Clock
from labmesh.devices import Atmosphere
from labmesh.instrument import StepJournal, Supplies
from labmesh.node import Order
from messages.assembly import Part
from messages.errors import OrderError, OrderVoidError
from messages.model import JsonObject
from nodes.autobass._interlocks import unfit
from nodes.autobass._layout import PARTS
from nodes.autobass._parameters import AutobassParameters
from nodes.autobass._plan import Batch, Step, left_to_do, tray
from nodes.autobass._records import SCRAP, position_of
from nodes.autobass._station import Station

_WETS = ("wash", "aspirate")
"""Kinds of steps after which the needle holds traces of their electrolyte."""


class BatchRun:
    """Runs the plan of one order.

    Args:
        order: The order.
        journal: Of the instrument.
        supplies: Of the instrument.
        station: Does the steps.
        parameters: Of the node, asked at each step.
        clock: Of the experiment.
        tell: Tells the operator of the glovebox: why it pauses, or an empty text.
        pause: Awaited between two steps: returns when the instrument may go on.

    Attributes:
        cell: Number of the cell under way.
    """

    def __init__(
        self,
        order: Order[Any],
        journal: StepJournal,
        supplies: Supplies,
        station: Station,
        parameters: Callable[[], AutobassParameters],
        clock: Clock,
        tell: Callable[[str], None],
        pause: Callable[[], Awaitable[None]],
    ) -> None:
        self._order = order
        self._journal = journal
        self._supplies = supplies
        self._station = station
        self._parameters = parameters
        self._clock = clock
        self._tell = tell
        self._pause = pause
        self.cell = 0

    async def run(self, batch: Batch, steps: tuple[Step, ...]) -> None:
        """Do what remains of the plan; return early, between two cells, when it was cancelled.

        Raises:
            OrderVoidError: Cancelled, and the cell under way was given up.
            OrderError: A step cannot be begun (a supply is short, a step is in doubt).
            LabmeshError: A device failed; the cell under way is lost.
        """
        past = await asyncio.to_thread(self._journal.steps, self._order.request)
        done = {step.key for step in past if step.state == "done"}
        scrapped = {step.intent["cell"] for step in past if step.kind == SCRAP}
        todo = left_to_do(steps, done, scrapped)
        await self._reconcile(batch, done, scrapped)
        for number, step in enumerate(todo):
            if step.cell != self.cell or step.cell is None:
                # Between two cells nothing is lost by stopping.
                if self._order.cancel_requested and step.kind != "stand_by":
                    continue
                self.cell = step.cell or 0
            await self._between()
            air = await self._air()
            await self._say(number / len(todo), step.words)
            await self._do(batch, step, air)

    async def _do(self, batch: Batch, step: Step, air: Atmosphere) -> None:
        intent = step.intent(
            atmosphere={
                "oxygen": air.oxygen, "water": air.water, "temperature": air.temperature,
                "pressure": air.pressure,
            },
            **self._whence(batch, step),
        )  # fmt: skip
        async with self._journal.step(
            self._order.request, step.key, kind=step.kind, once=step.once, intent=intent,
            books=step.books,
        ) as noted:  # fmt: skip
            noted.result(**await self._station.run(step))
        # The post is free once its stack is in the crimper, the crimper once the cell is out.
        freed = {"load": "post", "store": "crimper"}.get(step.kind)
        if freed is not None:
            await asyncio.to_thread(self._supplies.refill, freed, 0.0, by=step.key)

    def _whence(self, batch: Batch, step: Step) -> JsonObject:
        if step.kind == "place" and step.part is not None:
            lot = self._supplies.supply(tray(step.part)).lot
            return {"lot": lot, "from": f"tray {step.part}, pit {step.pit}", "to": "post"}
        if step.kind == "store" and step.pit is not None:
            return {"from": "crimper", "to": position_of(step.pit)}
        if step.kind in ("wash", "aspirate", "dispense"):
            to = {"wash": "waste", "aspirate": f"vial {batch.vial}", "dispense": "post"}[step.kind]
            return {"lot": batch.electrolyte, "to": to}
        return {}

    async def _between(self) -> None:
        """Look, between two steps, whether it shall go on.

        Raises:
            OrderVoidError: Cancelled, and the cell under way shall be given up.
        """
        await self._pause()
        if self.cell and self._parameters().on_cancel == "scrap":
            self._order.check()

    async def _air(self) -> Atmosphere:
        """Return the atmosphere when it is fit; until then nothing moves.

        Raises:
            OrderVoidError: Cancelled while it waits: the cell under way is given up.
        """
        while True:
            p = self._parameters()
            air = await self._station.devices.glovebox.read()
            reasons = unfit(air, oxygen=p.oxygen_limit, water=p.water_limit)
            self._tell("; ".join(reasons))
            if not reasons:
                return air
            await self._say(None, f"paused: {'; '.join(reasons)}")
            await self._clock.sleep(p.atmosphere_check)
            self._order.check()

    async def _say(self, fraction: float | None, words: str) -> None:
        """Tell people; a cancel is looked for elsewhere, where it does no harm."""
        try:
            await self._order.feedback(fraction, words)
        except OrderVoidError:
            return

    async def _reconcile(self, batch: Batch, done: set[str], scrapped: set[Any]) -> None:
        """After a crash: post and crimper are taken by what the journal says, and by nothing else.

        A step that a person has vouched for does not free what the step itself would have freed.
        """
        post = crimper = False
        for cell in range(1, batch.cells + 1):
            name = f"cell{cell:02d}"
            if cell in scrapped:
                continue
            post = post or (f"{name}/{PARTS[0]}" in done and f"{name}/load" not in done)
            crimper = crimper or (f"{name}/load" in done and f"{name}/store" not in done)
        if done - {"allocate"}:
            for name, taken in (("post", post), ("crimper", crimper)):
                level = 1.0 if taken else 0.0
                await asyncio.to_thread(self._supplies.refill, name, level, by="the journal")


def last_electrolyte(journal: StepJournal) -> str:
    """Return the sample that was last in the needle; empty where the journal knows none."""
    for step in journal.recent(1000):
        if step.kind in _WETS and not step.dry_run and step.state != "not_done":
            return str(step.intent.get("lot", ""))
    return ""


def first_pits(supplies: Supplies) -> Mapping[Part, int]:
    """Return the first pit with a part in each tray: trays are used from their first pit on."""
    found: dict[Part, int] = {}
    for part in PARTS:
        supply = supplies.supply(tray(part))
        found[part] = round(supply.capacity - supply.level) + 1
    return found


def refuse_unfit(air: Atmosphere, p: AutobassParameters) -> None:
    """Refuse to begin in an unfit atmosphere.

    Raises:
        OrderError: It is unfit; nothing has moved.
    """
    reasons = unfit(air, oxygen=p.oxygen_limit, water=p.water_limit)
    if reasons:
        raise OrderError(
            f"the glovebox is not fit: {'; '.join(reasons)}",
            where="interlock glovebox",
            remedy="close it and wait until it is clean, then ask again",
        )
