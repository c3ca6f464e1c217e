"""What every use of a Meca500 shares: connection, power, waiting, halt and reset."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from math import radians
from typing import Final

from labmesh.clock import Clock, Patience
from labmesh.devices import DeviceError, HaltedError
from labmesh.wire import ByteWire, WireError, WireTimeoutError
from messages.errors import LabmeshError
from nodes.autobass.devices import _meca_codes as codes
from nodes.autobass.devices._meca_line import Answer, MecaLine, command
from nodes.autobass.devices._meca_pose import RobotStatus

_CHECKPOINTS: Final = 8000
"""Numbers of checkpoints: 1 to 8000 (programming manual, SetCheckpoint)."""

_STOP: Final = command("ClearMotion")

_JOINTS: Final = 6

_ERRORS: Final = 20
"""Errors in a row after which it is no use to go on listening."""


class MecaControl:
    """Holds a Meca500's control port.

    Attributes:
        identity: What the robot called itself when it was connected.
    """

    def __init__(
        self,
        wire: ByteWire | None,
        *,
        clock: Clock,
        answer_timeout: float,
        motion_timeout: float,
        watchdog: float,
    ) -> None:
        self.identity = ""
        self._where = wire.address if wire is not None else "dry run"
        self._line = MecaLine(wire, answer_timeout) if wire is not None else None
        self._clock = clock
        self._motion_timeout = motion_timeout
        self._watchdog = watchdog
        self._checkpoint = 0
        self._halted = False
        self._dry_joints: tuple[float, ...] = (0.0,) * _JOINTS
        self._dry_ready = [False, False]
        self._lock = asyncio.Lock()

    @property
    def simulated(self) -> bool:
        """Whether there is no arm: a dry run, or a robot that calls itself virtual."""
        return self._line is None or "virtual" in self.identity

    async def connect(self) -> None:
        """Open the control port and read who answers into `identity`. Moves nothing.

        Raises:
            DeviceError: Another client holds the port (3001), or this is no Meca500.
            WireError: Nothing answers.
        """
        async with self._lock:
            if self._line is None:
                self.identity = "Meca500 (dry run)"
            else:
                await self._greet(self._line)

    async def _greet(self, line: MecaLine) -> None:
        await line.wire.close()
        await line.wire.open()
        line.stops = set()
        answer = await line.expect(codes.CONNECTED)
        if "Meca500" not in answer.data:
            raise DeviceError(
                f"this is no Meca500 but {answer.data!r}",
                where=self._where,
                remedy="correct the address",
            )
        self.identity = answer.data.removeprefix("Connected to ").strip()

    async def close(self) -> None:
        """Close the control port; a robot that moves is stopped by that."""
        if self._line is not None:
            await self._line.wire.close()

    async def deactivate(self) -> None:
        """Switch the motors off; the brakes hold the arm."""
        async with self._lock:
            self._dry_ready = [False, False]
            if self._line is not None:
                await self._line.synchronise()
                await self._line.send(command("DeactivateRobot"))
                await self._listen(
                    self._line, "DeactivateRobot", lambda answer: answer.code == codes.DEACTIVATED
                )

    async def home(self) -> None:
        """Home the joints (and the gripper), unless they are. The joints turn a few degrees."""
        async with self._lock:
            self._check_released()
            if self._line is None:
                self._check_ready(self._dry_ready[0], homed=True)
                self._dry_ready[1] = True
                return
            await self._long("Home", codes.HOMED, codes.ALREADY_HOMED)

    async def joints(self) -> tuple[float, ...]:
        """Return the six measured joint angles (rad)."""
        async with self._lock:
            return tuple(radians(angle) for angle in await self._joints())

    async def status(self) -> RobotStatus:
        """Return what the robot says of itself.

        Raises:
            DeviceError: It reported an error or a stop since it was asked last.
        """
        async with self._lock:
            return await self._status()

    async def halt(self) -> None:
        """Stop the arm now: ClearMotion goes out before everything that waits for its turn.

        What moves raises HaltedError where it is awaited, and so does what would come next.
        """
        self._halted = True
        if self._line is not None:
            await self._line.send(_STOP)

    async def reset_error(self) -> None:
        """Clear the robot's error and a halt; the arm may move again but does not.

        A line that was lost is opened anew: the robot may then want to be activated and homed.

        Raises:
            DeviceError: The error stays; an emergency stop ends at the power supply only.
        """
        async with self._lock:
            if self._line is not None:
                try:
                    await self._drain()
                except WireError:
                    await self._greet(self._line)
                if codes.PSTOP2 in self._line.stops:
                    await self._line.ask(command("ResetPStop2"), codes.PSTOP2)
                if self._line.stops:
                    raise self._line.error(Answer(min(self._line.stops), "1"))
                now = await self._status()
                if now.error:
                    await self._line.ask(command("ResetError"), codes.ERROR_RESET, codes.NO_ERROR)
                if now.activated and now.paused:
                    # What a client that vanished has left in the queue must not come back to life.
                    await self._line.ask(_STOP, codes.CLEARED)
                    await self._line.ask(command("ResumeMotion"), codes.RESUMED)
            self._halted = False

    async def _status(self) -> RobotStatus:
        if self._line is None:
            activated, homed = self._dry_ready
            return RobotStatus(activated, homed, True, False, self._halted, True, True)
        flags = await self._line.ask_numbers("GetStatusRobot", codes.STATUS, 7)
        return RobotStatus(*(bool(flag) for flag in flags[:7]))

    async def _motion(self, frames: bytes, what: str) -> None:
        """Send a motion with a checkpoint behind it, and wait until the robot passes it."""
        if self._line is None:
            return
        self._checkpoint = self._checkpoint % _CHECKPOINTS + 1
        mine = str(self._checkpoint)
        await self._until(
            what,
            frames + command("SetCheckpoint", mine),
            lambda answer: answer.code == codes.CHECKPOINT and answer.data.strip() == mine,
        )

    async def _long(self, name: str, *done: int) -> None:
        """Send what takes the robot a while, and wait for its answer."""
        await self._until(name, command(name), lambda answer: answer.code in done)

    async def _until(self, what: str, frames: bytes, over: Callable[[Answer], bool]) -> None:
        """Send, and listen until it is over.

        Whatever ends it otherwise, an error or a cancel, halts the arm.
        """
        if self._line is None:
            return
        await self._line.synchronise()
        self._check_released()
        try:
            await self._line.send(self._feed(self._watchdog) + frames)
            await self._listen(self._line, what, over)
            await self._line.send(self._feed(0))
        except HaltedError:
            raise
        except BaseException:
            with contextlib.suppress(LabmeshError):
                await self.halt()
            raise

    async def _listen(self, line: MecaLine, what: str, over: Callable[[Answer], bool]) -> None:
        """Read until it is over. A silent robot is asked for a sign of life."""
        seconds = self._motion_timeout
        patience = Patience(self._clock, seconds)
        asked = False
        while True:
            try:
                answer = await line.next()
            except WireTimeoutError:
                if asked:
                    raise line.lost(what, "the robot does not answer") from None
                await line.send(self._feed(self._watchdog))
                await line.ask_mark()
                asked = True
                continue
            except WireError as error:
                raise line.lost(what, error.what) from None
            asked = False
            if over(answer):
                return
            if self._halted and answer.code in {codes.CLEARED, codes.CHECKPOINT_DISCARDED}:
                raise self._halted_error(f"halted during {what}")
            if codes.is_fault(answer.code, answer.data):
                raise line.error(answer, what)
            if patience.over:
                raise DeviceError(
                    f"{what} was not done after {seconds:.0f} s and was halted",
                    where=self._where,
                    remedy="look for what blocks the arm, then reset the error",
                )

    def _feed(self, seconds: float) -> bytes:
        """What keeps the robot's connection watchdog quiet, where there is one."""
        return command("ConnectionWatchdog", seconds) if self._watchdog else b""

    async def _drain(self) -> None:
        """Read away what the robot said until now, errors too, as long as they are few."""
        for attempt in range(_ERRORS if self._line is not None else 0, 0, -1):
            try:
                if self._line is not None:
                    await self._line.synchronise()
            except DeviceError:
                if attempt == 1:
                    raise
            else:
                return

    async def _joints(self) -> tuple[float, ...]:
        if self._line is None:
            return self._dry_joints
        return tuple((await self._line.ask_numbers("GetRtJointPos", codes.RT_JOINTS, 7))[1:7])

    def _check_ready(self, activated: bool, homed: bool) -> None:
        for ready, code in ((activated, 1005), (homed, 1006)):
            if not ready:
                text, remedy = codes.said(code)
                raise DeviceError(text, where=self._where, remedy=remedy, code=code)

    def _check_released(self) -> None:
        if self._halted:
            raise self._halted_error("the robot was halted")

    def _halted_error(self, what: str) -> HaltedError:
        return HaltedError(
            what, where=self._where, remedy="make sure that the way is free, then reset the error"
        )
