from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labmesh import OrderError
from nodes.cycler._desk import Assignment, Desk

SECOND = 10**9
ALL = range(1, 5)


@pytest.fixture
def open_desk(tmp_path: Path) -> Callable[[], Desk]:
    return lambda: Desk(tmp_path / "channels.sqlite", 4)


def take(
    desk: Desk, request: str, cell: str, reservation: str = "", *, owner: str = "kit/me",
    now: int = 0,
) -> Assignment:  # fmt: skip
    return desk.take(
        request, owner, cell, reservation, usable=ALL, now=now * SECOND, prefix="virtual-"
    )


def test_reserved_channels_are_kept_until_they_expire(open_desk: Callable[[], Desk]) -> None:
    desk = open_desk()
    kept = desk.reserve("aa-1", "kit/me", 3, usable=ALL, now=0, ttl=20)
    assert kept is not None
    assert kept.channels == (1, 2, 3)
    assert desk.reserve("aa-1", "kit/me", 3, usable=ALL, now=SECOND, ttl=20) == kept  # a retry
    assert desk.reserve("bb-2", "kit/you", 2, usable=ALL, now=SECOND, ttl=20) is None
    desk.close()
    desk = open_desk()  # after a restart
    assert desk.reservations(19 * SECOND) == [kept]
    assert take(desk, "r1", "c1", now=5).channel == 4  # nobody has reserved it
    assert desk.reservations(20 * SECOND) == []
    other = desk.reserve("bb-2", "kit/you", 2, usable=ALL, now=21 * SECOND, ttl=20)
    assert other is not None
    assert other.channels == (1, 2)


def test_a_reservation_is_its_owners_and_is_used_up(open_desk: Callable[[], Desk]) -> None:
    desk = open_desk()
    kept = desk.reserve("aa-1", "kit/me", 2, usable=ALL, now=0, ttl=20)
    assert kept is not None
    with pytest.raises(OrderError, match="is of kit/me, not of kit/you"):
        take(desk, "r1", "c1", kept.id, owner="kit/you")
    first, second = take(desk, "r1", "c1", kept.id), take(desk, "r2", "c2", kept.id)
    assert {first.channel, second.channel} == {1, 2}
    assert first.test != second.test
    with pytest.raises(OrderError, match="no channel left"):
        take(desk, "r3", "c3", kept.id)
    with pytest.raises(OrderError, match="there is no reservation 'r-nonsense', or it has expired"):
        take(desk, "r3", "c3", "r-nonsense")


def test_a_request_finds_its_test_again(open_desk: Callable[[], Desk]) -> None:
    desk = open_desk()
    before = take(desk, "r1", "c1")
    desk.close()
    desk = open_desk()
    assert take(desk, "r1", "c1") == before
    with pytest.raises(OrderError, match="cell c1 is in channel 1") as caught:
        take(desk, "r2", "c1")
    assert caught.value.retryable
    anew = desk.again("r1")
    assert anew.channel == before.channel
    assert anew.test == f"{before.test}-2"
    assert take(desk, "r1", "c1") == anew
    desk.free("r1")
    assert take(desk, "r2", "c1").channel == 1


def test_no_channel_free_may_be_tried_again(open_desk: Callable[[], Desk]) -> None:
    desk = open_desk()
    for number in range(4):
        take(desk, f"r{number}", f"c{number}")
    with pytest.raises(OrderError, match="no channel is free") as caught:
        take(desk, "r9", "c9")
    assert caught.value.retryable
