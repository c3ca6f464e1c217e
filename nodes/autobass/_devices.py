"""The devices of one AutoBASS, opened by their addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from labmesh.clock import Clock
from labmesh.devices import Glovebox, RelayBoard
from labmesh.wire import ByteWire, FolderWire, ModbusWire, byte_wire, modbus_wire
from messages.errors import ConfigurationError, LabmeshError
from nodes.autobass._parameters import AutobassParameters
from nodes.autobass.devices import (
    ML600,
    Dispenser,
    Lecp6,
    Linax,
    Meca500,
    Pose,
    Rail,
    RLine,
)

V = TypeVar("V", ByteWire, ModbusWire, FolderWire)

SIMULATORS: Final = {
    "robot": "meca500", "rail": "linax", "dispenser": "ml600", "relays": "relays",
    "glovebox": "glovebox",
}  # fmt: skip
"""Which simulator stands in for which device, for the errors' remedies."""


_POLL: Final = 0.1
"""Seconds of the experiment between two questions whether the rail stands."""


@dataclass(frozen=True, slots=True)
class Devices:
    """What moves, switches, dispenses and measures."""

    robot: Meca500
    rail: Rail
    dispenser: Dispenser
    relays: RelayBoard
    glovebox: Glovebox

    def all(self) -> dict[str, Any]:
        """Return them by name; what is to be stopped first comes first."""
        return {
            "robot": self.robot, "rail": self.rail, "dispenser": self.dispenser,
            "relays": self.relays, "glovebox": self.glovebox,
        }  # fmt: skip

    async def connect(self) -> None:
        """Open every line; nothing moves.

        Raises:
            LabmeshError: One does not answer; the others are closed again.
        """
        try:
            for device in self.all().values():
                await device.connect()
        except LabmeshError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close every line."""
        for device in self.all().values():
            await device.close()

    async def halt(self) -> list[str]:
        """Stop all that moves at once; return what went wrong with whom."""
        troubles: list[str] = []
        for name, device in self.all().items():
            if hasattr(device, "halt"):
                try:
                    await device.halt()
                except Exception as error:  # noqa: BLE001 - the others must be stopped all the same
                    troubles.append(f"{name}: {error}")
        return troubles

    async def reset(self) -> None:
        """Make them ready again after a halt; nothing moves."""
        for device in self.all().values():
            if hasattr(device, "reset_error"):
                await device.reset_error()

    async def alive(self) -> None:
        """Ask each for a sign of life.

        Raises:
            LabmeshError: One does not answer.
        """
        checks: list[Callable[[], Awaitable[object]]] = [
            self.robot.status, self.rail.position, self.dispenser.alive, self.glovebox.read,
        ]  # fmt: skip
        for check in checks:
            await check()


class Guard(Protocol):
    """Puts a wire behind the emergency stop's gate; as `InstrumentNode.guard`."""

    def __call__(self, wire: V, *, reads: bool = False) -> V:
        """Return the wire as drivers shall have it."""
        ...


def make_devices(p: AutobassParameters, clock: Clock, correction: float, guard: Guard) -> Devices:
    """Return drivers on unopened wires; on none in a dry run.

    Args:
        p: Addresses and limits.
        clock: Of the experiment.
        correction: Of dispensed volumes, from the calibration.
        guard: What every wire is passed through.

    Raises:
        ConfigurationError: An address is missing or malformed.
    """

    def line(name: str, open_: Callable[[str], V]) -> V | None:
        address = str(getattr(p, name))
        if p.dry_run:
            return None
        if not address:
            raise ConfigurationError(
                f"the {name} has no address",
                where=f"parameter {name}",
                remedy=f"give its address, start its simulator (labmesh sim {SIMULATORS[name]}), "
                "or set dry_run",
            )
        return guard(open_(address), reads=name == "glovebox")

    dispenser: Dispenser
    wire: ByteWire | None = line("dispenser", byte_wire)
    if p.dispenser_kind == "ml600":
        dispenser = ML600(
            wire, clock=clock, syringe=p.syringe, seconds_per_stroke=p.seconds_per_stroke,
            correction=correction,
        )  # fmt: skip
    else:
        dispenser = RLine(wire, clock=clock, correction=correction)
    rail: Rail
    if p.rail_kind == "linax":
        rail = Linax(line("rail", byte_wire), clock=clock, low=p.rail_low, high=p.rail_high,
                     speed=p.rail_speed, poll=_POLL)  # fmt: skip
    else:
        rail = Lecp6(line("rail", modbus_wire), clock=clock, low=p.rail_low, high=p.rail_high,
                     speed=p.rail_speed, poll=_POLL)  # fmt: skip
    glovebox: ModbusWire | None = line("glovebox", modbus_wire)
    return Devices(
        robot=Meca500(
            line("robot", byte_wire), clock=clock, tool=Pose(0, 0, p.tool_length),
            joint_speed=p.joint_speed, linear_speed=p.linear_speed,
        ),
        rail=rail,
        dispenser=dispenser,
        # The vacuum stays on at a halt: a part that falls onto the post or into the glovebox is
        # worse than one that is held.
        relays=RelayBoard(line("relays", byte_wire), clock=clock, off_at_halt=(p.crimper_relay,)),
        glovebox=Glovebox(glovebox),
    )  # fmt: skip
