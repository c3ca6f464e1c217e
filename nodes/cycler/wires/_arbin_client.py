"""A client of Arbin's CTI."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from labmesh.wire import ByteWire, WireError, WireRefusedError, WireTimeoutError
from nodes.cycler.wires import _arbin_messages as cti
from nodes.cycler.wires._arbin_messages import Layout

_TRAILING: Final = (0, 2, 12)
"""Bytes beyond the stated length where the sum may stand: MITS counts all, pyctiarbin's spoofer
forgets the sum, and clients leave out twelve."""

_PATIENCE: Final = 3.0
"""Wall seconds to wait for an answer."""

_STRAY: Final = 0.05
"""Wall seconds to wait for bytes that the stated length left out."""

_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ArbinChannel:
    """What MITS says of a channel; SI units but A.h.

    Attributes:
        index: From 0.
        status: A word of `STATUSES`.
        lost: MITS has lost the channel.
        test: Name of the test.
        schedule: Name of its schedule.
        exit_condition: Why it ended, in MITS' words.
        step: From 1, or None.
        cycle: From 1, or None.
        test_time: s.
        voltage: V.
        current: A, positive charges.
        charge: A.h charged in this test, as MITS counts.
        discharge: A.h discharged.
        temperature: K, of the first thermocouple, or None.
    """

    index: int
    status: str
    lost: bool
    test: str
    schedule: str
    exit_condition: str
    step: int | None
    cycle: int | None
    test_time: float
    voltage: float
    current: float
    charge: float
    discharge: float
    temperature: float | None


class ArbinClient:
    """Speaks CTI over a wire. One question at a time; nothing is asked twice.

    Args:
        wire: A TCP wire to MITS, usually port 9031.
        patience: Wall seconds to wait for an answer.

    Attributes:
        channels: How many the cycler has; known after `login`.
        serial: The cycler's serial number; likewise.
    """

    def __init__(self, wire: ByteWire, *, patience: float = _PATIENCE) -> None:
        self._wire = wire
        self._patience = patience
        self._lock = asyncio.Lock()
        self._stops: deque[object] = deque()  # who awaits the next feedbacks of a stop
        self.channels = 0
        self.serial = ""

    async def login(self, username: str, password: str) -> None:
        """Open the line and log in.

        Raises:
            WireRefusedError: MITS knows no such user.
            WireError: As of wires.
        """
        await self._wire.open()
        self._stops.clear()
        answer = await self._ask(
            cti.LOGIN, cti.LOGIN_FEEDBACK, username=username, password=password
        )
        if answer["result"] not in {1, 3}:  # 3: logged in already
            raise WireRefusedError(
                f"MITS refuses the login of {username!r}",
                where=self._wire.address,
                remedy="make that user in MITS Pro, with the right to control by CTI",
                code=answer["result"],
            )
        self.channels, self.serial = answer["channels"], answer["serial"]

    async def close(self) -> None:
        """Close the line."""
        await self._wire.close()

    async def channel(self, index: int) -> ArbinChannel:
        """Return what MITS says of a channel."""
        layout = cti.CHANNEL_INFO_FEEDBACK
        raw = await self._exchange(cti.CHANNEL_INFO, layout, channel=index, selection=1)
        found = layout.unpack(raw)
        if found["channel"] != index:
            raise self._odd(f"MITS answered for channel {found['channel']}, asked was {index}")
        status = found["status"]
        step, cycle = _step_and_cycle(found["step_and_cycle"])
        return ArbinChannel(
            index=index,
            status=cti.STATUSES[status] if 0 <= status < len(cti.STATUSES) else f"({status})",
            lost=bool(found["comm_failure"]),
            test=found["test_name"],
            schedule=found["schedule"],
            exit_condition=found["exit_condition"],
            step=step,
            cycle=cycle,
            test_time=found["test_time"],
            voltage=found["voltage"],
            current=found["current"],
            charge=found["charge_capacity"],
            discharge=found["discharge_capacity"],
            temperature=_temperature(raw, found),
        )

    async def assign(
        self, index: int, schedule: str, *, capacity: float, barcode: str = ""
    ) -> None:
        """Assign a schedule that MITS has; ``capacity`` (A.h) is what its C-rates refer to.

        Raises:
            WireRefusedError: MITS refuses; its reason in words.
        """
        ones = {f"user{n}": 1.0 for n in range(1, 17)}
        await self._told(
            cti.ASSIGN, cti.ASSIGN_FEEDBACK, channel=index, schedule=schedule, capacity=capacity,
            barcode=barcode, **ones,
        )  # fmt: skip

    async def start(self, index: int, test: str) -> None:
        """Start the assigned schedule as test ``test``; errors as `assign`."""
        await self._told(cti.START, cti.START_FEEDBACK, test_name=test, count=1, channel=index)

    async def stop(self, index: int) -> None:
        """Stop a channel's test; errors as `assign`."""
        await self._told(cti.STOP, cti.STOP_FEEDBACK, channel=index)

    async def stop_all_now(self) -> None:
        """Send the stop of all channels past every queue; no answer is awaited."""
        self._stops.append(None)
        await self._wire.write(cti.STOP.pack(all=1))

    async def set_variable(self, index: int, number: int, value: float) -> None:
        """Set MV_UD``number`` (1 to 16) of a running test; errors as `assign`."""
        await self._told(
            cti.SET_VARIABLE, cti.SET_VARIABLE_FEEDBACK, channel=index, type=1,
            code=cti.META_CODES[number], value_type=1, value=value,
        )  # fmt: skip

    async def _told(self, question: Layout, answer: Layout, **values: Any) -> None:
        found = await self._ask(question, answer, **values)
        if found["channel"] != values["channel"]:
            raise self._odd(f"{question.name}: MITS answered for channel {found['channel']}")
        if code := found["result"]:
            words = cti.REFUSALS[question.command].get(code, "a reason unknown")
            raise WireRefusedError(
                f"{question.name} on channel {values['channel'] + 1}: {words} ({code})",
                where=self._wire.address,
                code=code,
            )

    async def _ask(self, question: Layout, answer: Layout, **values: Any) -> dict[str, Any]:
        return answer.unpack(await self._exchange(question, answer, **values))

    async def _exchange(self, question: Layout, answer: Layout, **values: Any) -> bytes:
        async with self._lock:
            me = object()
            if question is cti.STOP:
                self._stops.append(me)
            await self._wire.write(question.pack(**values))
            while True:
                message = await self._receive()
                command = int.from_bytes(message[12:16], "little")
                if command == cti.STOP_FEEDBACK.command:
                    # MITS answers in order: this may be the answer to a stop of all channels.
                    if not self._stops or self._stops.popleft() is me:
                        return message
                elif command == answer.command:
                    return message

    async def _receive(self) -> bytes:
        await self._wire.read_until(cti.MARK, timeout=self._patience)  # skips stray bytes
        length = await self._wire.read_exactly(4, timeout=self._patience)
        (size,) = struct.unpack("<I", length)
        if not cti.HEAD < size < _LONGEST:
            raise self._odd(f"a message of {size} bytes")
        message = cti.MARK + length
        for more in _TRAILING:
            wanted = size + more - len(message)
            # Stray bytes are there at once where the peer sends them at all.
            patience = _STRAY if more else self._patience
            try:
                message += await self._wire.read_exactly(wanted, timeout=patience)
            except WireTimeoutError:
                if not more:
                    raise
                break
            if cti.sound(message):
                return message
        raise self._odd("the sum of a message is wrong")

    def _odd(self, what: str) -> WireError:
        return WireError(what, where=self._wire.address, remedy="is this MITS Pro's CTI port?")


def _step_and_cycle(text: str) -> tuple[int | None, int | None]:
    """Return step and cycle from MITS' ``[1] 2: Step_B, Rest``: cycle 1, step 2."""
    cycle, bracket, rest = text.removeprefix("[").partition("]")
    step = rest.strip().partition(":")[0]
    if not bracket or not cycle.strip().isdecimal() or not step.isdecimal():
        return None, None
    return int(step), int(cycle)


def _temperature(raw: bytes, found: dict[str, Any]) -> float | None:
    if not found["aux_temperature"]:
        return None
    offset = cti.AUX_READINGS + 8 * found["aux_voltage"]
    if offset + 4 > len(raw) - 2:
        return None
    celsius: float = struct.unpack_from("<f", raw, offset)[0]
    return celsius + 273.15
