"""A syringe heater: its driver, its simulator and its node.

`labmesh sim heater:SimulatedHeater --link /tmp/heater` and `labmesh run heater:Heater`.
"""

import asyncio
import math
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from labmesh import Order, OrderError, capability, parameter
from labmesh.devices import DeviceError, LimitError
from labmesh.instrument import InstrumentNode, InstrumentParameters
from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from labmesh.wire import ByteWire, byte_wire
from messages.meaning import Term
from messages.model import Model, Real, Unit

ZERO = 273.15  # K, of the instrument's degrees Celsius
LOWEST, HIGHEST = 278.15, 363.15  # K; manual, section 2: 5 to 90 °C
ERRORS = {"1": "unknown command", "2": "set point out of range", "9": "sensor open, heater off"}


class HeaterDriver:
    """Driver of the syringe heater SH-1, on a serial line with 19200 8N1.

    Args:
        wire: The line; None is a dry run: everything is checked, no byte is sent.
        patience: Seconds to wait for an answer.
    """

    def __init__(self, wire: ByteWire | None, *, patience: float = 1.0) -> None:
        self.wire = wire
        self.patience = patience
        self.lock = asyncio.Lock()
        self.name = "none: dry run"
        self.target = 298.15

    async def open(self) -> None:
        """Open the line and make sure that the right instrument is at its end."""
        if self.wire is None:
            return
        await self.wire.open()
        self.name = await self.ask("ID?")
        if not self.name.startswith("SH-1"):
            what = f"{self.name!r} is no SH-1"
            raise DeviceError(what, where=self.wire.address, remedy="is it the right port?")

    async def close(self) -> None:
        """Close the line."""
        if self.wire is not None:
            await self.wire.close()

    async def temperature(self) -> float:
        """Return the temperature in K; in a dry run the one it would have."""
        if self.wire is None:
            return self.target
        return float((await self.ask("T?")).removeprefix("T=")) + ZERO

    async def heat(self, temperature: float) -> None:
        """Set the temperature in K that it goes to; LimitError outside 278.15 to 363.15 K."""
        if not LOWEST <= temperature <= HIGHEST:
            raise LimitError(
                f"{temperature:.2f} K is outside {LOWEST} to {HIGHEST} K",
                remedy="the syringe's plunger melts above, its content freezes below",
            )
        self.target = temperature
        await self.ask(f"S={temperature - ZERO:.2f}")

    async def halt(self) -> None:
        """Switch the heater off now: no lock, no waiting for an answer."""
        if self.wire is not None:
            await self.wire.write(b"OFF\r")

    async def ask(self, command: str) -> str:
        """Send a command once and return the answer; DeviceError where that is an error."""
        if self.wire is None:
            return ""
        async with self.lock:
            await self.wire.discard_input()
            await self.wire.write(command.encode("ascii") + b"\r")
            line = await self.wire.read_until(b"\r", timeout=self.patience)
        answer = line.decode("ascii", "replace").removesuffix("\r")
        if answer.startswith("ERR "):
            code = answer.removeprefix("ERR ")
            what = ERRORS.get(code, "an error that the manual does not know")
            raise DeviceError(f"{command}: {what} ({code})", where=self.wire.address, code=code)
        return answer


class HeaterOptions(SimulatorOptions):
    """What may be set of the simulated heater."""

    room: float = Field(default=25.0, description="temperature at the start, °C")
    slowness: float = Field(default=60.0, gt=0, description="time constant of the heater, s")


class SimulatedHeater(Simulator[HeaterOptions]):
    """A heater that approaches its set point exponentially."""

    title = "Syringe heater SH-1 (simulated)"
    ports = (SimPort("serial", "serial", description="ASCII, ended by CR", settings="baud=19200"),)
    fault_kinds: ClassVar = {"sensor": "the sensor's wire is broken: ERR 9, and the heater is off"}
    Options = HeaterOptions

    async def start(self) -> None:
        """As after power-up: as warm as the room, the heater off."""
        self.value = self.target = self.options.room
        self.since = self.clock.now()

    async def serve(self, port: str, line: SimLine) -> None:
        """Answer commands."""
        while True:
            command = (await line.read_until(b"\r")).decode("ascii", "replace").strip()
            await line.write(self.answer(command).encode("ascii") + b"\r")

    def answer(self, command: str) -> str:
        """Return the answer to one command."""
        passed, self.since = (self.clock.now() - self.since) / 1e9, self.clock.now()
        self.value += (self.target - self.value) * -math.expm1(-passed / self.options.slowness)
        if self.faults.strike("sensor"):
            self.target = self.options.room
            return "ERR 9"
        if command == "ID?":
            return "SH-1 1.2 simulated"
        if command == "T?":
            return f"T={self.value:.2f}"
        if command == "OFF":
            self.target = self.options.room
            return "OK"
        if command.startswith("S="):
            try:
                wanted = float(command.removeprefix("S="))
            except ValueError:
                return "ERR 1"
            if not 5 <= wanted <= 90:  # the device checks by itself: never trust the driver alone
                return "ERR 2"
            self.target = wanted
            return "OK"
        return "ERR 1"


class HeaterParameters(InstrumentParameters):
    """What an operator may set."""

    wire: str = parameter(
        "serial:///dev/ttyUSB0?baud=19200", description="address of the line", effect="configure"
    )
    record: Path | None = parameter(
        None, description="file to record the session with the instrument to", effect="configure"
    )
    tolerance: float = parameter(0.5, gt=0, unit="K", description="close enough to the set point")


class SetPoint(Model, term="HeatTreatment"):
    """What a request says."""

    temperature: Annotated[Real, Unit("K"), Term("ThermodynamicTemperature")]


class Reached(Model, term="HeatTreatment"):
    """What a result says."""

    temperature: Annotated[Real, Unit("K"), Term("ThermodynamicTemperature")]


class Heater(InstrumentNode[HeaterParameters]):
    """The syringe heater SH-1 as a node."""

    Parameters = HeaterParameters

    async def on_configure(self) -> None:
        """Connect."""
        p = self.parameters
        wire = None if self.dry_run else byte_wire(p.wire, record=p.record)
        self.heater = HeaterDriver(wire)
        await self.heater.open()

    async def on_cleanup(self) -> None:
        """Let go of the line."""
        await self.heater.close()

    async def halt(self) -> None:
        """Stop heating now."""
        await self.heater.halt()

    def limitations(self, quantity: str, method: str) -> dict[str, object]:
        """Refuse at the ledger's door what the driver would refuse."""
        return {"properties": {"temperature": {"minimum": LOWEST, "maximum": HIGHEST}}}

    @capability("temperature", "syringe_heater", worker="instrument", resource="heater")
    async def reach(self, order: Order[SetPoint]) -> Reached:
        """Bring the syringe to a temperature."""
        target = order.parameters.temperature
        with self.busy(order):
            try:
                await self.heater.heat(target)
                while (
                    abs((now := await self.heater.temperature()) - target)
                    > self.parameters.tolerance
                ):
                    await order.feedback(None, f"{now:.1f} K")
                    await self.clock.sleep(5)
            except DeviceError as error:
                await self.heater.halt()
                raise OrderError(str(error), remedy=error.remedy) from error
        order.note(device=self.heater.name)  # a simulated one says so
        order.rate(success=True, rating=5, reason=f"within {self.parameters.tolerance} K")
        return Reached(temperature=now)
