"""What the devices do together: each kind of step as moves, guarded by the interlocks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from math import radians
from typing import Final

from labmesh.clock import Clock
from messages.model import JsonObject
from nodes.autobass._devices import Devices
from nodes.autobass._interlocks import Interlocks, Zone
from nodes.autobass._layout import Spot, TrayLayout
from nodes.autobass._parameters import AutobassParameters
from nodes.autobass._plan import Step
from nodes.autobass._vision import OffsetSource
from nodes.autobass.devices import Pose

_SAFE: Final = {
    side: tuple(radians(angle) for angle in (90.0 * side, -20.0, 30.0, 0.0, 80.0, 0.0))
    for side in (1, -1)
}
"""Joints of the safe posture on either side of the rail: elbow up, tool down, clear of all."""

_PRESS_DEPTH: Final = 2e-3
"""m below the height of placing, to press a stack; assumed."""


class Station:
    """Runs single steps. Knows nothing of orders, journals or batches.

    Args:
        devices: Connected.
        layout: Where things are.
        parameters: Of the node, asked at each step.
        clock: Of the experiment.
        offsets: The camera.
        interlocks: Guard every move.
    """

    def __init__(
        self,
        devices: Devices,
        layout: TrayLayout,
        parameters: Callable[[], AutobassParameters],
        clock: Clock,
        offsets: OffsetSource,
        interlocks: Interlocks,
    ) -> None:
        self.devices = devices
        self.layout = layout
        self.interlocks = interlocks
        self._parameters = parameters
        self._clock = clock
        self._offsets = offsets
        self._side = 1
        self._safe_side = 0
        self._rail_at: float | None = None
        self._kinds: dict[str, Callable[[Step], Awaitable[JsonObject]]] = {
            "prepare": self._prepare, "wash": self._wash, "place": self._place,
            "aspirate": self._aspirate, "dispense": self._dispense, "align": self._align,
            "press": self._press, "load": self._load, "crimp": self._crimp, "store": self._store,
            "stand_by": self._stand_by,
        }  # fmt: skip

    async def run(self, step: Step) -> JsonObject:
        """Do a step and return what was measured; plain values for the journal.

        Raises:
            InterlockError: An interlock forbids it; nothing was sent for that move.
            DeviceError: A device failed or was halted.
            WireError: A device does not answer.
        """
        return await self._kinds[step.kind](step)

    async def ready_arm(self) -> None:
        """Switch the arm on and bring it to its safe posture."""
        robot = self.devices.robot
        await robot.activate()
        await robot.home()
        self._safe_side, self._rail_at = 0, None  # where they stand is known to nobody
        await self._retreat()

    async def _prepare(self, step: Step) -> JsonObject:
        """Home everything. The arm first: the rail drives with the arm in its safe posture only."""
        await self.ready_arm()
        self.interlocks.crimper_ended()
        await self.devices.relays.off(self._parameters().crimper_relay)
        await self.devices.rail.home()
        await self._above(_at(step.target), "waste")
        expelled = await self.devices.dispenser.initialise()
        await self._retreat()
        return {"expelled": expelled}

    async def _wash(self, step: Step) -> JsonObject:
        """Purge with the new electrolyte, each time from the vial into the waste."""
        assert step.volume is not None  # noqa: S101 - the plan gives it
        used = 0.0
        for _ in range(step.cycles):
            await self._above(_at(step.origin), "vial", self.layout.heights.dispense)
            used += await self.devices.dispenser.aspirate(step.volume)
            await self._above(_at(step.target), "waste", self.layout.heights.dispense)
            await self.devices.dispenser.dispense(step.volume)
        await self._retreat()
        return {"purged": used, "cycles": step.cycles}

    async def _place(self, step: Step) -> JsonObject:
        """Pick a part and place it, corrected by its offset in the gripper."""
        p, part, heights = self._parameters(), step.part, self.layout.heights
        assert part is not None  # noqa: S101 - the plan gives it
        picking = self._now()
        await self._above(_at(step.origin), "tray", heights.pick)
        await self.devices.relays.on(p.vacuum_relay)
        await self._wait(p.settle)
        await self._lift(_at(step.origin))
        gripped = await self._offsets.gripped(step.key, part)
        picked = self._now()
        post = _at(step.target)
        corrected = Spot(post.rail, post.x - gripped.x, post.y - gripped.y)
        await self._above(corrected, "post", heights.place)
        await self.devices.relays.off(p.vacuum_relay)
        await self._wait(p.settle)
        await self._lift(corrected)
        await self._retreat()
        placed = await self._offsets.placed(step.key, part)
        return {
            "picking": picking, "picked": picked, "placed": self._now(),
            "gripped_offset": gripped.model_dump(), "offset": placed.model_dump(),
        }  # fmt: skip

    async def _aspirate(self, step: Step) -> JsonObject:
        assert step.volume is not None  # noqa: S101 - the plan gives it
        await self._above(_at(step.target), "vial", self.layout.heights.dispense)
        taken = await self.devices.dispenser.aspirate(step.volume)
        await self._lift(_at(step.target))
        await self._retreat()
        return {"volume": taken}

    async def _dispense(self, step: Step) -> JsonObject:
        assert step.volume is not None  # noqa: S101 - the plan gives it
        await self._above(_at(step.target), "post", self.layout.heights.dispense)
        given = await self.devices.dispenser.dispense(step.volume)
        dispensed = self._now()
        await self._wait(self._parameters().drop_wait)
        await self._lift(_at(step.target))
        await self._retreat()
        return {
            "asked": given.asked, "volume": given.volume, "steps": given.steps,
            "dispensed": dispensed, "dispenser": self.devices.dispenser.name,
        }  # fmt: skip

    async def _align(self, step: Step) -> JsonObject:
        """Push the stack to the centre from both directions with the tool beside it."""
        spot, heights = _at(step.target), self.layout.heights
        for x, y in ((0.012, 0.0), (-0.012, 0.0)):
            await self._above(Spot(spot.rail, spot.x + x, spot.y + y), "post", heights.place)
            await self._lift(Spot(spot.rail, spot.x + x, spot.y + y))
        await self._retreat()
        return {}

    async def _press(self, step: Step) -> JsonObject:
        hold = self._parameters().press_hold
        await self._above(_at(step.target), "post", self.layout.heights.place - _PRESS_DEPTH)
        await self._wait(hold)
        await self._lift(_at(step.target))
        await self._retreat()
        return {"hold": hold}

    async def _load(self, step: Step) -> JsonObject:
        await self._carry(_at(step.origin), "post", _at(step.target), "crimper")
        return {}

    async def _crimp(self, step: Step) -> JsonObject:
        """Pulse the crimper's relay and wait blindly: it reports neither force nor end."""
        p = self._parameters()
        self.interlocks.crimper_begins()
        begun = self._clock.now()
        try:
            await self.devices.relays.pulse(p.crimper_relay)
            await self._wait(p.crimp_wait)
        finally:
            self.interlocks.crimper_ended()
        return {
            "sealed": self._now(), "duration": (self._clock.now() - begun) / 1e9,
            "force": None, "words": "the crimper reads back no force",
        }  # fmt: skip

    async def _store(self, step: Step) -> JsonObject:
        retrieved = await self._carry(_at(step.origin), "crimper", _at(step.target), "tray")
        return {"retrieved": retrieved, "stored": self._now()}

    async def _stand_by(self, step: Step) -> JsonObject:
        await self._retreat()
        await self._drive(_at(step.target).rail)
        return {}

    async def _carry(self, origin: Spot, start: Zone, target: Spot, end: Zone) -> str:
        """Carry what is a piece by vacuum; return when it was taken."""
        p, heights = self._parameters(), self.layout.heights
        await self._above(origin, start, heights.pick)
        await self.devices.relays.on(p.vacuum_relay)
        await self._wait(p.settle)
        await self._lift(origin)
        taken = self._now()
        await self._above(target, end, heights.pick)
        await self.devices.relays.off(p.vacuum_relay)
        await self._wait(p.settle)
        await self._lift(target)
        await self._retreat()
        return taken

    async def _above(self, spot: Spot, zone: Zone, height: float | None = None) -> None:
        """Bring the tool over a spot, and down to ``height``: rail first, with the arm safe."""
        side = 1 if spot.y > 0 else -1
        await self._retreat()
        await self._drive(spot.rail)
        self._side = side
        await self._retreat()
        self.interlocks.arm_to(zone)
        self._safe_side = 0
        await self.devices.robot.move_pose(self._down(spot, self.layout.heights.travel))
        if height is not None:
            await self.devices.robot.move_linear(self._down(spot, height))

    async def _lift(self, spot: Spot) -> None:
        await self.devices.robot.move_linear(self._down(spot, self.layout.heights.travel))

    async def _retreat(self) -> None:
        """Go to the safe posture of the present side, unless the arm is there."""
        if self._safe_side != self._side:
            await self.devices.robot.move_joints(_SAFE[self._side])
            self._safe_side = self._side
        self.interlocks.arm_to("safe")

    async def _drive(self, position: float) -> None:
        if position != self._rail_at:
            self.interlocks.rail_to(position)
            self._rail_at = None
            await self.devices.rail.move_to(position)
            self._rail_at = position

    def _down(self, spot: Spot, height: float) -> Pose:
        return Pose(spot.x, spot.y, height, radians(180.0), 0.0, 0.0)

    async def _wait(self, seconds: float) -> None:
        if not self._parameters().dry_run:
            await self._clock.sleep(seconds)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.now() / 1e9, UTC).isoformat()


def _at(spot: Spot | None) -> Spot:
    if spot is None:
        raise ValueError("the step has no such place")
    return spot
