"""Motions of the simulated arm: which postures, and how long they take.

Joints and tool move at constant speed: acceleration is left out, so that short moves take less
time than on the real arm, and a stop is immediate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import dist

import numpy as np

from nodes.autobass.devices._meca_kinematics import Matrix, forward, frame, pose_of
from nodes.autobass.devices._meca_limits import (
    MECA500_R3,
    ArmLimits,
    Joints,
    ReachError,
    WorkZone,
    check_joints,
    check_zone,
    line,
    nearest,
)

DEFAULTS = {
    "jointvel": (25.0,),
    "jointacc": (100.0,),
    "jointvellimit": (100.0,),
    "cartlinvel": (150.0,),
    "cartangvel": (45.0,),
    "cartacc": (50.0,),
    "blending": (100.0,),
    "veltimeout": (0.05,),
    "trf": (0.0,) * 6,
    "wrf": (0.0,) * 6,
    "gripperforce": (40.0,),
    "grippervel": (40.0,),
    "gripperrange": (0.0, 6.0),
    "conf": (1.0, 1.0, 1.0),
    "confturn": (0.0,),
    "autoconf": (1.0,),
    "autoconfturn": (1.0,),
    "torquelimitscfg": (1.0, 2.0),
    "torquelimits": (100.0,) * 6,
    "payload": (0.0,) * 4,
    "timescaling": (100.0,),
}
"""Settings of the motion queue after activation (programming manual, "Default settings")."""


@dataclass
class Settings:
    """What moves depend on, in the robot's units."""

    values: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(DEFAULTS))
    limits: ArmLimits = MECA500_R3
    zone: WorkZone | None = None

    def __getitem__(self, name: str) -> float:
        """The only or first value of a setting."""
        return self.values[name][0]

    def frame(self, name: str) -> Matrix:
        """The frame that a setting states."""
        return frame(self.values[name])


@dataclass(frozen=True)
class Motion:
    """Postures that are passed at equal distances of time, and the time in seconds."""

    path: tuple[Joints, ...]
    duration: float

    def at(self, seconds: float) -> Joints:
        """The posture after a time."""
        if self.duration <= 0 or seconds >= self.duration:
            return self.path[-1]
        place = max(0.0, seconds / self.duration) * (len(self.path) - 1)
        index = min(int(place), len(self.path) - 2)
        part = place - index
        here, there = self.path[index], self.path[index + 1]
        return tuple(a + part * (b - a) for a, b in zip(here, there, strict=True))


def plan(name: str, arguments: Sequence[float], start: Joints, settings: Settings) -> Motion:
    """Plan a motion command from where the arm is.

    Raises:
        ReachError: It leaves joints, reach or work zone, or passes a singularity.
    """
    limits = settings.limits
    if name == "delay":
        return Motion((start, start), arguments[0])
    if name == "movejoints":
        path = [start, check_joints(arguments, limits)]
    elif name == "movejointsrel":
        turned = [a + b for a, b in zip(start, arguments, strict=True)]
        path = [start, check_joints(turned, limits)]
    elif name == "movepose":
        path = [start, nearest(_flange(frame(arguments), settings), start, limits)]
    else:
        path = line(start, _flange(_target(name, arguments, start, settings), settings), limits)
    check_zone(path, settings.frame("trf"), settings.zone)
    straight = name.startswith("movelin")
    return Motion(tuple(path), _duration(path, settings, straight=straight))


def tool_pose(joints: Joints, settings: Settings) -> tuple[float, ...]:
    """Pose of the tool in the world's frame, mm and degrees."""
    inverse = np.linalg.inv(settings.frame("wrf"))
    return pose_of(inverse @ forward(joints) @ settings.frame("trf"))


def _flange(tool: Matrix, settings: Settings) -> Matrix:
    matrix: Matrix = settings.frame("wrf") @ tool @ np.linalg.inv(settings.frame("trf"))
    return matrix


def _target(name: str, arguments: Sequence[float], start: Joints, settings: Settings) -> Matrix:
    if name == "movelin":
        return frame(arguments)
    here, by = frame(tool_pose(start, settings)), frame(arguments)
    if name == "movelinreltrf":
        tool: Matrix = here @ by
        return tool
    if name == "movelinrelwrf":
        world: Matrix = by @ here
        world[:3, 3] = here[:3, 3] + by[:3, 3]
        return world
    raise ReachError(1001, f"no motion is called {name}")


def _duration(path: Sequence[Joints], settings: Settings, *, straight: bool) -> float:
    share = settings["jointvellimit"] if straight else settings["jointvel"]
    seconds = 0.0
    for before, after in pairwise(path):
        turns = (abs(b - a) for a, b in zip(before, after, strict=True))
        joints = zip(turns, settings.limits.speeds, strict=True)
        seconds += max(turn / (speed * share / 100) for turn, speed in joints)
    if straight:
        first, last = (forward(q) @ settings.frame("trf") for q in (path[0], path[-1]))
        way = dist(first[:3, 3], last[:3, 3])
        cosine = (float(np.trace(first[:3, :3].T @ last[:3, :3])) - 1) / 2
        angle = float(np.degrees(np.arccos(max(-1.0, min(1.0, cosine)))))
        seconds = max(seconds, way / settings["cartlinvel"], angle / settings["cartangvel"])
    return seconds * 100 / settings["timescaling"]
