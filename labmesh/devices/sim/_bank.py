"""Modbus units whose registers are computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from pymodbus.constants import ExcCodes
    from pymodbus.simulator import SimDevice

Table = Literal["coil", "discrete", "holding", "input"]

Read = Callable[[Table, int], int]
"""The value of a bit (0 or 1) or register (0 to 65535) at an address."""

Write = Callable[[Table, int, int], bool]
"""Takes a value; False where the unit refuses it (exception 3)."""

_TABLES: Final[dict[int, Table]] = {
    1: "coil", 2: "discrete", 3: "holding", 4: "input", 5: "coil", 6: "holding", 15: "coil",
    16: "holding",
}  # fmt: skip
"""By function code."""


def modbus_unit(
    unit: int,
    read: Read,
    write: Write,
    *,
    bits: int = 16,
    holding: Iterable[range] = (range(1),),
    inputs: Iterable[range] = (range(1),),
) -> SimDevice:
    """Return a unit for `labmesh.sim.Simulator.modbus`.

    Args:
        unit: Its address.
        read: Called for each bit and register that is read.
        write: Called for each coil and holding register that is written.
        bits: Coils and discrete inputs there are, from 0; rounded up to 16.
        holding: Addresses of the holding registers; others are refused (exception 2).
        inputs: Addresses of the input registers.
    """
    from pymodbus.constants import ExcCodes  # noqa: PLC0415 - heavy
    from pymodbus.simulator import DataType, SimData, SimDevice  # noqa: PLC0415
    from pymodbus.simulator.simutils import SimUtils  # noqa: PLC0415

    async def action(
        function: int,
        start: int,
        address: int,
        count: int,
        current: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        table = _TABLES[function]
        if values is not None:
            taken = [write(table, address + i, int(value)) for i, value in enumerate(values)]
            return None if all(taken) else ExcCodes.ILLEGAL_VALUE
        for index in range(count):
            if table in {"coil", "discrete"}:
                group = address // 16 + index
                flags = [bool(read(table, group * 16 + bit)) for bit in range(16)]
                current[group - start] = SimUtils.bitsToRegisters(flags)[0]
            else:
                current[address - start + index] = read(table, address + index)
        return None

    def registers(ranges: Iterable[range]) -> list[SimData]:
        return [
            SimData(each.start, count=len(each), values=0, datatype=DataType.REGISTERS)
            for each in sorted(ranges, key=lambda each: each.start)
        ]

    flags = [SimData(0, count=-(-bits // 16) * 16, values=False, datatype=DataType.BITS)]
    blocks = (flags, flags, registers(holding), registers(inputs))
    return SimDevice(id=unit, simdata=blocks, action=action)
