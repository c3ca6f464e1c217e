"""Repetitions, order, earlier lives and losses, told from numbers alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labmesh.streams._order import LossMeter, Sequence, Verdict


def test_a_stream_that_comes_as_it_was_sent_is_all_news() -> None:
    sequence = Sequence()
    assert {sequence.judge(1, seq, seq) for seq in (3, 4, 9, 100)} == {Verdict.NEXT}


def test_repetition_delay_and_an_earlier_life_are_told_apart() -> None:
    sequence = Sequence()
    sequence.judge(1, 3, 30)
    sequence.judge(1, 7, 70)
    assert sequence.judge(1, 7, 70) is Verdict.REPEATED
    assert sequence.judge(1, 5, 50) is Verdict.LATE
    assert sequence.judge(1, 5, 50) is Verdict.REPEATED
    assert sequence.judge(2, 1, 80) is Verdict.NEXT
    assert sequence.judge(1, 8, 79) is Verdict.OUTDATED, "a process that was replaced"
    assert sequence.judge(1, 1, 90) is Verdict.NEXT, "a node that lost its folder counts anew"


@given(st.lists(st.integers(0, 30)))
def test_every_number_is_news_once(numbers: list[int]) -> None:
    sequence = Sequence()
    news = [n for n in numbers if sequence.judge(1, n, n) in (Verdict.NEXT, Verdict.LATE)]
    assert news == list(dict.fromkeys(numbers))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20),
    st.integers(0, 10),
)
def test_what_is_lost_between_two_beats_is_known_at_the_next(
    rounds: list[tuple[int, int]], before: int
) -> None:
    """Each round some messages come, some are lost, then comes a beat."""
    meter = LossMeter()
    published, lost = before, 0
    meter.told(1, published)
    for came, gone in rounds:
        for _ in range(came):
            meter.came()
        published += came + gone
        lost += gone
        meter.told(1, published)
    meter.told(1, published)
    assert meter.missing == lost


def test_a_beat_that_overtakes_messages_is_no_loss() -> None:
    meter = LossMeter()
    meter.told(1, 0)
    meter.told(1, 5)
    for _ in range(5):
        meter.came()
    meter.told(1, 9)
    assert meter.missing == 0


def test_another_life_begins_anew_and_what_was_lost_stays_lost() -> None:
    meter = LossMeter()
    meter.told(1, 0)
    meter.told(1, 4)
    meter.told(1, 4)
    assert meter.missing == 4
    meter.told(2, 100)
    meter.told(2, 101)
    meter.told(2, 101)
    assert meter.missing == 5
