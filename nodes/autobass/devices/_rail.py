"""What every rail does, whoever made it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from labmesh.devices import DeviceError, HaltedError, LimitError
from labmesh.wire import WireError
from messages.errors import LabmeshError


class Rail(Protocol):
    """A linear axis that carries the robot. Positions in m, speeds in m/s.

    Attributes:
        low: Least position.
        high: Greatest position.
    """

    low: float
    high: float

    async def connect(self) -> None:
        """Open the wire and see who answers. Moves nothing."""
        ...

    async def close(self) -> None:
        """Close the wire; the axis stays where it is."""
        ...

    async def home(self) -> None:
        """Find the reference, unless it is known already. Moves the axis.

        Raises:
            HaltedError: Halted, or not released after a halt.
            DeviceError: The axis reports an error, or finds no reference in time.
        """
        ...

    async def move_to(self, position: float, *, speed: float | None = None) -> None:
        """Move to a position and return when the axis stands there.

        Raises:
            LimitError: Position or speed is outside the limits; nothing was sent.
            HaltedError: Halted on the way, or not released after a halt.
            DeviceError: The axis reports an error, or is not there in time.
        """
        ...

    async def position(self) -> float:
        """Return where the axis is."""
        ...

    async def halt(self) -> None:
        """Stop the axis now, past everything that waits; nothing moves until `reset_error`."""
        ...

    async def reset_error(self) -> None:
        """Clear errors and a halt. Moves nothing."""
        ...


class RailLimits:
    """The part of a rail's driver that refuses: limits, and what follows a halt.

    Args:
        where: The wire's address, for messages.
        low: Least position in m.
        high: Greatest position in m.
        fastest: Greatest speed in m/s.
    """

    def __init__(self, where: str, low: float, high: float, fastest: float) -> None:
        self.where = where
        self.low = low
        self.high = high
        self.fastest = fastest
        self.halted = False

    def check(self, position: float, speed: float) -> None:
        """Refuse a move.

        Raises:
            LimitError: Position or speed is outside the limits.
        """
        if not self.low <= position <= self.high:
            raise LimitError(
                f"{position:g} m is not on the rail",
                where=self.where,
                remedy=f"positions are {self.low:g} to {self.high:g} m",
            )
        if not 0 < speed <= self.fastest:
            raise LimitError(
                f"{speed:g} m/s is not a speed of the rail",
                where=self.where,
                remedy=f"speeds are above 0 and up to {self.fastest:g} m/s",
            )

    def check_released(self) -> None:
        """Raise HaltedError after a halt."""
        if self.halted:
            raise HaltedError(
                "the rail was halted",
                where=self.where,
                remedy="make sure that the way is free, then reset the rail's error",
            )

    @asynccontextmanager
    async def under_way(
        self, what: str, halt: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Halt the axis when waiting for it ends in an error or is cancelled.

        Raises:
            DeviceError: The wire failed in the middle of it.
        """
        try:
            yield
        except BaseException as error:
            if not self.halted:
                with contextlib.suppress(LabmeshError):
                    await halt()
            if not isinstance(error, WireError):
                raise
            raise DeviceError(
                f"{what}: {error.what}",
                where=self.where,
                remedy="look at power and cable, see where the carriage is, connect again,"
                " reset the error and home it",
            ) from None

    def too_late(self, what: str, seconds: float) -> DeviceError:
        """Say that something took too long."""
        return DeviceError(
            f"{what} was not done after {seconds:.0f} s",
            where=self.where,
            remedy="the rail was halted: look for what blocks it, then reset its error",
        )
