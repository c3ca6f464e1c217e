"""Kinematics of the Meca500: poses of joint angles and joint angles of poses, exactly.

Geometry and zero position are those of the manufacturer's manual (Meca500 R3/R4 user manual,
"Technical specifications", "Theory and definitions"): with every joint at 0 the flange is at
(190, 0, 308) mm and looks along the base's x axis, pose (190, 0, 308, 0, 90, 0). Axes 4, 5 and 6
meet in the wrist's centre, so the inverse is closed: up to eight postures reach one pose.

Units are the manufacturer's, mm and degrees; orientations are its "mobile XYZ" Euler angles,
R = Rx(alpha) Ry(beta) Rz(gamma).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, atan2, cos, degrees, hypot, pi, radians, sin
from typing import Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

BASE_TO_SHOULDER: Final = 135.0
UPPER_ARM: Final = 135.0
ELBOW_OFFSET: Final = 38.0
FOREARM: Final = 120.0
WRIST_TO_FLANGE: Final = 70.0
"""Lengths in mm, Meca500 user manual, figure of the kinematic scheme."""

_LOWER: Final = hypot(FOREARM, ELBOW_OFFSET)
_KNEE: Final = atan2(ELBOW_OFFSET, FOREARM)
_NEAR_ZERO: Final = 1e-9


def _rx(a: float) -> Matrix:
    return np.array([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]])


def _ry(a: float) -> Matrix:
    return np.array([[cos(a), 0, sin(a)], [0, 1, 0], [-sin(a), 0, cos(a)]])


def _rz(a: float) -> Matrix:
    return np.array([[cos(a), -sin(a), 0], [sin(a), cos(a), 0], [0, 0, 1]])


_FLANGE: Final = _ry(pi / 2)
"""Orientation of the flange's frame in the last link's, whose x axis is that of joint 6."""


def frame(pose: Sequence[float]) -> Matrix:
    """Return the 4 x 4 matrix of (x, y, z, alpha, beta, gamma) in mm and degrees."""
    alpha, beta, gamma = (radians(angle) for angle in pose[3:6])
    matrix = np.eye(4)
    matrix[:3, :3] = _rx(alpha) @ _ry(beta) @ _rz(gamma)
    matrix[:3, 3] = pose[:3]
    return matrix


def pose_of(matrix: Matrix) -> tuple[float, float, float, float, float, float]:
    """Return (x, y, z, alpha, beta, gamma) in mm and degrees of a 4 x 4 matrix.

    Where beta is +-90 degrees only alpha +- gamma is determined; alpha is 0 then, as the robot
    reports it.
    """
    rotation = matrix[:3, :3]
    x, y, z = (float(value) for value in matrix[:3, 3])
    flat = hypot(float(rotation[0, 0]), float(rotation[0, 1]))
    beta = atan2(float(rotation[0, 2]), flat)
    if flat < _NEAR_ZERO:
        alpha, gamma = 0.0, atan2(float(rotation[1, 0]), float(rotation[1, 1]))
    else:
        alpha = atan2(-float(rotation[1, 2]), float(rotation[2, 2]))
        gamma = atan2(-float(rotation[0, 1]), float(rotation[0, 0]))
    return (x, y, z, degrees(alpha), degrees(beta), degrees(gamma))


def forward(joints: Sequence[float]) -> Matrix:
    """Return the flange's frame in the base's (4 x 4, mm) at six joint angles in degrees."""
    q1, q2, q3, q4, q5, q6 = (radians(angle) for angle in joints)
    shoulder = _rz(q1) @ _ry(q2)
    elbow = shoulder @ _ry(q3)
    wrist = elbow @ _rx(q4) @ _ry(q5) @ _rx(q6)
    matrix = np.eye(4)
    matrix[:3, :3] = wrist @ _FLANGE
    matrix[:3, 3] = (
        np.array([0, 0, BASE_TO_SHOULDER])
        + shoulder @ np.array([0, 0, UPPER_ARM])
        + elbow @ np.array([FOREARM, 0, ELBOW_OFFSET])
        + wrist @ np.array([WRIST_TO_FLANGE, 0, 0])
    )
    return matrix


def inverse(flange: Matrix) -> list[tuple[float, ...]]:
    """Return every posture (six joint angles in degrees, each in -180..180) that reaches a frame.

    Empty when the frame is out of reach. Joint limits are not looked at. At a singularity one
    posture of the infinitely many is given.
    """
    centre = flange[:3, 3] - WRIST_TO_FLANGE * flange[:3, 2]
    x, y, height = float(centre[0]), float(centre[1]), float(centre[2]) - BASE_TO_SHOULDER
    radius = hypot(x, y)
    first = atan2(y, x) if radius > _NEAR_ZERO else 0.0
    found = []
    for q1, reach in ((first, radius), (first + pi, -radius)):
        for q2, q3 in _arm(reach, height):
            arm = _rz(q1) @ _ry(q2 + q3)
            rest = arm.T @ flange[:3, :3] @ _FLANGE.T
            for q4, q5, q6 in _wrist(rest):
                found.append(tuple(_wrapped(q) for q in (q1, q2, q3, q4, q5, q6)))
    return found


def _arm(reach: float, height: float) -> list[tuple[float, float]]:
    """Joints 2 and 3 that bring the wrist's centre to a point of the arm's plane."""
    square = reach * reach + height * height
    cosine = (square - UPPER_ARM**2 - _LOWER**2) / (2 * UPPER_ARM * _LOWER)
    if abs(cosine) > 1 + _NEAR_ZERO:
        return []
    knee = acos(max(-1.0, min(1.0, cosine)))
    both = []
    for bend in (knee, -knee) if knee > _NEAR_ZERO else (knee,):
        drop = atan2(-height, reach)
        drop -= atan2(_LOWER * sin(bend), UPPER_ARM + _LOWER * cos(bend))
        both.append((drop + pi / 2, bend + _KNEE - pi / 2))
    return both


def _wrist(rest: Matrix) -> list[tuple[float, float, float]]:
    """Joints 4, 5 and 6 whose product Rx Ry Rx is a rotation."""
    q5 = atan2(hypot(float(rest[0, 1]), float(rest[0, 2])), float(rest[0, 0]))
    if sin(q5) < 1e-7:
        return [(0.0, q5, atan2(float(rest[2, 1]), float(rest[1, 1])))]
    q4 = atan2(float(rest[1, 0]), -float(rest[2, 0]))
    q6 = atan2(float(rest[0, 1]), float(rest[0, 2]))
    return [(q4, q5, q6), (q4 + pi, -q5, q6 + pi)]


def _wrapped(angle: float) -> float:
    return degrees((angle + pi) % (2 * pi) - pi)
