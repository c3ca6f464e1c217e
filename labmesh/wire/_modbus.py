"""Modbus by TCP and RTU, by pymodbus."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Final

import serial

from labmesh.wire._address import WireAddress
from labmesh.wire._serial import SerialSettings, port_error
from labmesh.wire._urgent import crc16, write_at_once
from messages.errors import ConfigurationError, WireError, WireRefusedError, WireTimeoutError

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not answer",
}
"""Modbus Application Protocol 1.1b3, section 7."""

# What pymodbus logs of a failure our errors say, to whoever must know.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())


class PymodbusWire:
    """A `ModbusWire` by pymodbus' asyncio client, which neither retries nor reconnects here."""

    def __init__(self, address: WireAddress) -> None:
        self.address = address.url
        self._where = address
        self._unit = address.whole("unit", 1)
        self._timeout = address.number("timeout", 1.0)
        if self._unit > 255 or not self._timeout:
            raise ConfigurationError("unit is 0 to 255, timeout above 0", where=address.url)
        self._client: Any = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Connect; errors as `ByteWire.open`."""
        if self._client is not None and self._client.connected:
            return
        await self.close()
        self._client = self._make()
        try:
            connected = await self._client.connect()
        except Exception as error:  # noqa: BLE001 - pyserial's and the system's, by the kind of port
            await self.close()
            raise port_error(self._where.path, self.address, error) from None
        if not connected:
            await self.close()
            if self._where.scheme == "modbus+rtu":
                raise await asyncio.to_thread(self._why_not)
            raise WireError(
                "nothing answers there",
                where=self.address,
                remedy="switch the instrument on, start its simulator, or correct host and port",
            )

    def _why_not(self) -> WireError:
        """Open the port once more, as pymodbus does not say what was wrong."""
        try:
            serial.Serial(self._where.path, exclusive=True).close()
        except (serial.SerialException, OSError, ValueError) as error:
            return port_error(self._where.path, self.address, error)
        return WireError(f"{self._where.path} cannot be opened", where=self.address)

    def _make(self) -> Any:
        # Drivers of other wires shall not pay for its import.
        from pymodbus.client import (  # noqa: PLC0415
            AsyncModbusSerialClient,
            AsyncModbusTcpClient,
        )

        if self._where.scheme == "modbus+tcp":
            return AsyncModbusTcpClient(
                self._where.host, port=self._where.port, timeout=self._timeout, retries=0,
                reconnect_delay=0,
            )  # fmt: skip
        settings = SerialSettings.of(self._where, baud=19200)
        return AsyncModbusSerialClient(
            settings.path, baudrate=settings.baud, bytesize=settings.bytes, parity=settings.parity,
            stopbits=int(settings.stop), timeout=self._timeout, retries=0, reconnect_delay=0,
        )  # fmt: skip

    async def close(self) -> None:
        """Close the line."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def read_coils(self, address: int, count: int = 1) -> list[bool]:
        """Read; errors as `ModbusWire.read_coils`."""
        return list((await self._ask("read_coils", address, count=count)).bits[:count])

    async def read_discrete_inputs(self, address: int, count: int = 1) -> list[bool]:
        """Read; errors as `ModbusWire.read_coils`."""
        answer = await self._ask("read_discrete_inputs", address, count=count)
        return list(answer.bits[:count])

    async def read_holding_registers(self, address: int, count: int = 1) -> list[int]:
        """Read; errors as `ModbusWire.read_coils`."""
        return list((await self._ask("read_holding_registers", address, count=count)).registers)

    async def read_input_registers(self, address: int, count: int = 1) -> list[int]:
        """Read; errors as `ModbusWire.read_coils`."""
        return list((await self._ask("read_input_registers", address, count=count)).registers)

    async def write_coil(self, address: int, value: bool) -> None:
        """Write; errors as `ModbusWire.read_coils`."""
        await self._ask("write_coil", address, value=value)

    async def write_registers(self, address: int, values: Sequence[int]) -> None:
        """Write; errors as `ModbusWire.read_coils`."""
        await self._ask("write_registers", address, values=list(values))

    def write_coil_now(self, address: int, value: bool) -> None:
        """Write from any thread; errors as `UrgentModbus.write_coil_now`."""
        self._write_now(struct.pack(">BHH", 5, address, 0xFF00 if value else 0))

    def write_registers_now(self, address: int, values: Sequence[int]) -> None:
        """Write from any thread; errors as `UrgentModbus.write_coil_now`."""
        count = len(values)
        self._write_now(struct.pack(f">BHHB{count}H", 16, address, count, 2 * count, *values))

    def _write_now(self, pdu: bytes) -> None:
        client = self._client
        transport = client.ctx.transport if client is not None and client.connected else None
        if transport is None:
            raise WireError("the line is not open", where=self.address, remedy="open it again")
        if self._where.scheme == "modbus+tcp":
            # The transaction number is one that pymodbus, which counts from 1, does not wait for.
            frame = struct.pack(">HHHB", 0xFFFF, 0, len(pdu) + 1, self._unit) + pdu
            number = transport.get_extra_info("socket").fileno()
        else:
            frame = bytes([self._unit]) + pdu
            frame += crc16(frame)
            number = transport.sync_serial.fileno()
        write_at_once(number, frame, where=self.address)

    async def _ask(self, function: str, address: int, **arguments: Any) -> ModbusPDU:
        from pymodbus.exceptions import ModbusException, ModbusIOException  # noqa: PLC0415

        async with self._lock:
            if self._client is None or not self._client.connected:
                raise WireError("the line is not open", where=self.address, remedy="open it again")
            call: Awaitable[ModbusPDU] = getattr(self._client, function)(
                address, device_id=self._unit, **arguments
            )
            what = f"{function} {address:#06x}"
            try:
                answer = await call
            except ModbusIOException as error:
                if not self._client.connected:
                    raise WireError(f"{what}: the line is lost", where=self.address) from None
                if "No response" in str(error):
                    raise WireTimeoutError(
                        f"{what}: no answer within {self._timeout:g} s",
                        where=self.address,
                        remedy="is the instrument switched on, and is the unit right?",
                    ) from None
                raise WireError(f"{what}: {error}", where=self.address) from None
            except ModbusException as error:
                raise WireError(f"{what}: {error}", where=self.address) from None
        if answer.isError():
            code = int(answer.exception_code)
            raise WireRefusedError(
                f"{what}: the unit refuses: {EXCEPTIONS.get(code, 'exception')} ({code})",
                where=self.address,
                code=code,
            )
        return answer
