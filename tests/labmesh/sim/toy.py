"""A device with every kind of port, for the tests of simulators."""

from __future__ import annotations

from pydantic import Field
from pymodbus.constants import ExcCodes
from pymodbus.simulator import DataType, SimData, SimDevice

from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from labmesh.wire import FolderWire


class ToyOptions(SimulatorOptions):
    """Options of the toy."""

    delay: float = Field(default=0.0, ge=0, description="seconds until it answers")


class Toy(Simulator[ToyOptions]):
    """Counts lines; its count is lost without power."""

    title = "Toy (simulated)"
    ports = (
        SimPort("control", "tcp", 10000, "lines"),
        SimPort("aux", "serial", description="the same", settings="baud=9600&bytes=7&parity=O"),
        SimPort("plc", "modbus_tcp", 1502, "registers"),
        SimPort("rail", "modbus_rtu", description="registers", settings="baud=38400&unit=3"),
        SimPort("files", "folder", description="files", settings="put=in&take=out"),
    )
    fault_kinds = {"nak": "it refuses the next line", "alarm": "its lamp is red"}  # noqa: RUF012
    Options = ToyOptions
    lamp = "green"

    async def start(self) -> None:
        self.lines = 0
        self.written: list[int] = []

    async def serve(self, port: str, line: SimLine) -> None:
        while True:
            text = await line.read_until(b"\r")
            if text == b"crash\r":
                raise ZeroDivisionError("oh")
            await self.clock.sleep(self.options.delay)
            if self.faults.take("nak"):
                await line.write(b"\x15\r")
                continue
            self.lines += 1
            await line.write(b"%d %s" % (self.lines, text))

    def modbus(self, port: str) -> SimDevice:
        async def act(
            function: int, start: int, address: int, count: int, registers: list[int],
            values: list[int] | list[bool] | None,
        ) -> ExcCodes | None:  # fmt: skip
            if values and function == 16:
                if int(values[0]) > 1000:
                    return ExcCodes.ILLEGAL_VALUE
                self.written += map(int, values)
            return None

        coils = [SimData(0x10, count=16, values=False, datatype=DataType.BITS)]
        inputs = [SimData(0x40, count=16, values=True, datatype=DataType.BITS)]
        holding = [SimData(100, values=[1, 2, 3], datatype=DataType.REGISTERS)]
        reading = [SimData(0x9000, values=[7], datatype=DataType.REGISTERS)]
        unit = 3 if port == "rail" else 1
        return SimDevice(unit, simdata=(coils, inputs, holding, reading), action=act)

    async def serve_folder(self, port: str, folder: FolderWire) -> None:
        while True:
            name, data = await folder.take("*.lims", timeout=1e6)
            await folder.put(f"{name}.csv", data * 2)

    def trip(self, kind: str) -> None:
        if kind == "alarm":
            self.lamp = "red"

    def cleared(self, kind: str) -> None:
        if kind == "alarm":
            self.lamp = "green"
