"""Modbus units behind a simulator's line: pymodbus' frames and registers, our lines and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from labmesh.sim._line import SimLine

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU
    from pymodbus.simulator import SimDevice

_NO_UNIT: Final = 11
"""Gateway target device failed to respond (Modbus Application Protocol 1.1b3, section 7)."""

_BROKEN: Final = 4
"""Server device failure."""

_LONGEST: Final = 1024
"""Bytes; a frame has 260 at most."""


class ModbusUnits:
    """The registers of the units on one port; they are as after power-up when it is made.

    Args:
        units: As pymodbus describes them.
        rtu: Frames of a serial line, where units that are absent keep silent.
    """

    def __init__(self, units: SimDevice | list[SimDevice], *, rtu: bool) -> None:
        from pymodbus.simulator.simcore import SimCore  # noqa: PLC0415 - heavy

        self._core: Any = SimCore(units)
        self._rtu = rtu

    async def serve(self, line: SimLine) -> None:
        """Answer until the line is gone; units that are not there answer as a gateway does."""
        from pymodbus.exceptions import ModbusIOException  # noqa: PLC0415 - heavy
        from pymodbus.framer import FRAMER_NAME_TO_CLASS, FramerType  # noqa: PLC0415
        from pymodbus.pdu import DecodePDU, ExceptionResponse  # noqa: PLC0415

        kind = FramerType.RTU if self._rtu else FramerType.SOCKET
        framer = FRAMER_NAME_TO_CLASS[kind](DecodePDU(is_server=True))
        waiting = b""
        while True:
            waiting += await line.read()
            while waiting:
                answer: ModbusPDU | None
                try:
                    used, request = framer.handleFrame(waiting, 0, 0)
                except ModbusIOException as error:
                    code = error.fcode or 0
                    answer = ExceptionResponse(
                        code, 1, device_id=error.dev_id, transaction=error.transaction_id
                    )
                    waiting = b""
                else:
                    waiting = waiting[used:]
                    if request is None:
                        break
                    answer = await self._answer(request)
                if answer is not None:
                    await line.write(framer.buildFrame(answer))
            if len(waiting) > _LONGEST:
                waiting = b""  # no frame is that long: what comes is not Modbus

    async def _answer(self, request: ModbusPDU) -> ModbusPDU | None:
        from pymodbus.pdu import ExceptionResponse  # noqa: PLC0415 - heavy

        unit, broadcast = request.dev_id, self._rtu and not request.dev_id
        known = unit in self._core.devices or 0 in self._core.devices
        if not known and not broadcast:
            if self._rtu:
                return None
            answer: ModbusPDU = ExceptionResponse(request.function_code, _NO_UNIT)
        else:
            targets = list(self._core.devices) if broadcast else [unit]
            for target in targets:
                try:
                    answer = await request.datastore_update(self._core, target)
                except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                    # pymodbus' way to say that there are no such registers.
                    answer = ExceptionResponse(request.function_code, _BROKEN)
            if broadcast:
                return None
        answer.transaction_id = request.transaction_id
        answer.dev_id = request.dev_id
        return answer
