"""A board of relays on an Arduino: crimper, vacuum, valves."""

from __future__ import annotations

import asyncio
from typing import Final

from labmesh.clock import Clock, settle
from labmesh.devices._errors import DeviceError, HaltedError, LimitError
from labmesh.wire import ByteWire, WireTimeoutError

PULSE: Final = 0.25
"""Seconds that a pulsed relay is closed: ``delay(250)`` in the board's firmware."""

GAP: Final = 1.0
"""Seconds of silence after which the board takes a command as complete.

The protocol has no terminator; the firmware reads with Arduino's ``Stream.readStringUntil``, whose
time-out is 1000 ms by default. Commands sent closer together run into one another.
"""

_REFUSED: Final = b"Invalid input"


class RelayBoard:
    """Switches relays 1 to ``count`` by ``1_1``, ``1_0``, ``1_pulse`` and ``1_read``, 9600 8N1.

    The board confirms with ``Relay_1 on`` or ``Relay_1 off``, a pulse not at all. It says what it
    has done with its pins; nothing tells whether a contact has closed, so what depends on it needs
    a sensor of its own.

    Args:
        wire: The serial line; None for a dry run.
        clock: Time of the experiment.
        count: Number of relays.
        off_at_halt: Relays that `halt` switches off. A vacuum that holds a part is not among them.
        answer_timeout: Wall seconds to wait for a confirmation, `GAP` included.
        gap: Seconds the board waits for more of a command.
    """

    def __init__(
        self,
        wire: ByteWire | None,
        *,
        clock: Clock,
        count: int = 4,
        off_at_halt: tuple[int, ...] = (),
        answer_timeout: float = 3.0,
        gap: float = GAP,
    ) -> None:
        self.count = count
        self.off_at_halt = off_at_halt
        self._wire = wire
        self._clock = clock
        self._timeout = answer_timeout
        self._gap = gap
        self._states: dict[int, bool] = {}
        self._halted = False
        self._lock = asyncio.Lock()
        for relay in off_at_halt:
            self._check(relay)

    async def connect(self) -> None:
        """Open the wire. An Arduino restarts when its port is opened: relays may fall off."""
        if self._wire is not None:
            await self._wire.open()

    async def close(self) -> None:
        """Close the wire; relays stay as they are."""
        if self._wire is not None:
            await self._wire.close()

    async def on(self, relay: int) -> None:
        """Switch a relay on.

        Raises:
            LimitError: There is no such relay.
            HaltedError: The board was halted.
            DeviceError: The board does not confirm.
        """
        await self._switch(relay, on=True)

    async def off(self, relay: int) -> None:
        """Switch a relay off. Errors as `on`, but for `HaltedError`: off is always allowed."""
        await self._switch(relay, on=False)

    async def pulse(self, relay: int) -> None:
        """Close a relay for `PULSE` and wait until it is over. Errors as `on`.

        The board does not confirm a pulse, so its state is asked for afterwards.
        """
        self._check(relay)
        async with self._lock:
            self._check_released()
            if self._wire is not None:
                await self._wire.discard_input()
                await self._wire.write(f"{relay}_pulse".encode())
            # Twice the gap: the board's silence begins when the command has arrived, not now.
            await settle(self._clock, 2 * self._gap + PULSE)
            self._check_released()
            if await self._ask(relay, "read", default=False):
                raise DeviceError(
                    f"relay {relay} is still on after its pulse",
                    where=self._where,
                    remedy="switch the board off: the relay or the board is stuck",
                )

    async def state(self, relay: int) -> bool:
        """Return whether a relay is on, as the board says. Errors as `on`, but `HaltedError`."""
        self._check(relay)
        async with self._lock:
            return await self._ask(relay, "read", default=self._states.get(relay, False))

    async def halt(self) -> None:
        """Switch the relays of ``off_at_halt`` off at once, past everything that waits.

        A line feed ends whatever the board is still collecting, so these need no silence before
        or after them.
        """
        self._halted = True
        if self._wire is not None and self.off_at_halt:
            await self._wire.write(b"\n" + b"".join(b"%d_0\n" % n for n in self.off_at_halt))
        for relay in self.off_at_halt:
            self._states[relay] = False

    async def reset_error(self) -> None:
        """Allow switching again after `halt`."""
        async with self._lock:
            self._halted = False

    async def _switch(self, relay: int, *, on: bool) -> None:
        self._check(relay)
        async with self._lock:
            if on:
                self._check_released()
            answer = await self._ask(relay, "1" if on else "0", default=on)
            if answer is not on:
                raise DeviceError(
                    f"relay {relay} should be {_word(on)} and is {_word(answer)}",
                    where=self._where,
                    remedy="switch the board off: the relay or the board is stuck",
                )

    async def _ask(self, relay: int, verb: str, *, default: bool) -> bool:
        """Send a command and return the state that the board confirms; `default` in a dry run."""
        if self._wire is None:
            self._states[relay] = default
            return default
        await self._wire.discard_input()
        await self._wire.write(f"{relay}_{verb}".encode())
        answers = {b"Relay_%d on" % relay: True, b"Relay_%d off" % relay: False}
        read = b""
        while not any(known.startswith(read) for known in answers) or read not in answers:
            if not any(known.startswith(read) for known in (*answers, _REFUSED)):
                raise self._garbled(relay, verb, read)
            if read == _REFUSED:
                raise self._garbled(relay, verb, read)
            try:
                read += await self._wire.read_exactly(1, timeout=self._timeout)
            except WireTimeoutError:
                if not read:
                    raise
                raise self._garbled(relay, verb, read) from None
        self._states[relay] = answers[read]
        return answers[read]

    def _garbled(self, relay: int, verb: str, read: bytes) -> DeviceError:
        return DeviceError(
            f"{relay}_{verb} was answered with {read!r}",
            where=self._where,
            remedy=f"look at the cable, and that the board's firmware knows {relay}_{verb}",
        )

    def _check(self, relay: int) -> None:
        if not 1 <= relay <= self.count:
            raise LimitError(
                f"there is no relay {relay}",
                where=self._where,
                remedy=f"relays of this board are 1 to {self.count}",
            )

    def _check_released(self) -> None:
        if self._halted:
            raise HaltedError(
                "the relays were halted",
                where=self._where,
                remedy="make sure that all is safe, then reset the device",
            )

    @property
    def _where(self) -> str:
        return self._wire.address if self._wire is not None else "dry run"


def _word(on: bool) -> str:
    return "on" if on else "off"
