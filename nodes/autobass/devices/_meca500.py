"""Mecademic Meca500 robot arm by its TCP control port, 10000."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import degrees
from typing import Literal

import numpy as np

from labmesh.clock import Clock, Patience
from labmesh.devices import DeviceError, LimitError
from labmesh.wire import ByteWire
from nodes.autobass.devices import _meca_codes as codes
from nodes.autobass.devices._meca_control import MecaControl
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
from nodes.autobass.devices._meca_line import command
from nodes.autobass.devices._meca_pose import Grip, Pose


class Meca500(MecaControl):
    """Moves a Meca500, one command at a time, each awaited at a checkpoint of its own.

    Lengths are metres, angles radians. Every target is checked before a byte is sent: joints
    against the limits; poses by the arm's exact inverse kinematics from where it stands; lines
    point by point; all against the work zone. The robot checks again.

    `halt` sends ClearMotion, not PauseMotion: both brake at once and in the same way, but a paused
    robot would finish the old motion at the next resume. After it, as after a cancelled or
    overdue motion (which halt by themselves), nothing moves until `reset_error`.

    Args:
        wire: The control port; None for a dry run, in which the arm is where it was sent.
        clock: Time of the experiment.
        limits: Joints and speeds.
        work_zone: Box of the base's frame that flange and tool may not leave.
        tool: The tool in the flange's frame (SetTRF).
        reference: The frame of poses in the base's (SetWRF).
        joint_speed: Share of the greatest joint speeds, above 0 to 1 (SetJointVel).
        linear_speed: Speed of linear moves, m/s (SetCartLinVel).
        blending: How much of a move may melt into the next, 0 to 1 (SetBlending).
        answer_timeout: Wall seconds within which the robot answers or shows a sign of life.
        motion_timeout: Seconds after which a motion is overdue and halted.
        watchdog: Wall seconds without a word from this process after which the robot stops a
            motion by itself (ConnectionWatchdog, firmware 10 or later); some times
            ``answer_timeout``, or 0 for none.
    """

    def __init__(
        self,
        wire: ByteWire | None,
        *,
        clock: Clock,
        limits: ArmLimits = MECA500_R3,
        work_zone: WorkZone | None = None,
        tool: Pose | None = None,
        reference: Pose | None = None,
        joint_speed: float = 0.25,
        linear_speed: float = 0.15,
        blending: float = 0.0,
        answer_timeout: float = 2.0,
        motion_timeout: float = 120.0,
        watchdog: float = 0.0,
    ) -> None:
        super().__init__(
            wire,
            clock=clock,
            answer_timeout=answer_timeout,
            motion_timeout=motion_timeout,
            watchdog=watchdog,
        )
        if watchdog and watchdog < 2 * answer_timeout:
            raise LimitError(
                f"a watchdog of {watchdog:g} s would stop a healthy motion",
                where=self._where,
                remedy=f"{2 * answer_timeout:g} s or more",
            )
        self._limits = limits
        self._zone = work_zone
        self._tool = tool or Pose(0, 0, 0)
        self._reference = reference or Pose(0, 0, 0)
        self._joint_speed, self._linear_speed, self._blending = joint_speed, linear_speed, blending
        self._share("joint_speed", joint_speed, low=1e-3)
        self._share("blending", blending)
        if not 0.001 <= linear_speed <= limits.linear / 1e3:
            raise LimitError(
                f"{linear_speed:g} m/s is not a linear speed of the arm",
                where=self._where,
                remedy=f"0.001 to {limits.linear / 1e3:g} m/s",
            )

    async def activate(self) -> None:
        """Switch the motors on, and set tool, reference and speeds, which activation resets.

        Raises:
            DeviceError: A safety stop is active, or the last client left the robot held.
        """
        async with self._lock:
            self._check_released()
            self._dry_ready[0] = True
            if self._line is None:
                return
            await self._long("ActivateRobot", codes.ACTIVATED, codes.ALREADY_ACTIVATED)
            settings = [
                command("SetTRF", *self._tool.device),
                command("SetWRF", *self._reference.device),
                command("SetJointVel", 100 * self._joint_speed),
                command("SetCartLinVel", 1e3 * self._linear_speed),
                command("SetBlending", 100 * self._blending),
            ]
            await self._line.send(b"".join(settings))
            await self._refuse_held()

    async def check_held(self) -> None:
        """Return where the last client did not leave the robot held.

        Raises:
            DeviceError: It did.
        """
        async with self._lock:
            if self._line is not None:
                await self._refuse_held()

    async def _refuse_held(self) -> None:
        if (await self._status()).paused:
            raise DeviceError(
                "the robot was stopped in mid-motion and is held",
                where=self._where,
                remedy="see where the arm is and what it holds, then reset the error",
            )

    async def move_joints(self, joints: Sequence[float]) -> None:
        """Turn the joints to six angles (rad), each at its share of one speed.

        Raises:
            LimitError: Outside the limits or the work zone; nothing was sent.
            HaltedError: Halted on the way, or not released after a halt.
            DeviceError: The robot reports an error or a stop, is silent, or is not there in time.
        """
        angles = tuple(degrees(angle) for angle in joints)
        await self._move(
            "MoveJoints", angles, lambda start: [start, check_joints(angles, self._limits)]
        )

    async def move_pose(self, pose: Pose) -> None:
        """Bring the tool to a pose of the reference frame by turning joints; errors as joints'."""
        await self._move(
            "MovePose",
            pose.device,
            lambda start: [start, nearest(self._flange(pose), start, self._limits)],
        )

    async def move_linear(self, pose: Pose) -> None:
        """Bring the tool to a pose of the reference frame on a straight line; errors as joints'."""
        await self._move(
            "MoveLin", pose.device, lambda start: line(start, self._flange(pose), self._limits)
        )

    async def move_linear_relative(
        self, by: Pose, *, frame_of: Literal["tool", "reference"] = "reference"
    ) -> None:
        """Move the tool by a distance and turn, along its own axes or the reference frame's."""
        name = "MoveLinRelTrf" if frame_of == "tool" else "MoveLinRelWrf"
        await self._move(
            name,
            by.device,
            lambda start: line(start, self._relative(start, by, frame_of), self._limits),
        )

    async def delay(self, seconds: float) -> None:
        """Let the arm stand still for a time (Delay)."""
        await self._move("Delay", (seconds,), lambda start: [start])

    async def gripper(
        self, action: Literal["open", "close"], *, force: float = 0.4, speed: float = 0.4
    ) -> Grip:
        """Open or close the gripper, and return what it reports once its fingers rest.

        Args:
            action: Which.
            force: Share of the greatest force, 0.05 to 1 (SetGripperForce).
            speed: Share of the greatest speed, 0.05 to 1 (SetGripperVel).

        Raises:
            LimitError, HaltedError, DeviceError: As `move_joints`.
        """
        self._share("force", force, low=0.05)
        self._share("speed", speed, low=0.05)
        async with self._lock:
            self._check_released()
            if self._line is None:
                self._check_ready(*self._dry_ready)
                return Grip(holding=action == "close", reached=True)
            name = "GripperClose" if action == "close" else "GripperOpen"
            frames = command("SetGripperForce", 100 * force) + command("SetGripperVel", 100 * speed)
            await self._motion(frames + command(name), name)
            patience = Patience(self._clock, 5.0)
            while True:
                self._check_released()
                state = await self._line.ask_numbers("GetRtGripperState", codes.GRIPPER_STATE, 3)
                holding, reached = (bool(flag) for flag in state[1:3])
                if holding or reached or patience.over:
                    return Grip(holding=holding, reached=reached)
                await self._clock.sleep(0.05)

    async def pose(self) -> Pose:
        """Return the measured pose of the tool in the reference frame."""
        async with self._lock:
            if self._line is not None:
                numbers = await self._line.ask_numbers("GetRtCartPos", codes.RT_POSE, 7)
                return Pose.of(*numbers[1:7])
            flange = forward(self._dry_joints) @ frame(self._tool.device)
            return Pose.of(*pose_of(np.linalg.inv(frame(self._reference.device)) @ flange))

    async def _move(
        self, name: str, arguments: Sequence[float], plan: Callable[[Joints], list[Joints]]
    ) -> None:
        async with self._lock:
            self._check_released()
            start = await self._joints()
            try:
                path = plan(start)
                check_zone(path, frame(self._tool.device), self._zone)
            except ReachError as error:
                raise LimitError(
                    f"{name}: {error.text}",
                    where=self._where,
                    remedy=codes.said(error.code)[1],
                    code=error.code,
                ) from None
            if self._line is None:
                self._check_ready(*self._dry_ready)
                self._dry_joints = path[-1]
                return
            await self._motion(command(name, *arguments), name)

    def _flange(self, pose: Pose) -> Matrix:
        """The flange's frame that brings the tool to a pose."""
        matrix: Matrix = (
            frame(self._reference.device)
            @ frame(pose.device)
            @ np.linalg.inv(frame(self._tool.device))
        )
        return matrix

    def _relative(self, start: Joints, by: Pose, frame_of: str) -> Matrix:
        tool, reference, step = (frame(p.device) for p in (self._tool, self._reference, by))
        here = np.linalg.inv(reference) @ forward(start) @ tool
        if frame_of == "tool":
            there = here @ step
        else:
            there = here.copy()
            there[:3, 3] += step[:3, 3]
            there[:3, :3] = step[:3, :3] @ here[:3, :3]
        matrix: Matrix = reference @ there @ np.linalg.inv(tool)
        return matrix

    def _share(self, name: str, value: float, low: float = 0.0) -> None:
        if not low <= value <= 1:
            raise LimitError(
                f"{name} {value:g} is no share", where=self._where, remedy=f"{low:g} to 1"
            )
