"""Where a Meca500 may go: joints, work zone, and the line between two poses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Final

import numpy as np

from nodes.autobass.devices._meca_kinematics import Matrix, forward, inverse, pose_of

Joints = tuple[float, ...]

_STEP: Final = 5.0
"""Distance in mm, and angle in degrees, between two poses of a line that are checked."""

_JUMP: Final = 60.0
"""Degrees a joint may turn within one step of a line; more is a singularity."""


@dataclass(frozen=True)
class WorkZone:
    """A box of the base's frame that flange and tool may not leave; metres."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def holds(self, point: Sequence[float]) -> bool:
        """Whether a point is inside."""
        return all(a <= p <= b for a, p, b in zip(self.low, point, self.high, strict=True))


@dataclass(frozen=True)
class ArmLimits:
    """What an arm may do: degrees, degrees per second, mm/s."""

    joints: tuple[tuple[float, float], ...]
    speeds: tuple[float, ...]
    linear: float
    angular: float


MECA500_R3: Final = ArmLimits(
    joints=((-175, 175), (-70, 90), (-135, 70), (-170, 170), (-115, 115), (-36000, 36000)),
    speeds=(150, 150, 180, 300, 300, 500),
    linear=1000.0,
    angular=300.0,
)
"""Meca500 R3 user manual, "Technical specifications": joint ranges and maximum speeds;
programming manual: SetCartLinVel up to 1000 mm/s, SetCartAngVel up to 300 degrees/s."""


class ReachError(Exception):
    """A target that the arm cannot or may not reach: the robot's own code, and words.

    Args:
        code: As the robot would answer: 1007, 1012, 1016 or 3049.
        text: What is wrong with the target, with numbers.
    """

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"[{code}] {text}")


def check_joints(joints: Sequence[float], limits: ArmLimits) -> Joints:
    """Return six joint angles in degrees that are within the limits.

    Raises:
        ReachError: 1003 for another number of angles, 1007 for an angle out of range.
    """
    if len(joints) != len(limits.joints):
        raise ReachError(1003, f"{len(joints)} joint angles instead of {len(limits.joints)}")
    for number, (angle, (low, high)) in enumerate(zip(joints, limits.joints, strict=True), 1):
        if not low <= angle <= high:
            raise ReachError(1007, f"joint {number} at {angle:g} degrees, outside {low}..{high}")
    return tuple(float(angle) for angle in joints)


def nearest(flange: Matrix, start: Joints, limits: ArmLimits) -> Joints:
    """Return the allowed posture that reaches a frame with the least turning from ``start``.

    Raises:
        ReachError: 1016 when no posture reaches it, 1007 when none within the limits does.
    """
    postures = inverse(flange)
    where = ", ".join(f"{value:.1f}" for value in pose_of(flange))
    if not postures:
        raise ReachError(1016, f"flange at ({where}) mm, degrees, is out of reach")
    best: Joints | None = None
    least = float("inf")
    for posture in postures:
        turned = tuple(
            _near(q, s, *r) for q, s, r in zip(posture, start, limits.joints, strict=True)
        )
        if any(not low <= q <= high for q, (low, high) in zip(turned, limits.joints, strict=True)):
            continue
        far = max(abs(q - s) for q, s in zip(turned, start, strict=True))
        if far < least:
            best, least = turned, far
    if best is None:
        raise ReachError(1007, f"flange at ({where}) mm, degrees, needs a joint beyond its limit")
    return best


def _near(angle: float, start: float, low: float, high: float) -> float:
    """The full turns of an angle that bring it nearest to where the joint is, if allowed."""
    turned = angle + 360 * round((start - angle) / 360)
    return turned if low <= turned <= high else angle


def line(start: Joints, flange: Matrix, limits: ArmLimits) -> list[Joints]:
    """Return the postures along the straight line from ``start`` to a frame, its end included.

    Raises:
        ReachError: 1016, 1007, or 1012 when a joint would have to leap (a singularity).
    """
    origin = forward(start)
    turn, axis = _rotation(origin[:3, :3].T @ flange[:3, :3])
    way = float(np.linalg.norm(flange[:3, 3] - origin[:3, 3]))
    steps = max(1, ceil(max(way, turn) / _STEP))
    path, joints = [start], start
    for step in range(1, steps + 1):
        part = step / steps
        between = np.eye(4)
        between[:3, :3] = origin[:3, :3] @ _about(axis, turn * part)
        between[:3, 3] = origin[:3, 3] + part * (flange[:3, 3] - origin[:3, 3])
        after = nearest(between, joints, limits)
        leap = max(abs(b - a) for a, b in zip(joints, after, strict=True))
        if leap > _JUMP:
            raise ReachError(1012, f"a joint would turn {leap:.0f} degrees within {_STEP:g} mm")
        joints = after
        path.append(joints)
    return path


def check_zone(path: Sequence[Joints], tool: Matrix, zone: WorkZone | None) -> None:
    """Check that flange and tool stay in the work zone, all along a path of postures.

    Raises:
        ReachError: 3049.
    """
    for joints in _dense(path) if zone is not None else ():
        flange = forward(joints)
        for name, point in (("flange", flange[:3, 3]), ("tool", (flange @ tool)[:3, 3])):
            if zone is not None and not zone.holds((point / 1e3).tolist()):
                where = ", ".join(f"{value:.1f}" for value in point)
                raise ReachError(3049, f"the {name} would be at ({where}) mm")


def _dense(path: Sequence[Joints]) -> Iterator[Joints]:
    """The postures of a path, with some in between where a joint turns far."""
    yield path[0]
    for before, after in pairwise(path):
        turns = [b - a for a, b in zip(before, after, strict=True)]
        steps = max(1, ceil(max(map(abs, turns)) / _STEP))
        for step in range(1, steps + 1):
            yield tuple(a + turn * step / steps for a, turn in zip(before, turns, strict=True))


def _rotation(matrix: Matrix) -> tuple[float, Matrix]:
    """Angle in degrees and axis of a rotation."""
    cosine = max(-1.0, min(1.0, (float(np.trace(matrix)) - 1) / 2))
    angle = float(np.degrees(np.arccos(cosine)))
    if angle < 1e-6:
        return 0.0, np.array([0.0, 0.0, 1.0])
    if angle > 179.999:
        column = int(np.argmax(np.diag(matrix)))
        axis = matrix[:, column] + np.eye(3)[column]
    else:
        axis = np.array(
            [
                matrix[2, 1] - matrix[1, 2],
                matrix[0, 2] - matrix[2, 0],
                matrix[1, 0] - matrix[0, 1],
            ]
        )
    return angle, axis / np.linalg.norm(axis)


def _about(axis: Matrix, degrees: float) -> Matrix:
    """Rodrigues' formula."""
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    matrix: Matrix = np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * (skew @ skew)
    return matrix
