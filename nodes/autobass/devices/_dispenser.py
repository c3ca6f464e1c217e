"""What dispenses electrolyte, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Dispensed:
    """What a dispenser says it gave.

    Attributes:
        asked: In m3.
        volume: In m3, from how far the piston really moved (read back), times the correction.
        steps: That way in steps of its motor.
    """

    asked: float
    volume: float
    steps: int


class Dispenser(Protocol):
    """Takes up electrolyte and gives it. Volumes are m3. Never repeats what moves by itself.

    Attributes:
        name: For journals and calibrations: ``ml600``.
        resolution: One step of its motor.
        capacity: Most that it holds.
        contents: What it holds now, by its own count.
    """

    name: str
    resolution: float
    capacity: float
    contents: float

    async def connect(self) -> None:
        """Open the line and ask who is there; nothing moves.

        Raises:
            WireError: Nobody answers, or another device.
        """
        ...

    async def initialise(self) -> float:
        """Drive the piston home; what it held (returned) leaves the needle: over the waste only.

        Raises:
            DeviceError: The device refused or failed.
        """
        ...

    async def aspirate(self, volume: float) -> float:
        """Take up; return what the piston's way says.

        Raises:
            LimitError: Less than a step, or more than fits; nothing was sent.
            DeviceError: The device refused or failed.
        """
        ...

    async def dispense(self, volume: float) -> Dispensed:
        """Give; errors as `aspirate`."""
        ...

    async def wash(self, volume: float, cycles: int) -> float:
        """Take up and give away ``volume`` ``cycles`` times, over the waste; return their sum."""
        ...

    async def alive(self) -> None:
        """Ask for a sign of life; nothing moves.

        Raises:
            WireError: There is none.
        """
        ...

    async def halt(self) -> None:
        """Stop the piston at once: past every queue, without waiting for an answer.

        What moves raises HaltedError where it is awaited, and so does what would come next.
        """
        ...

    async def reset_error(self) -> None:
        """Allow moves again after `halt`, and read where the piston stands. Moves nothing."""
        ...

    async def close(self) -> None:
        """Close the line."""
        ...


def steps_of(volume: float, resolution: float) -> int:
    """Return the nearest whole number of steps."""
    return round(volume / resolution)
