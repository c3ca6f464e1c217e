"""The node of the assembly robot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final, cast

from labmesh.devices import DeviceError, HaltedError
from labmesh.instrument import EmergencyStopError
from labmesh.node import NodeOptions, Order, capability
from messages.cell import CellAssemblyInput, CellAssemblyOutput
from messages.errors import LabmeshError, OrderError, OrderVoidError
from messages.model import JsonObject
from messages.node import Level
from nodes.autobass._batch_run import BatchRun, first_pits, last_electrolyte, refuse_unfit
from nodes.autobass._desk import AssemblyDesk
from nodes.autobass._devices import Devices, make_devices
from nodes.autobass._interlocks import Interlocks
from nodes.autobass._layout import PARTS, TrayLayout, load_layout
from nodes.autobass._parameters import AutobassParameters
from nodes.autobass._plan import (
    DEFAULT_VOLUME,
    LARGEST,
    LARGEST_BATCH,
    SMALLEST,
    Batch,
    check_volume,
    needs,
    plan,
    tray,
    vial,
)
from nodes.autobass._result import Vial, summary
from nodes.autobass._station import Station
from nodes.autobass._status import BATCH_STEP
from nodes.autobass._vial import find_vial
from nodes.autobass._vision import SimulatedOffsets

_LAYOUT: Final = "layout/positions"
"""The calibration of the taught positions."""
_NEVER: Final = -1.0
"""Share that is never left: an empty place of the rack or a taken post is no trouble."""


class AutobassNode(AssemblyDesk):
    """AutoBASS: assembles CR2032 cells, one after another, from trays and a vial of electrolyte.

    Every step is in the journal before it is done. After a crash the robot says what lies on its
    post, and goes on where it stopped, or without the cell, when a person says so; nothing that
    changes a cell is done twice.
    """

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        # Whether the wires lead to hardware is known to whoever wrote their addresses.
        for key, bound in self._capabilities.items():
            spec = replace(bound.spec, simulated=self.parameters.simulated)
            self._capabilities[key] = replace(bound, spec=spec)
        self._devices: Devices | None = None

    async def on_configure(self) -> None:
        """Open every wire, read the layout, and know the supplies; nothing moves."""
        p = self.parameters
        layout = load_layout(p.layout_file)
        self._define_supplies(p, layout)
        for key, words in ((self._volume_key, "dispensed volume"), (_LAYOUT, "taught positions")):
            self.calibrations.declare(key, words)
            if p.simulated and self.calibrations.last(key) is None:
                self.calibrations.record(
                    key, who="nobody", method="none: the devices are simulated",
                    result={"correction": 1.0},
                )  # fmt: skip
        found = self.calibrations.last(self._volume_key)
        correction = float(found.result.get("correction", 1.0)) if found is not None else 1.0
        devices = make_devices(p, self.clock, correction, self.guard)
        await devices.connect()
        self._devices = devices
        self._station = Station(
            devices, layout, lambda: self.parameters, self.clock, SimulatedOffsets(p.seed),
            Interlocks(low=p.rail_low, high=p.rail_high),
        )  # fmt: skip

    async def on_activate(self) -> None:
        """Say what was in hand when the last process ended, and whether that left the robot held.

        A held robot is a fault before a batch begins on it, not the end of that batch.
        """
        await self._show_in_hand()
        try:
            await self._opened.robot.check_held()
        except DeviceError as error:
            self.fault(error.what, remedy=error.remedy)

    async def on_cleanup(self) -> None:
        """Close every wire."""
        await self._close()

    async def on_shutdown(self) -> None:
        """Close every wire."""
        await self._close()

    async def halt(self) -> None:
        """Stop arm, rail, dispenser and crimper at once."""
        if self._devices is not None:
            for error in await self._devices.halt():
                self.log.error(f"not stopped: {error}")

    async def on_reset(self) -> None:
        """Clear the devices' errors; nothing moves. The next batch homes them anew."""
        await self._opened.reset()

    async def heartbeat(self) -> None:
        """Ask every device whether it lives."""
        if not self.dry_run:
            await self._opened.alive()

    async def park(self) -> None:
        """Bring the arm to its safe posture."""
        if self._station is not None:
            await self._station.ready_arm()

    def limitations(self, quantity: str, method: str) -> JsonObject:
        """The vial is named; 10 to 80 uL of electrolyte a cell."""
        volume = {"minimum": SMALLEST - 1e-13, "maximum": LARGEST + 1e-13}
        vial_named = {
            "properties": {"electrolyte_info": {
                "type": "object", "required": ["sample"],
                "properties": {"sample": {"type": "string"}}}},
            "required": ["electrolyte_info"],
        }  # fmt: skip
        return {
            "properties": {
                "batch_size": {"maximum": LARGEST_BATCH},
                "cell_info": vial_named,
                "cell": {"properties": {"electrolyte_volume": {
                    "anyOf": [{"type": "null"}, {"type": "number", **volume}]}}},
            }
        }  # fmt: skip

    @capability(
        "cell_assembly", "autobass_assembly", worker="instrument", version=2, resource="robot"
    )
    async def assemble(self, order: Order[CellAssemblyInput]) -> CellAssemblyOutput:
        """A batch of CR2032 cells, assembled by a robot in a glovebox."""
        with self.busy(order):
            return await self._assemble(order)

    async def _assemble(self, order: Order[CellAssemblyInput]) -> CellAssemblyOutput:
        station, p = self._ready, self.parameters
        # Whatever is refused before the first step leaves the vial as it was.
        order.untouched = not await asyncio.to_thread(self.journal.steps, order.request)
        uncertainty = self.calibrations.valid(self._volume_key).result.get("uncertainty")
        self.calibrations.valid(_LAYOUT)
        refuse_unfit(await self._opened.glovebox.read(), p)
        known = await self._known_vial(order)
        batch = await self._allocate(order)
        order.untouched = False
        steps = plan(batch, station.layout)
        run = BatchRun(
            order, self.journal, self.supplies, station, lambda: self.parameters, self.clock,
            self._tell_air, self._may_go_on,
        )  # fmt: skip
        ended: LabmeshError | None = None
        try:
            await run.run(batch, steps)
        except LabmeshError as error:
            ended = error
            self._after_error(error)
        except asyncio.CancelledError:
            if self.gate.closed:  # the emergency stop; what was made by then is made
                await self._end(order, batch, uncertainty, run.cell, self.gate.closed, known)
            raise
        lost = run.cell if ended is not None else 0
        story, made = await self._end(
            order, batch, uncertainty, lost, f"{ended or 'finished'}", known
        )
        if ended is not None and not isinstance(ended, OrderVoidError):
            raise _given_up(ended)
        if not made:
            raise OrderVoidError("cancelled before the first cell", where=str(order.request))
        rating = summary(made, order.parameters.batch_size)
        order.rate(success=rating.success, rating=rating.rating, reason=rating.reason)
        order.performed(order.parameters.model_copy(update={"batch_size": len(made)}))
        return story.output(made)

    async def _allocate(self, order: Order[CellAssemblyInput]) -> Batch:
        """Find vial and pits, and see that everything suffices; the same when it is resumed.

        Raises:
            OrderError: Something is missing or wrong; nothing has moved.
        """
        asked, p = order.parameters, self.parameters
        info = asked.cell_info.electrolyte_info
        if info is None or info.sample is None:
            raise OrderError("no electrolyte is named", where="cell_info.electrolyte_info.sample")
        try:
            volume = check_volume(asked.cell.electrolyte_volume or DEFAULT_VOLUME)
        except ValueError as error:
            raise OrderError(str(error), where="cell.electrolyte_volume") from None
        dirty = last_electrolyte(self.journal) != info.sample
        wash = p.wash_cycles if dirty else 0
        before = self.journal.done(order.request, BATCH_STEP)
        if before is not None:
            return Batch(asked.batch_size, volume, before["first_pits"], before["vial"],
                         info.sample, p.wash_volume, wash)  # fmt: skip
        place = await self._find_vial(info.sample)
        batch = Batch(asked.batch_size, volume, first_pits(self.supplies), place, info.sample,
                      p.wash_volume, wash)  # fmt: skip
        self.supplies.check({**needs(batch), "post": 1.0, "crimper": 1.0})
        intent = {"cells": batch.cells, "volume": volume, "lot": info.sample, "words": "allocate",
                  "asked": asked.model_dump(mode="json")}  # fmt: skip
        async with self.journal.step(
            order.request, BATCH_STEP, kind="allocate", once=True, intent=intent
        ) as noted:
            noted.result(first_pits=dict(batch.first_pits), vial=place)
        return batch

    async def _known_vial(self, order: Order[CellAssemblyInput]) -> Vial | None:
        """Return the vial as the ledger knows it; errors as `find_vial`, and none is named."""
        info = order.parameters.cell_info.electrolyte_info
        if info is None or info.sample is None:
            raise OrderError("no electrolyte is named", where="cell_info.electrolyte_info.sample")
        return await find_vial(self.lab, info.sample, order.from_state)

    async def _find_vial(self, sample: str) -> int:
        count = self._ready.layout.vials.count
        racks = {number: self.supplies.supply(vial(number)) for number in range(1, count + 1)}
        for number, supply in racks.items():
            if supply.sample == sample:
                return number
        free = next((number for number, supply in racks.items() if not supply.sample), None)
        if not self.parameters.assume_vials or free is None:
            raise OrderError(
                f"no vial of the rack holds {sample}", where=str(self.id),
                remedy=f"put it in, then: labmesh service call {self.id} supplies.refill "
                f"'{{name: {vial(free or 1)}, amount: VOLUME_IN_M3, sample: {sample}, by: NAME}}'",
            )  # fmt: skip
        await asyncio.to_thread(
            self.supplies.refill, vial(free), None, sample=sample, by="assumed (assume_vials)"
        )
        return free

    def _after_error(self, error: LabmeshError) -> None:
        """A device that failed makes the instrument wait for a person; an order that did not."""
        if not isinstance(error, OrderError | HaltedError):
            self.fault(
                f"{type(error).__name__}: {error}", remedy="look at the robot, then reset it"
            )

    async def _may_go_on(self) -> None:
        """Wait between two steps while paused or parked, whether the order was cancelled or not."""
        await self.checkpoint(cast("Order[Any]", _Standing()))

    def _tell_air(self, why: str) -> None:
        level = Level.WARN if why else Level.OK
        self.diagnose("glovebox", level, why or "fit", remedy="wait, or close it" if why else "")

    def _define_supplies(self, p: AutobassParameters, layout: TrayLayout) -> None:
        define: Any = self.supplies.define
        for part in PARTS:
            define(tray(part), "parts", "1", float(layout.pits), lot=p.lots.get(part, ""))
        for number in range(1, layout.vials.count + 1):
            define(vial(number), "stock", "m3", p.vial_volume, level=0.0, low=_NEVER)
        define("waste", "waste", "m3", p.waste_volume)
        for name in ("post", "crimper"):
            define(name, "wear", "1", 1.0, low=_NEVER)

    @property
    def _volume_key(self) -> str:
        return f"{self.parameters.dispenser_kind}/volume"

    @property
    def _opened(self) -> Devices:
        return self._ready.devices

    async def _close(self) -> None:
        devices, self._devices, self._station = self._devices, None, None
        if devices is not None:
            await devices.close()


class _Standing:
    """Stands for an order that was cancelled, for as long as its cell is being finished."""

    def check(self) -> None:
        """Do nothing."""


def _given_up(error: LabmeshError) -> OrderError:
    """Return why an order ends; nobody repeats it by himself."""
    if isinstance(error, EmergencyStopError | OrderError):
        return error
    return OrderError(error.what, where=error.where, remedy=error.remedy)
