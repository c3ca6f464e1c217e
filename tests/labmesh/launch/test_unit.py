"""What is known of one process: which states count, when it is started again."""

from __future__ import annotations

from typing import cast

import pytest

from labmesh.launch._plan import NodeProcess, Respawn
from labmesh.launch._problem import Position
from labmesh.launch._process import Child
from labmesh.launch._unit import Unit, satisfies

HERE = Position("file", 1, 1)


class Alive:
    """Stands for a child that runs."""

    running = True


def unit(respawn: Respawn | None = None, *, autostart: bool = True) -> Unit:
    plan = NodeProcess(
        name="n",
        site="s",
        run="x",
        run_position=HERE,
        position=HERE,
        respawn=respawn,
        autostart=autostart,
    )
    return Unit(plan, "n")


def run(one: Unit) -> None:
    one.new_run(cast("Child", Alive()))


def test_a_retained_state_of_before_the_launch_does_not_count() -> None:
    one = unit()
    assert not one.take_life("active", 4, retained=True)
    run(one)
    assert not one.take_life("active", 4, retained=True)  # replayed after a reconnection
    assert not one.fulfils("active")
    assert one.take_life("active", 5, retained=True)
    assert one.fulfils("active")


def test_a_retained_state_of_a_former_run_does_not_count() -> None:
    one = unit()
    run(one)
    assert one.take_life("active", 1, retained=False)
    run(one)
    assert not one.fulfils("active")
    assert not one.take_life("active", 1, retained=True)
    assert one.take_life("active", 2, retained=False)


def test_a_live_state_counts_even_if_the_epoch_is_an_old_one() -> None:
    one = unit()
    one.take_life("active", 1, retained=True)  # of another data folder's first boot
    run(one)
    assert one.take_life("unconfigured", 1, retained=False)


@pytest.mark.parametrize(("autostart", "state"), [(True, "active"), (False, "unconfigured")])
def test_ready_once(autostart: bool, state: str) -> None:
    one = unit(autostart=autostart)
    run(one)
    assert not one.ready_once
    one.take_life(state, 1, retained=False)
    assert one.ready_once


@pytest.mark.parametrize(
    ("state", "wanted", "expected"),
    [
        ("active", "inactive", True),
        ("inactive", "active", False),
        ("unconfigured", "unconfigured", True),
        ("finalized", "unconfigured", False),
        ("finalized", "finalized", True),
        (None, "unconfigured", False),
    ],
)
def test_satisfies(state: str | None, wanted: str, expected: bool) -> None:
    assert satisfies(state, wanted) is expected


def test_back_off_doubles_to_a_limit_and_starts_anew_after_a_long_run() -> None:
    one = unit(Respawn(delay=2))
    assert [one.respawn_delay(1.0, 1) for _ in range(6)] == [2, 4, 8, 16, 30, 30]
    assert one.respawn_delay(60.0, 1) == 2


def test_a_delay_above_the_limit_stays() -> None:
    one = unit(Respawn(delay=100))
    assert [one.respawn_delay(1.0, 1) for _ in range(2)] == [100, 100]


def test_retries_are_counted_in_a_row() -> None:
    one = unit(Respawn(delay=1, max_retries=2))
    assert [one.respawn_delay(1.0, 1) for _ in range(3)] == [1, 2, None]
    assert unit(Respawn(delay=1, max_retries=0)).respawn_delay(1.0, 1) is None
    assert unit(None).respawn_delay(1.0, 1) is None


def test_what_has_done_its_work_is_not_started_again_where_only_kills_count() -> None:
    one = unit(Respawn(delay=1, when="killed"))
    assert one.respawn_delay(1.0, 137) == 1
    assert one.respawn_delay(1.0, 0) is None
    assert one.respawn_delay(1.0, 1) is None
    assert unit(Respawn(delay=1)).respawn_delay(1.0, 0) == 1
