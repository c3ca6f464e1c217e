"""What must not happen at the same time is refused, in words."""

from __future__ import annotations

import pytest

from labmesh.devices import Atmosphere
from nodes.autobass._interlocks import InterlockError, Interlocks, unfit


def test_arm_and_crimper_exclude_each_other() -> None:
    locks = Interlocks()
    locks.arm_to("post")
    with pytest.raises(InterlockError, match="the arm is over the post"):
        locks.crimper_begins()
    locks.arm_to("safe")
    locks.crimper_begins()
    with pytest.raises(InterlockError, match="may not go over the post: the crimper is busy"):
        locks.arm_to("post")
    locks.arm_to("tray")  # elsewhere it may work
    assert locks.zone == "tray"
    locks.crimper_ended()
    locks.arm_to("crimper")


def test_a_second_arm_counts_as_well() -> None:
    busy = True
    locks = Interlocks({"the second arm": lambda: busy})
    with pytest.raises(InterlockError, match="the second arm is busy"):
        locks.arm_to("post")
    with pytest.raises(InterlockError, match="the second arm is busy"):
        locks.crimper_begins()
    busy = False
    locks.arm_to("post")


def test_the_rail_drives_within_its_limits_and_with_the_arm_safe() -> None:
    locks = Interlocks(low=0.1, high=1.5)
    locks.rail_to(1.5)
    for position in (0.0, 1.6):
        with pytest.raises(InterlockError, match="outside the rail's limits"):
            locks.rail_to(position)
    locks.arm_to("tray")
    with pytest.raises(InterlockError, match="while the arm is over the tray"):
        locks.rail_to(1.0)


def test_an_unfit_atmosphere_is_named() -> None:
    fit = Atmosphere(5e-7, 5e-7, 300.0, 298.0, doors_closed=True)
    assert unfit(fit, oxygen=1e-6, water=1e-6) == []
    bad = Atmosphere(3e-6, 5e-7, 300.0, 298.0, False, ("blower",), ("antechamber_inner",))
    assert unfit(bad, oxygen=1e-6, water=1e-6) == [
        "O2 3 ppm is above 1 ppm", "antechamber inner is open", "alarm blower",
    ]  # fmt: skip
