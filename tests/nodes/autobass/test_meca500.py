"""The Meca500's driver and its simulator over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from labmesh.clock import Clock, ManualClock
from labmesh.devices import DeviceError, HaltedError, LimitError
from labmesh.sim import SimulatorServer, run_simulator
from labmesh.wire import WireError, byte_wire
from nodes.autobass.devices import Meca500, Pose, WorkZone
from nodes.autobass.sim import Meca500Options, Meca500Simulator
from tests.nodes.autobass.fast_clock import FastClock

DEGREE = 3.141592653589793 / 180


@asynccontextmanager
async def cell(
    clock: Clock, *, ready: bool = True, **options: object
) -> AsyncIterator[tuple[Meca500, Meca500Simulator, SimulatorServer]]:
    """A simulated robot and its driver, activated and homed."""
    sim = Meca500Simulator(Meca500Options.model_validate(options), clock=clock)
    async with run_simulator(sim) as server:
        robot = Meca500(byte_wire(server.address()), clock=clock, answer_timeout=5.0)
        await robot.connect()
        if ready:
            await robot.activate()
            await robot.home()
        yield robot, sim, server
        await robot.close()
    assert not sim.troubles


async def again(act: Callable[[], Awaitable[None]]) -> None:
    """Try until the line is there."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await act()
            except WireError:
                await asyncio.sleep(0.01)


async def until_held(sim: Meca500Simulator) -> None:
    async with asyncio.timeout(10):
        while not sim.arm.paused:
            await asyncio.sleep(0.001)


async def moving(sim: Meca500Simulator) -> None:
    async with asyncio.timeout(10):
        while not sim.arm.moving:
            await asyncio.sleep(0.001)


async def test_moves_by_joints_poses_and_lines() -> None:
    clock = FastClock()
    async with cell(clock) as (robot, _, _):
        assert robot.identity == "Meca500 R3-virtual v10.2.3"
        await robot.move_joints([0.0] * 6)
        begun = clock.now()
        await robot.move_joints([90 * DEGREE, 0, 0, 0, 0, 0])
        assert (clock.now() - begun) / 1e9 == pytest.approx(90 / (150 * 0.25), abs=0.01)
        await robot.move_pose(Pose.of(190, 0, 250, 0, 90, 0))
        await robot.move_linear(Pose.of(190, 40, 250, 0, 90, 0))
        await robot.move_linear_relative(Pose.of(0, 0, 20))
        await robot.move_linear_relative(Pose.of(0, 0, -15), frame_of="tool")
        assert (await robot.pose()).device == pytest.approx((175, 40, 270, 0, 90, 0), abs=1e-3)
        status = await robot.status()
        assert (status.homed, status.end_of_block, status.error) == (True, True, False)
        assert (await robot.gripper("close")).holding
        assert not (await robot.gripper("open")).holding


async def test_tool_and_reference_frames_are_the_robots_too() -> None:
    sim = Meca500Simulator(clock=FastClock())
    async with run_simulator(sim) as server:
        robot = Meca500(
            byte_wire(server.address()), clock=sim.clock, tool=Pose.of(0, 0, 50),
            reference=Pose.of(100, 0, 0),
        )  # fmt: skip
        await robot.connect()
        await robot.activate()
        await robot.home()
        await robot.move_joints([0.0] * 6)
        assert (await robot.pose()).device[:3] == pytest.approx((140, 0, 308), abs=1e-3)
        await robot.move_pose(Pose.of(120, 20, 308, 0, 90, 0))
        assert (await robot.pose()).device[:3] == pytest.approx((120, 20, 308), abs=1e-3)
        await robot.close()


async def test_limits_are_refused_before_a_byte_is_sent_and_by_the_robot_too() -> None:
    async with cell(FastClock(), work_zone=(-400, -400, 0, 400, 400, 300)) as (robot, sim, _):
        here = sim.arm.joints
        with pytest.raises(LimitError, match="joint 1 at 180 degrees, outside -175..175"):
            await robot.move_joints([180 * DEGREE, 0, 0, 0, 0, 0])
        with pytest.raises(LimitError, match="out of reach; choose a pose within 330 mm"):
            await robot.move_linear(Pose.of(500, 0, 100, 0, 90, 0))
        with pytest.raises(LimitError, match="force 2 is no share"):
            await robot.gripper("close", force=2.0)
        assert not (await robot.status()).paused  # nothing went wrong there
        # The driver knows of no work zone; the robot does, and stops.
        with pytest.raises(DeviceError, match=r"robot error 3049.*inside it") as caught:
            await robot.move_pose(Pose.of(190, 0, 308, 0, 90, 0))
        assert caught.value.code == 3049
        assert sim.arm.joints == here
        with pytest.raises(HaltedError):
            await robot.move_joints([0.0] * 6)
        await robot.reset_error()
    zone = WorkZone((-0.4, -0.4, 0), (0.4, 0.4, 0.3))
    dry = Meca500(None, clock=FastClock(), work_zone=zone)
    with pytest.raises(LimitError, match="the flange would be at"):
        await dry.move_joints([0.0] * 6)
    dry._dry_joints = (-60.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    dry._zone = WorkZone((-1, -1, 0), (0.15, 1, 1))
    with pytest.raises(LimitError, match=r"the flange would be at \(15"):
        await dry.move_joints([60 * DEGREE, 0, 0, 0, 0, 0])  # both ends are inside, the way is not


async def test_a_dry_run_goes_through_the_same_checks() -> None:
    robot = Meca500(None, clock=FastClock())
    await robot.connect()
    with pytest.raises(DeviceError, match="the robot is not activated"):
        await robot.move_joints([0.0] * 6)
    await robot.activate()
    await robot.home()
    await robot.move_pose(Pose.of(190, 20, 250, 0, 90, 0))
    assert (await robot.pose()).device == pytest.approx((190, 20, 250, 0, 90, 0), abs=1e-6)
    await robot.halt()
    with pytest.raises(HaltedError, match="make sure that the way is free"):
        await robot.move_joints([0.0] * 6)


async def test_a_halt_stops_the_arm_where_it_is() -> None:
    clock = ManualClock()
    async with cell(clock, ready=False, activation_time=0, homing_time=0) as (robot, sim, _):
        await robot.activate()
        await robot.home()
        first = asyncio.create_task(robot.move_joints([60 * DEGREE, 0, 0, 0, 0, 0]))
        second = asyncio.create_task(robot.move_joints([0.0] * 6))
        await moving(sim)
        await clock.advance(0.4)
        await robot.halt()  # while the first holds the driver's lock
        with pytest.raises(HaltedError, match="halted during MoveJoints"):
            await first
        with pytest.raises(HaltedError, match="the robot was halted"):
            await second
        stopped = sim.arm.joints
        assert stopped[0] == pytest.approx(0.4 * 150 * 0.25)
        await clock.advance(60)
        assert sim.arm.joints == stopped
        await robot.reset_error()
        await clock.advance(60)
        assert sim.arm.joints == stopped  # a reset moves nothing


async def test_a_cancelled_move_is_a_stopped_move() -> None:
    clock = ManualClock()
    async with cell(clock, ready=False, activation_time=0, homing_time=0) as (robot, sim, _):
        await robot.activate()
        await robot.home()
        move = asyncio.create_task(robot.move_joints([60 * DEGREE, 0, 0, 0, 0, 0]))
        await moving(sim)
        move.cancel()
        with pytest.raises(asyncio.CancelledError):
            await move
        assert (await robot.status()).paused
        assert not sim.arm.moving


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("collision", "MoveJoints: robot error 3041, collision"),
        ("motion_error", "MoveJoints: robot error 3005, motion error: the arm does not follow"),
        ("estop", r"3070, emergency stop; release the button and press reset.*software cannot"),
        ("pstop1", "3069, protective stop 1"),
        ("pstop2", "3032, protective stop 2"),
        ("power_cut", "MoveJoints: the instrument closed the connection.*see where the arm is"),
    ],
)
async def test_what_ends_a_motion_is_said(fault: str, words: str) -> None:
    clock = ManualClock()
    async with cell(clock, ready=False, activation_time=0, homing_time=0) as (robot, sim, _):
        await robot.activate()
        await robot.home()
        move = asyncio.create_task(robot.move_joints([60 * DEGREE, 0, 0, 0, 0, 0]))
        await moving(sim)
        await clock.advance(0.2)
        sim.faults.order(fault)
        with pytest.raises(DeviceError, match=words):
            await move
        stopped = sim.arm.joints
        assert 0 < stopped[0] < 60
        if fault in {"estop", "pstop1"}:
            with pytest.raises(DeviceError, match="software cannot"):
                await robot.reset_error()
        sim.faults.clear()
        await again(robot.reset_error)  # power takes a moment to come back
        await robot.activate()
        await robot.home()
        assert sim.arm.joints == stopped


async def test_a_jammed_arm_and_a_silent_robot_are_told_apart() -> None:
    clock = FastClock()
    async with cell(clock) as (robot, sim, _):
        robot._line._timeout = 0.3  # type: ignore[union-attr]
        robot._motion_timeout = 1.0
        sim.faults.order("jam")
        waiting = asyncio.create_task(_pass(clock))
        with pytest.raises(DeviceError, match="not done after 1 s and was halted; look for what"):
            await robot.move_joints([0.0] * 6)
        waiting.cancel()
        sim.faults.clear()
        await robot.reset_error()
        sim.faults.order("no_answer")
        with pytest.raises(Exception, match="within 0.3 s, nothing came"):
            await robot.move_joints([0.0] * 6)


async def test_silence_in_mid_motion_and_the_robots_own_watchdog() -> None:
    clock = ManualClock()
    options = {"activation_time": 0, "homing_time": 0}
    async with cell(clock, ready=False, **options) as (robot, sim, _):
        await robot.activate()
        await robot.home()
        robot._line._timeout, robot._watchdog = 0.1, 30.0  # type: ignore[union-attr]
        fed: list[float] = []
        sim._console._feed = fed.append
        move = asyncio.create_task(robot.move_joints([60 * DEGREE, 0, 0, 0, 0, 0]))
        async with asyncio.timeout(10):
            while len(fed) < 3:
                await asyncio.sleep(0.01)
        assert sim.arm.moving
        sim.faults.order("no_answer")
        with pytest.raises(DeviceError, match="MoveJoints: the robot does not answer; look at"):
            await move
        await until_held(sim)
        sim.faults.clear()
        robot._line._timeout, robot._watchdog = 10.0, 0.05  # type: ignore[union-attr]
        await robot.reset_error()
        sim._console._feed = sim._feed_watchdog
        with pytest.raises(DeviceError, match=r"3086, the connection watchdog|closed the conn"):
            await robot.move_joints([60 * DEGREE, 0, 0, 0, 0, 0])  # this process is as if frozen
        assert sim.arm.paused


async def _pass(clock: FastClock) -> None:
    while True:
        await clock.sleep(0.5)


async def test_garbage_is_not_taken_for_an_answer() -> None:
    async with cell(FastClock()) as (robot, sim, _):
        robot._line._timeout = 0.05  # type: ignore[union-attr]
        sim.faults.order("garbage")
        with pytest.raises(Exception, match="the robot sent|within 0.05 s, only b"):
            await robot.status()
        sim.faults.clear()


async def test_one_client_holds_the_control_port_and_its_end_stops_the_arm() -> None:
    clock = ManualClock()
    options = {"activation_time": 0, "homing_time": 0}
    async with cell(clock, ready=False, **options) as (robot, sim, server):
        await robot.activate()
        await robot.home()
        other = Meca500(byte_wire(server.address()), clock=clock)
        with pytest.raises(DeviceError, match="3001, another client holds the control port"):
            await other.connect()
        move = asyncio.create_task(robot.move_joints([60 * DEGREE, 0, 0, 0, 0, 0]))
        await moving(sim)
        await robot.close()
        with pytest.raises(DeviceError, match="the line was closed"):
            await move
        await until_held(sim)
        await other.connect()
        for asked in (other.check_held, other.activate):
            with pytest.raises(DeviceError, match="stopped in mid-motion and is held; see where"):
                await asked()
        await other.reset_error()
        await other.check_held()
        await other.activate()
        stopped = sim.arm.joints
        await clock.advance(60)
        assert sim.arm.joints == stopped  # what was left in the queue is forgotten
        await other.close()


async def test_onlookers_see_where_the_arm_is() -> None:
    clock = FastClock()
    async with cell(clock) as (robot, _, server):
        watcher = byte_wire(server.address("monitor"))
        await watcher.open()
        assert b"Connected to Meca500" in await watcher.read_until(b"\0", timeout=2)
        await robot.move_joints([0.0] * 6)
        async with asyncio.timeout(10):
            while b"[2027][190.00000,0.00000,308.00000," not in (
                await watcher.read_until(b"\0", timeout=2)
            ):
                pass
        await watcher.close()
