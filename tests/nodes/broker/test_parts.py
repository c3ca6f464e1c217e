"""Queue and deadlines against the obvious implementation."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from messages.ids import new_id
from messages.ledger import Status
from nodes.broker._deadlines import Deadlines
from nodes.broker._live import LiveRequest
from nodes.broker._queue import Queue

KEY = ("q", "m")


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(0, 50), st.sampled_from(["set", "drop", "due"])
        )
    )
)
def test_deadlines(steps: list[tuple[str, int, str]]) -> None:
    table, simple = Deadlines(), dict[str, float]()
    now = 0.0
    for key, number, verb in steps:
        if verb == "set":
            table.set(key, float(number))
            simple[key] = float(number)
        elif verb == "drop":
            table.drop(key)
            simple.pop(key, None)
        else:
            now = max(now, float(number))
            expected = {k for k, at in simple.items() if at <= now}
            assert set(table.due(now)) == expected
            simple = {k: at for k, at in simple.items() if k not in expected}
        assert set(table.keys()) == set(simple)
        first = table.next()
        assert first is None if not simple else first is not None and first <= min(simple.values())


def waiting(offset: int, priority: int, fits: str) -> LiveRequest:
    return LiveRequest(
        id=str(new_id()), offset=offset, key=KEY, requester="kit/opt", campaign=None,
        priority=priority, attempts=3, expires=None, sample=None, sample_state=0,
        fits=frozenset(fits),
    )  # fmt: skip


def holds(limit: str, fits: frozenset[str]) -> bool:
    return limit in fits


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["a", "b", "ab", ""])), max_size=30),
    st.lists(st.sampled_from("ab"), max_size=40),
    st.sets(st.integers(0, 29)),
)
def test_the_queue_gives_the_oldest_of_the_highest_priority_that_fits(
    requests: list[tuple[int, str]], asked: list[str], cancelled: set[int]
) -> None:
    queue = Queue()
    simple = [waiting(offset, *request) for offset, request in enumerate(requests)]
    for request in simple:
        queue.push(request)
    for offset in cancelled & set(range(len(simple))):
        simple[offset].status = Status.RETRACTED
    simple = [request for request in simple if request.status is Status.PENDING]
    for limit in asked:
        fitting = [request for request in simple if limit in request.fits]
        expected = min(fitting, key=lambda r: (-r.priority, r.offset), default=None)
        found = next(queue.in_order(KEY, partial(holds, limit)), None)
        assert found is expected
        if found is not None:
            queue.pop(found)
            simple.remove(found)
