"""The manufacturer's own client judges the simulator, which runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import mecademicpy.robot as vendor
import pytest
from mecademicpy.robot_classes import CommunicationError, InterruptException

from tests.support import Processes


async def test_the_vendors_client_is_satisfied(processes: Processes) -> None:
    sim = await processes.start(
        Path(sys.executable).with_name("labmesh"), "sim", "meca500", "--port", "control=0",
        "--port", "monitor=0", "--rate", "40", "--json",
    )  # fmt: skip
    await sim.wait_line('"monitor"')
    said = [json.loads(line) for line in sim.stdout]
    control, monitor = (line["address"].removeprefix("tcp://") for line in said[:2])
    await asyncio.to_thread(_judge, control, monitor)


def _judge(control: str, monitor: str) -> None:
    robot = _client()
    robot.Connect(control, timeout=10, disconnect_on_exception=False)
    try:
        assert str(robot.GetRobotInfo().model) == "Meca500"
        assert robot.GetRobotInfo().is_virtual  # it says that it is simulated
        robot.ActivateRobot()
        robot.WaitActivated(timeout=20)
        robot.Home()
        robot.WaitHomed(timeout=20)
        _move(robot)
        _stop(robot)
        _watch(control, monitor)
        robot.DeactivateRobot()
        robot.WaitDeactivated(timeout=20)
    finally:
        robot.Disconnect()


def _client() -> Any:
    robot = vendor.Robot()
    robot.default_timeout = 20.0  # of a machine that does many things at once
    return robot


def _move(robot: Any) -> None:
    robot.SetJointVel(50)
    robot.MoveJoints(0, 0, 0, 0, 0, 0)
    robot.SetCheckpoint(7).wait(timeout=20)
    position = robot.GetRtTargetCartPos(synchronous_update=True)
    assert position == pytest.approx([190, 0, 308, 0, 90, 0], abs=1e-3)
    robot.MovePose(190, 20, 250, 0, 90, 0)
    robot.MoveLin(190, 0, 250, 0, 90, 0)
    robot.WaitIdle(timeout=20)
    position = robot.GetRtTargetCartPos(synchronous_update=True)
    assert position == pytest.approx([190, 0, 250, 0, 90, 0], abs=1e-3)
    robot.GripperClose()
    robot.WaitGripperMoveCompletion(timeout=20)
    assert robot.GetRtGripperState(synchronous_update=True).holding_part


def _stop(robot: Any) -> None:
    robot.MoveJoints(100, 0, 0, 0, 0, 0)
    checkpoint = robot.SetCheckpoint(8)
    robot.ClearMotion()
    robot.WaitMotionCleared(timeout=20)
    with pytest.raises(InterruptException):
        checkpoint.wait(timeout=20)
    robot.ResumeMotion()
    robot.WaitMotionResumed(timeout=20)
    robot.MoveJoints(200, 0, 0, 0, 0, 0)
    with pytest.raises(InterruptException):
        robot.WaitIdle(timeout=20)
    assert robot.GetStatusRobot(synchronous_update=True).error_status
    robot.ResetError()
    robot.WaitErrorReset(timeout=20)
    robot.ResumeMotion()
    robot.WaitMotionResumed(timeout=20)


def _watch(control: str, monitor: str) -> None:
    second = _client()
    with pytest.raises(CommunicationError, match="Another user"):
        second.Connect(control, disconnect_on_exception=False)
    watcher = _client()
    watcher.Connect(monitor, monitor_mode=True)
    watcher.WaitHomed(timeout=20)
    watcher.Disconnect()
