"""Kinematics, limits and the language of the Meca500, without a line."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.clock import ManualClock
from nodes.autobass.devices import MECA500_R3, WorkZone
from nodes.autobass.devices._meca_kinematics import forward, frame, inverse, pose_of
from nodes.autobass.devices._meca_limits import ReachError, check_zone, line, nearest
from nodes.autobass.devices._meca_line import command, parse
from nodes.autobass.sim import Meca500Simulator

REACHES = [(low + 1, high - 1) for low, high in (*MECA500_R3.joints[:5], (-170.0, 170.0))]
POSTURES = st.tuples(*(st.floats(low, high) for low, high in REACHES))


@pytest.mark.parametrize(
    ("joints", "pose"),
    [
        ((0, 0, 0, 0, 0, 0), (190, 0, 308, 0, 90, 0)),
        ((90, 0, 0, 0, 0, 0), (0, 190, 308, -90, 0, 90)),
        ((0, 0, 0, 0, 90, 0), (120, 0, 238, 180, 0, 180)),
        ((0, -60, 60, 0, 0, 0), (73.087, 0, 240.5, 0, 90, 0)),
    ],
)
def test_poses_are_those_of_the_manual(joints: tuple[float, ...], pose: tuple[float, ...]) -> None:
    np.testing.assert_allclose(forward(joints), frame(pose), atol=1e-3)


@settings(max_examples=50, deadline=None)
@given(POSTURES)
def test_each_posture_is_among_those_that_reach_its_pose(joints: tuple[float, ...]) -> None:
    flange = forward(joints)
    found = inverse(frame(pose_of(flange)))
    for posture in found:
        np.testing.assert_allclose(forward(posture), flange, atol=1e-5)
    apart = [np.abs((np.subtract(each, joints) + 180) % 360 - 180).max() for each in found]
    straight_wrist = abs(np.sin(np.radians(joints[4]))) < 1e-3
    assert straight_wrist or min(apart) < 1e-3


def test_a_line_is_straight_and_out_of_reach_where_it_is() -> None:
    start = (0.0,) * 6
    path = line(start, frame((190, 60, 250, 0, 90, 0)), MECA500_R3)
    points = np.array([forward(joints)[:3, 3] for joints in path])
    way = points[-1] - points[0]
    off = np.cross(points - points[0], way / np.linalg.norm(way))
    assert np.abs(off).max() < 1e-6
    with pytest.raises(ReachError, match=r"\[1016\] flange at \(\d+.*out of reach"):
        line(start, frame((600, 0, 250, 0, 90, 0)), MECA500_R3)
    with pytest.raises(ReachError, match=r"\[1007\].*beyond its limit"):
        nearest(forward((0, 0, 0, 0, 118, 0)), start, MECA500_R3)
    with pytest.raises(ReachError, match=r"\[3049\] the tool would be at"):
        check_zone([start], frame((0, 0, 100, 0, 0, 0)), WorkZone((0, -0.05, 0), (0.25, 0.05, 0.4)))


@given(st.binary(max_size=60))
def test_whatever_comes_is_a_message_or_none(raw: bytes) -> None:
    answer = parse(raw)
    assert answer is None or answer.code >= 0


@given(st.integers(0, 9999), st.text("abc 0.,-:[]()", max_size=30))
def test_messages_survive(code: int, data: str) -> None:
    answer = parse(f"[{code}][{data}]\0".encode())
    assert answer is not None
    assert (answer.code, answer.data) == (code, data)


def test_numbers_are_sent_without_exponents() -> None:
    assert command("MoveJoints", 1e-9, -0.0, 12.5, 100) == b"MoveJoints(0,0,12.5,100)\0"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("GetSMovJins(),-.0127 \\[Ccheckpot", max_size=30), max_size=4))
def test_the_simulator_survives_any_command(texts: list[str]) -> None:
    async def feed() -> None:
        sim = Meca500Simulator(clock=ManualClock())
        await sim.start()
        for text in (*texts, "MoveJoints(1e999,0,0,0,0,0)", "SetTRF(nan,0,0,0,0,0)"):
            sim._console.handle(text)
        await sim.end_tasks()
        assert sim.arm.joints == (0, -60, 60, 0, 0, 0)

    asyncio.run(feed())
