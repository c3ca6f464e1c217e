"""How a number lies in Modbus registers, as a model that a parameter file can state."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field

from labmesh.wire import ModbusWire
from messages.errors import WireError
from messages.model import Model

_FORMATS: Final = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}


class Register(Model):
    """One number: where it lies, how it is written, and what it means in SI units.

    ``value = scale * number + offset``.
    """

    address: int = Field(ge=0, le=65535, description="of the first register, counted from 0")
    table: Literal["input", "holding"] = Field("input", description="which registers")
    encoding: Literal["int16", "uint16", "int32", "uint32", "float32"] = Field(
        "uint16", description="how the number is written"
    )
    low_word_first: bool = Field(default=False, description="of two registers, the lower one first")
    scale: float = Field(1.0, description="what 1 means in SI units")
    offset: float = Field(0.0, description="what 0 means in SI units")

    @property
    def count(self) -> int:
        """Registers that the number takes."""
        return struct.calcsize(_FORMATS[self.encoding]) // 2

    async def read(self, wire: ModbusWire) -> float:
        """Read the number and return it in SI units.

        Raises:
            WireError: As the wire; also when the number is NaN or infinite.
        """
        ask = wire.read_input_registers if self.table == "input" else wire.read_holding_registers
        value = self.decode(await ask(self.address, self.count))
        if not abs(value) < float("inf"):
            raise WireError(
                f"{self.table} register {self.address} holds {value}",
                where=wire.address,
                remedy="the sensor is broken or absent, or the register map is another",
            )
        return value

    def decode(self, words: Sequence[int]) -> float:
        """Return the value of registers in SI units."""
        ordered = list(reversed(words)) if self.low_word_first else list(words)
        raw = struct.pack(f">{self.count}H", *ordered)
        (number,) = struct.unpack(_FORMATS[self.encoding], raw)
        return float(number) * self.scale + self.offset

    def encode(self, value: float) -> list[int]:
        """Return the registers of a value, rounded and kept within what they can hold."""
        number = (value - self.offset) / self.scale
        layout = _FORMATS[self.encoding]
        if self.encoding == "float32":
            raw = struct.pack(layout, number)
        else:
            bits = 8 * struct.calcsize(layout)
            low = -(2 ** (bits - 1)) if self.encoding.startswith("int") else 0
            raw = struct.pack(layout, max(low, min(low + 2**bits - 1, round(number))))
        words = list(struct.unpack(f">{self.count}H", raw))
        return words[::-1] if self.low_word_first else words
