"""Nobody fills the ledger's hands, and a flood is said once in a while, not once a message."""

from __future__ import annotations

from nodes.broker._quota import IN_HAND, SAID, Quota


def test_beyond_its_share_an_author_is_dropped_and_others_are_not() -> None:
    quota = Quota(lambda _: None)
    assert all(quota.admit("kit/eve") for _ in range(IN_HAND))
    assert not quota.admit("kit/eve")
    assert quota.admit("kit/opt")
    quota.release("kit/eve")
    assert quota.admit("kit/eve")
    assert not quota.admit("kit/eve")
    assert quota.dropped == 2


def test_a_flood_is_told_and_its_end_too() -> None:
    told: list[str] = []
    quota = Quota(told.append)
    quota.look(0.0)
    assert told == []
    for _ in range(IN_HAND + 5):
        quota.admit("kit/eve")
    quota.look(1.0)
    quota.admit("kit/eve")
    quota.look(2.0)
    assert len(told) == 1
    assert "kit/eve (5)" in told[0]
    quota.look(12.0)
    assert "kit/eve (1)" in told[1]
    quota.look(23.0)
    quota.look(40.0)
    assert told[2:] == [""]


def test_what_an_author_says_of_itself_has_a_limit_of_its_own() -> None:
    quota = Quota(lambda _: None, limit=SAID)
    assert all(quota.admit("kit/eve") for _ in range(SAID))
    assert not quota.admit("kit/eve")
    assert quota.admit("kit/opt")
