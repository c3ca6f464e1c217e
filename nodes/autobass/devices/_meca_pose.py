"""Poses in SI units, as drivers take them."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees, radians


@dataclass(frozen=True)
class Pose:
    """Where a frame is in another: metres, and the robot's Euler angles in radians.

    The angles are the manufacturer's mobile XYZ: R = Rx(alpha) Ry(beta) Rz(gamma).
    """

    x: float
    y: float
    z: float
    alpha: float = 0.0
    beta: float = 0.0
    gamma: float = 0.0

    @classmethod
    def of(cls, x: float, y: float, z: float, a: float = 0, b: float = 0, g: float = 0) -> Pose:
        """Make a pose of the robot's own units, mm and degrees, as a teach pendant shows them."""
        return cls(x / 1e3, y / 1e3, z / 1e3, radians(a), radians(b), radians(g))

    @property
    def device(self) -> tuple[float, float, float, float, float, float]:
        """Millimetres and degrees, as the robot takes them, with its 6 decimals."""
        values = (
            *(1e3 * length for length in (self.x, self.y, self.z)),
            *(degrees(angle) for angle in (self.alpha, self.beta, self.gamma)),
        )
        x, y, z, a, b, g = (round(value, 6) + 0.0 for value in values)
        return (x, y, z, a, b, g)


@dataclass(frozen=True)
class RobotStatus:
    """What the robot says of itself (answer 2007)."""

    activated: bool
    homed: bool
    simulation: bool
    error: bool
    paused: bool
    end_of_block: bool
    end_of_motion: bool


@dataclass(frozen=True)
class Grip:
    """What the gripper reports after it has opened or closed.

    Attributes:
        holding: A part is between the fingers.
        reached: The fingers are where they should be.
    """

    holding: bool
    reached: bool
