"""The devices of the rig: opened by their addresses, stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from labmesh.clock import Clock
from labmesh.devices import RelayBoard
from labmesh.wire import ByteWire, FolderWire, byte_wire, folder_wire
from nodes.asab._device_parameters import DeviceParameters
from nodes.asab._stocks import Stock
from nodes.asab.devices import Balance, Densimeter, Potentiostat
from nodes.asab.fluidics import Bus, Fluidics, Gas, Rig, SimulatedBus, load_rig
from nodes.asab.fluidics.qmix import QmixBus
from nodes.asab.sim import FLUIDICS, Truth

W = TypeVar("W", ByteWire, FolderWire)


@dataclass(frozen=True, slots=True)
class Guards:
    """How a wire is guarded against what is sent during a stop.

    Attributes:
        bytes: For serial lines.
        folder: For folders.
    """

    bytes: Callable[[ByteWire], ByteWire]
    folder: Callable[[FolderWire], FolderWire]


class RelayGas:
    """Gas behind a relay.

    Args:
        board: The relays.
        relay: Which.
        follow: The simulated tubing, which cannot see the relay, is told what it confirmed.
    """

    def __init__(
        self, board: RelayBoard, relay: int, follow: Callable[[bool], None] | None = None
    ) -> None:
        self._board = board
        self._relay = relay
        self._follow = follow

    async def set(self, on: bool) -> None:
        """Open or close; errors as `RelayBoard.on`."""
        await (self._board.on(self._relay) if on else self._board.off(self._relay))
        if self._follow is not None:
            self._follow(on)

    async def halt(self) -> None:
        """Close at once."""
        if self._follow is not None:
            self._follow(False)
        await self._board.halt()


class SimulatedGas:
    """Gas that is simulated with the fluidics."""

    def __init__(self, bus: SimulatedBus) -> None:
        self._bus = bus

    async def set(self, on: bool) -> None:
        """Open or close."""
        self._bus.let_gas(on)

    async def halt(self) -> None:
        """Close."""
        self._bus.let_gas(False)


@dataclass(slots=True)
class Devices:
    """What is there.

    Attributes:
        rig: The tubing on paper.
        bus: Pumps and valves; None in a dry run.
        fluidics: Their driver, with the gas.
        densimeter: None where there is none.
        potentiostat: None where there is none.
        balance: None where there is none.
        relays: None where there is none.
    """

    rig: Rig
    bus: Bus | None
    fluidics: Fluidics
    densimeter: Densimeter | None
    potentiostat: Potentiostat | None
    balance: Balance | None
    relays: RelayBoard | None

    async def connect(self) -> None:
        """Open everything; errors as the drivers'."""
        if self.relays is not None:
            await self.relays.connect()
        self.fluidics.open()
        for driver in (self.densimeter, self.potentiostat, self.balance):
            if driver is not None:
                await driver.connect()

    async def close(self) -> None:
        """Close everything, also where one cannot be closed."""
        drivers = (self.densimeter, self.potentiostat, self.balance, self.relays)
        try:
            self.fluidics.close()
        finally:
            await asyncio.gather(
                *(driver.close() for driver in drivers if driver is not None),
                return_exceptions=True,
            )

    async def halt(self) -> list[BaseException]:
        """Stop the pumps, the gas and the potentiostat at once; return what was not stopped."""
        stops = [self.fluidics.halt()]
        if self.potentiostat is not None:
            stops.append(self.potentiostat.halt())
        found = await asyncio.gather(*stops, return_exceptions=True)
        return [error for error in found if error is not None]

    async def reset(self) -> None:
        """Make everything ready again after a stop."""
        if self.relays is not None:
            await self.relays.reset_error()
        self.fluidics.reset()

    def place(self, vessel: str, volume: float = 0.0) -> None:
        """Tell the simulated tubing what a person has put there; real hardware needs no telling."""
        if isinstance(self.bus, SimulatedBus):
            self.bus.place(vessel, volume)


def make_devices(
    parameters: DeviceParameters,
    stocks: Sequence[Stock],
    clock: Clock,
    guards: Guards,
    *,
    folder: Path,
    seed: int,
    bottles: dict[str, float],
    dry_run: bool,
) -> Devices:
    """Return the devices, not yet open.

    Args:
        parameters: Addresses.
        stocks: In the bottles; the simulated ones err as a seed says.
        clock: Of the experiment.
        guards: Around every wire.
        folder: The node's.
        seed: Of the simulated world.
        bottles: m3 by fluid in the bottles, for a simulated world that begins.
        dry_run: No wires: nothing is sent.

    Raises:
        ConfigurationError: The rig file or an address is wrong.
        MissingProgramError: CETONI's library is asked for and not there.
    """
    p, rig = parameters, load_rig(parameters.rig_file or None)
    bus: Bus | None = None
    if not dry_run and p.pumps == "qmixsdk":
        bus = QmixBus(rig, p.qmix_config)
    elif not dry_run:
        world = Path(p.world) if p.world else folder / "world"
        levels = {v.name: bottles[v.fluid] for v in rig.vessels if v.fluid in bottles}
        bus = SimulatedBus(
            rig, clock, world / FLUIDICS, describe=Truth(stocks, seed).describe, bottles=levels
        )

    def session(name: str) -> Path | None:
        return Path(p.record) / f"{name}.wire" if p.record else None

    def line(address: str, name: str) -> ByteWire | None:
        if dry_run:
            return None
        return guards.bytes(byte_wire(address, record=session(name)))

    relays = None
    gas: Gas | None = SimulatedGas(bus) if isinstance(bus, SimulatedBus) else None
    if p.relays and rig.gas is not None:
        relay = rig.gas.relay
        relays = RelayBoard(
            line(p.relays, "relays"), clock=clock, count=max(4, relay), off_at_halt=(relay,)
        )
        follow = bus.let_gas if isinstance(bus, SimulatedBus) else None
        gas = RelayGas(relays, relay, follow)
    if rig.gas is None:
        gas = None
    densimeter = potentiostat = balance = None
    if p.densimeter:
        folder_of = None
        if not dry_run:
            folder_of = guards.folder(folder_wire(p.densimeter, record=session("densimeter")))
        densimeter = Densimeter(folder_of, clock=clock)
    if p.potentiostat:
        potentiostat = Potentiostat(line(p.potentiostat, "potentiostat"), clock=clock)
    if p.balance:
        balance = Balance(line(p.balance, "balance"), clock=clock)
    return Devices(
        rig, bus, Fluidics(bus, gas, rig, clock), densimeter, potentiostat, balance, relays
    )
