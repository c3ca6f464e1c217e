"""Simulator of a Mecademic Meca500 R3 with its electric gripper."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from labmesh.clock import Clock
from labmesh.sim import SimLine, SimPort, Simulator, SimulatorOptions
from nodes.autobass.devices import _meca_codes as codes
from nodes.autobass.sim._meca_arm import Arm
from nodes.autobass.sim._meca_console import Console, in_millimetres, listed
from nodes.autobass.sim._meca_gripper import Gripper
from nodes.autobass.sim._meca_motion import tool_pose
from nodes.autobass.sim._meca_tables import FIRMWARE

_STOPS = {"estop": codes.ESTOP, "pstop1": codes.PSTOP1, "pstop2": codes.PSTOP2}


class Meca500Options(SimulatorOptions):
    """What may be set of the simulated robot."""

    serial: str = Field("SIM-00001", description="serial number")
    gripper: bool = Field(default=True, description="whether there is an electric gripper")
    part: float = Field(
        2.0, ge=0, le=6, description="width in mm of what the gripper closes on; 0: nothing"
    )
    activation_time: float = Field(2.0, ge=0, description="seconds until the motors are on")
    homing_time: float = Field(4.0, ge=0, description="seconds that homing takes")
    work_zone: tuple[float, float, float, float, float, float] | None = Field(
        None, description="least x, y, z and greatest x, y, z in mm that flange and tool may have"
    )


class Meca500Simulator(Simulator[Meca500Options]):
    """A Meca500: one client on the control port, any number on the monitoring port."""

    title: ClassVar[str] = "Mecademic Meca500 (simulated)"
    ports: ClassVar[tuple[SimPort, ...]] = (
        SimPort("control", "tcp", 10000, "commands and answers, each ended by NUL"),
        SimPort("monitor", "tcp", 10001, "joints, pose and status, streamed"),
    )
    fault_kinds: ClassVar[Mapping[str, str]] = {
        "collision": "what moves, or else the next move half-way, ends in a collision (3041)",
        "jam": "the arm does not proceed while this lasts, and reports nothing",
        "motion_error": "the drives report that the arm does not follow (3005)",
        "missed_part": "the next time the gripper closes, there is nothing",
        "homing_failed": "homing fails (1014)",
        "estop": "emergency stop (3070) until cleared; no command resets it",
        "pstop1": "protective stop 1 (3069) until cleared; no command resets it",
        "pstop2": "protective stop 2 (3032); once cleared it may be reset",
    }
    Options: ClassVar[type[SimulatorOptions]] = Meca500Options

    def __init__(
        self, options: Meca500Options | None = None, *, clock: Clock | None = None
    ) -> None:
        super().__init__(options, clock=clock)
        self._gripper = Gripper(self.clock, self.options.part) if self.options.gripper else None
        self.arm = Arm(self.clock, self._say, self._grip)
        self._console = self._new_console()
        self._control: asyncio.Queue[bytes] | None = None
        self._monitors: set[asyncio.Queue[bytes]] = set()
        self._told: dict[int, str] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._expired = asyncio.Event()
        zone = self.options.work_zone
        if zone is not None:
            self.arm.settings.zone = in_millimetres(zone)

    async def start(self) -> None:
        """Power comes on: motors off, not homed; the arm is where it was."""
        self.arm.power()
        self._console = self._new_console()
        for kind, code in _STOPS.items():
            if self.faults.active(kind):
                self._console.stops[code] = 1
        self.spawn(self.arm.live(), name="arm")

    async def stop(self) -> None:
        """Power goes: the brakes hold the arm where it is."""
        self.arm.power()
        self._feed_watchdog()

    def trip(self, kind: str) -> None:
        """Collide, jam, stop."""
        if kind == "collision":
            self.faults.clear(kind)
            if self.arm.moving:
                self.arm.fail(codes.COLLISION, "Collision detected.")
            else:
                self.arm.collides = True
        elif kind == "jam":
            self.arm.jam(jammed=True)
        elif kind == "motion_error":
            self.faults.clear(kind)
            self.arm.fail(3005, "Motion error: the arm does not follow.")
        elif kind == "missed_part" and self._gripper is not None:
            self.faults.clear(kind)
            self._gripper.misses = True
        elif kind in _STOPS:
            self._stop_safely(_STOPS[kind], 1)
        self._tell_status()

    def cleared(self, kind: str) -> None:
        """Free the arm; let go of a button and, but for protective stop 2, press reset."""
        if kind == "jam":
            self.arm.jam(jammed=False)
        elif kind in _STOPS and _STOPS[kind] in self._console.stops:
            self._stop_safely(_STOPS[kind], 2)
            if kind != "pstop2":
                self._stop_safely(_STOPS[kind], 0)
        self._tell_status()

    async def serve(self, port: str, line: SimLine) -> None:
        """Serve one connection."""
        if port == "monitor":
            await self._serve_monitor(line)
            return
        if self._control is not None:
            await line.write(_message(codes.USER_ALREADY, "Another user is already connected."))
            return
        self._control = asyncio.Queue()
        self._console.on_control = False
        writer = asyncio.create_task(self._write(line, self._control))
        streamer = asyncio.create_task(self._stream(self._control, control=True))
        try:
            self._say(codes.CONNECTED, f"Connected to Meca500 R3-virtual v{FIRMWARE}")
            await self._answer(line)
        finally:
            self._control = None
            await _end(writer, streamer)
            self._feed_watchdog()
            if self.arm.pending:
                self._drop()

    async def _answer(self, line: SimLine) -> None:
        """Answer commands until the watchdog expires, or the client hangs up."""
        expired = asyncio.ensure_future(self._expired.wait())
        reading = asyncio.ensure_future(line.read_until(b"\0"))
        try:
            while True:
                await asyncio.wait({expired, reading}, return_when=asyncio.FIRST_COMPLETED)
                if expired.done():
                    return
                raw = reading.result()
                self._console.handle(raw.removesuffix(b"\0").decode("ascii", "replace"))
                self._tell_status()
                reading = asyncio.ensure_future(line.read_until(b"\0"))
        finally:
            expired.cancel()
            reading.cancel()

    async def _serve_monitor(self, line: SimLine) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queue.put_nowait(
            _message(codes.CONNECTED, f"Connected to Meca500 R3-virtual v{FIRMWARE}")
            + b"".join(_message(c, self._console.state(c)) for c in self._console.states())
        )
        self._monitors.add(queue)
        tasks = [
            asyncio.create_task(self._write(line, queue)),
            asyncio.create_task(self._stream(queue, control=False)),
        ]
        try:
            while True:
                await line.read()
        finally:
            self._monitors.discard(queue)
            await _end(*tasks)

    async def _write(self, line: SimLine, queue: asyncio.Queue[bytes]) -> None:
        while True:
            data = await queue.get()
            while not queue.empty():
                data += queue.get_nowait()
            await line.write(data)

    async def _stream(self, queue: asyncio.Queue[bytes], *, control: bool) -> None:
        """Send where the arm is, every monitoring interval of wall time: it is for onlookers."""
        while True:
            watched = self._console.on_control or not control
            await asyncio.sleep(self._console.interval if watched else 0.1)
            if queue.empty() and (self._console.on_control or not control):
                arm = self.arm
                data = _message(codes.JOINTS, listed(arm.joints))
                data += _message(codes.POSE, listed(tool_pose(arm.joints, arm.settings)))
                for code in self._console.streams:
                    data += _message(code, self._console.real_time(code))
                queue.put_nowait(data + _message(codes.CYCLE_END, f"{self.clock.now() // 1000}"))
                self._tell_status()

    def _say(self, code: int, data: str) -> None:
        if code in self._console.switched_off:
            return
        if code == codes.CHECKPOINT:
            self._console.checkpoint = int(data)
        frame = _message(code, data)
        if self._control is not None:
            self._control.put_nowait(frame)
        if code >= codes.CONNECTED:
            for monitor in self._monitors:
                monitor.put_nowait(frame)
        self._tell_status()

    def _tell_status(self) -> None:
        """Send what has changed of status, tool and gripper to whoever watches."""
        states = self._console.states()
        changed = [code for code, state in states.items() if self._told.get(code) != state]
        if not changed:
            return
        self._told = states
        watching = set(self._monitors)
        if self._control is not None and self._console.on_control:
            watching.add(self._control)
        for queue in watching:
            queue.put_nowait(b"".join(_message(c, self._console.state(c)) for c in changed))

    def _stop_safely(self, code: int, state: int) -> None:
        """Begin a safety stop (1), make it resettable (2), or end it (0)."""
        if state:
            self._console.stops[code] = state
        else:
            self._console.stops.pop(code, None)
        self._say(code, str(state))
        if state == 1 and code == codes.PSTOP2:
            self.arm.clear()
        elif state == 1:
            self.arm.deactivate()

    def _drop(self) -> None:
        """Hold because the client has gone: nobody could stop the arm."""
        self.arm.pause()
        self._say(codes.CONNECTION_DROPPED, "1")

    def _feed_watchdog(self, seconds: float = 0.0) -> None:
        """Begin the connection watchdog anew; wall time, as it is about the connection."""
        self._expired.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if seconds:
            self._watch = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        """Hold, and hang up."""
        self._drop()
        self._expired.set()

    def _grip(self, name: str, arguments: tuple[float, ...]) -> None:
        if self._gripper is not None:
            self._gripper.start(name, arguments, self.arm.settings["grippervel"])

    def _new_console(self) -> Console:
        return Console(
            self.arm, self._gripper, self.clock, serial=self.options.serial, say=self._say,
            begin=self._begin,
            feed=self._feed_watchdog,
        )  # fmt: skip

    def _begin(self, name: str) -> None:
        self.spawn(self._take_time(name), name=name)

    async def _take_time(self, name: str) -> None:
        """Activate or home."""
        arm, options = self.arm, self.options
        if name == "activaterobot":
            if arm.activated:
                self._say(codes.ALREADY_ACTIVATED, "Motors already activated.")
                return
            if not self._console.stops:
                await self.clock.sleep(options.activation_time)
            if self._console.stops:
                self._say(1013, "Activation failed: a safety stop is active.")
                return
            arm.activate()
            self._say(codes.ACTIVATED, "Motors activated.")
        elif arm.homed:
            self._say(codes.ALREADY_HOMED, "Homing already done.")
        elif not arm.activated:
            self._say(1005, "The robot is not activated.")
        else:
            await self.clock.sleep(options.homing_time)
            if self.faults.take("homing_failed") or not arm.activated:
                arm.fail(1014, "Homing failed.")
                return
            arm.homed = True
            self._say(codes.HOMED, "Homing done.")


def _message(code: int, data: str) -> bytes:
    return f"[{code}][{data}]\0".encode("ascii", "replace")


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
