"""Jenny Science LINAX linear axis on a XENAX controller: ASCII over TCP port 10001."""

from __future__ import annotations

import asyncio
from typing import Final

from labmesh.clock import Clock, Patience
from labmesh.devices import DeviceError, HaltedError
from labmesh.wire import ByteWire
from nodes.autobass.devices._rail import RailLimits

STROKE: Final = 1.8
"""Metres: LINAX LXS 1800."""

_MICRO: Final = 1e6
"""The controller counts micrometres (LINAX scale, 1 um an increment)."""

POWER_OFF, STANDING, MOVING, ERROR = 0, 1, 2, 9
"""Answers to ``TS``."""


class Linax:
    """A `Rail`: reference drive ``REF``, moves ``SP`` and ``G``, ``TS`` asked until it stands.

    Every command is echoed; then come its answer, if it has one, and the prompt ``>``. Lines that
    begin with ``@`` are events: ``@S<status>``, ``@H`` when the reference is known.

    Args:
        wire: The controller's TCP port; None for a dry run.
        clock: Time of the experiment.
        low: Least position allowed, m.
        high: Greatest position allowed, m.
        speed: Speed of moves unless told otherwise, m/s.
        fastest: Greatest speed allowed, m/s.
        tolerance: How near to the target is there, m.
        answer_timeout: Wall seconds to wait for a prompt.
        poll: Seconds between two questions during a move.
    """

    def __init__(
        self,
        wire: ByteWire | None,
        *,
        clock: Clock,
        low: float = 0.0,
        high: float = STROKE,
        speed: float = 0.3,
        fastest: float = 1.0,
        tolerance: float = 1e-4,
        answer_timeout: float = 2.0,
        poll: float = 0.05,
    ) -> None:
        self.low, self.high = low, high
        self._wire = wire
        self._clock = clock
        self._limits = RailLimits(wire.address if wire else "dry run", low, high, fastest)
        self._speed = speed
        self._tolerance = tolerance
        self._timeout = answer_timeout
        self._poll = poll
        self._dry_position = low
        self._homed = False
        self._lock = asyncio.Lock()
        self._limits.check(low, speed)

    async def connect(self) -> None:
        """See `Rail.connect`; learns whether the axis is referenced."""
        async with self._lock:
            if self._wire is None:
                return
            await self._wire.open()
            await self._wire.discard_input()
            await self._learn_reference()

    async def close(self) -> None:
        """See `Rail.close`."""
        if self._wire is not None:
            await self._wire.close()

    async def home(self) -> None:
        """See `Rail.home`."""
        async with self._lock:
            self._limits.check_released()
            if self._homed:
                return
            if self._wire is not None:
                what = "the reference drive"
                async with self._limits.under_way(what, self.halt):
                    await self._ask("REF")
                    await self._stand(what, 120.0)
                    await self._learn_reference()
                if not self._homed:
                    raise DeviceError(
                        "the axis found no reference",
                        where=self._limits.where,
                        remedy="free the axis over its whole length, then home it again",
                    )
            self._homed = True

    async def move_to(self, position: float, *, speed: float | None = None) -> None:
        """See `Rail.move_to`."""
        pace = self._speed if speed is None else speed
        self._limits.check(position, pace)
        async with self._lock:
            self._limits.check_released()
            if not self._homed:
                raise DeviceError(
                    "the axis is not referenced", where=self._limits.where, remedy="home it first"
                )
            if self._wire is None:
                self._dry_position = position
                return
            what = f"the move to {position:g} m"
            async with self._limits.under_way(what, self.halt):
                await self._ask(f"SP {round(pace * _MICRO)}")
                await self._ask(f"G {round(position * _MICRO)}")
                await self._stand(what, 5.0 + 2 * (self.high - self.low) / pace)
                there = await self._where_is()
            if abs(there - position) > self._tolerance:
                raise DeviceError(
                    f"{what} ended at {there:g} m",
                    where=self._limits.where,
                    remedy="look for what blocks the axis, then reset its error",
                )

    async def position(self) -> float:
        """See `Rail.position`."""
        if self._wire is None:
            return self._dry_position
        async with self._lock:
            return await self._where_is()

    async def halt(self) -> None:
        """See `Rail.halt`: ``SM`` (stop motion) at once, between whatever else is said."""
        self._limits.halted = True
        if self._wire is not None:
            await self._wire.write(b"SM\r")

    async def reset_error(self) -> None:
        """See `Rail.reset_error`: ``PW`` switches the drive on again and clears its error."""
        async with self._lock:
            if self._wire is not None:
                await self._wire.open()
                await self._wire.discard_input()
                await self._ask("PW")
                await self._learn_reference()
            self._limits.halted = False

    async def power_off(self) -> None:
        """Switch the drive off (``PQ``): the axis can be moved by hand."""
        async with self._lock:
            if self._wire is not None:
                await self._ask("PQ")

    async def _where_is(self) -> float:
        return _number(await self._ask("TP"), "TP", self._limits.where) / _MICRO

    async def _learn_reference(self) -> None:
        """Switch events on and off: the controller reports its status, and @H if referenced."""
        events = await self._talk("EVT1")
        events += await self._talk("EVT0")
        self._homed = "@H" in events

    async def _stand(self, what: str, seconds: float) -> None:
        """Wait until the axis stands."""
        patience = Patience(self._clock, seconds)
        while True:
            status = _number(await self._ask("TS"), "TS", self._limits.where)
            if self._limits.halted:
                raise HaltedError(
                    f"halted during {what}, at {await self._where_is():g} m",
                    where=self._limits.where,
                    remedy="make sure that the way is free, then reset the rail's error",
                )
            if status == ERROR:
                raise await self._error(what)
            if status == POWER_OFF:
                raise DeviceError(
                    f"the drive was switched off during {what}",
                    where=self._limits.where,
                    remedy="reset the rail's error: this switches the drive on",
                )
            if status == STANDING:
                return
            if patience.over:
                raise self._limits.too_late(what, seconds)
            await self._clock.sleep(self._poll)

    async def _error(self, what: str) -> DeviceError:
        number = (await self._ask("TE")).strip()
        text = (await self._ask("TES")).strip()
        self._homed = False
        return DeviceError(
            f"{what}: the controller reports error {number}, {text}",
            where=self._limits.where,
            remedy="remove the cause, reset the rail's error, then home it",
            code=number,
        )

    async def _ask(self, command: str) -> str:
        """Send a command and return its answer, without events.

        Raises:
            DeviceError: The controller refuses the command.
        """
        lines = [line for line in await self._talk(command) if not line.startswith("@")]
        answer = lines[0] if lines else ""
        if answer.startswith(("?", "#")):
            raise DeviceError(
                f"the controller refuses {command!r}: {answer}",
                where=self._limits.where,
                remedy="see the list of # numbers in the XENAX manual; reset the rail's error",
                code=answer,
            )
        return answer

    async def _talk(self, command: str) -> list[str]:
        """Send a command; return what came until the prompt behind its echo, the echo left out.

        What came before the echo is of an earlier command (a halt's) or events; of these, events
        are kept.
        """
        if self._wire is None:
            return []
        await self._wire.write(command.encode() + b"\r")
        events: list[str] = []
        while True:
            raw = await self._wire.read_until(b">", timeout=self._timeout)
            lines = _lines(raw)
            if command in lines:
                return events + lines[lines.index(command) + 1 :]
            events += [line for line in lines if line.startswith("@")]


def _lines(raw: bytes) -> list[str]:
    """Lines of an answer, without the prompt and without empty ones."""
    text = raw.decode("ascii", "replace").removesuffix(">")
    return [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]


def _number(answer: str, command: str, where: str) -> int:
    try:
        return int(answer)
    except ValueError:
        raise DeviceError(
            f"{command} was answered with {answer!r}, not a number",
            where=where,
            remedy="look at the cable, and that nobody else talks to the controller",
        ) from None
