"""Queue and deadlines against the obvious implementation."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from messages.ids import new_id
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


@dataclass
class Simple:
    """The queue as one would say it: look through everybody, every time."""

    waiting: list[LiveRequest] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=dict)
    turn: int = 0

    def take(self, limit: str, fits: dict[int, str]) -> LiveRequest | None:
        oldest = {
            line: min(r.offset for r in self.waiting if (r.priority, r.campaign) == line)
            for line in {(r.priority, r.campaign) for r in self.waiting}
        }
        fitting = [r for r in self.waiting if limit in fits[r.offset]]

        def rank(request: LiveRequest) -> tuple[int, int, int, int]:
            line = (request.priority, request.campaign)
            turn = self.turns.get(request.campaign or "", -1)
            return -request.priority, turn, oldest[line], request.offset

        found = min(fitting, key=rank, default=None)
        if found is not None:
            self.waiting.remove(found)
        return found


STEP = st.one_of(
    st.tuples(st.just("push"), st.integers(0, 2), st.sampled_from(["", "one", "two"])),
    st.tuples(st.just("take"), st.sampled_from("ab"), st.booleans()),
    st.tuples(st.just("leave"), st.integers(0, 30), st.none()),
    st.tuples(st.just("return"), st.integers(0, 30), st.none()),
    st.tuples(st.just("change"), st.randoms(use_true_random=False), st.none()),
)


@settings(max_examples=300)
@given(
    st.lists(STEP, min_size=20, max_size=60),
    st.lists(st.sampled_from(["a", "b", "ab", ""]), min_size=60),
)
def test_the_queue_gives_whose_turn_it_is(steps: list[Any], fitting: list[str]) -> None:
    queue, simple = Queue(), Simple()
    fits = dict(enumerate(fitting))
    taken: list[LiveRequest] = []

    def classify(requests: list[LiveRequest]) -> None:
        for request in requests:
            request.fits = frozenset(fits[request.offset])

    for offset, (verb, first, second) in enumerate(steps):
        if verb == "push":
            request = LiveRequest(
                id=str(new_id()), offset=offset, key=KEY, requester="kit/opt", campaign=second,
                priority=first, attempts=3, expires=None, sample=None, sample_state=0,
            )  # fmt: skip
            queue.push(request)
            simple.waiting.append(request)
        elif verb == "take":
            expected = simple.take(first, fits)
            found = queue.take(KEY, partial(contains, first), classify)
            assert found is expected
            if found is not None:
                taken.append(found)
                if second:
                    queue.served(found)
                    simple.turn += 1
                    simple.turns[found.campaign or ""] = simple.turn
        elif verb == "leave" and first < len(simple.waiting):
            queue.leave(simple.waiting.pop(first))
        elif verb == "return" and first < len(taken):
            request = taken.pop(first)
            queue.push(request)
            simple.waiting.append(request)
        elif verb == "change":
            for each in fits:
                fits[each] = first.choice(["a", "b", "ab", ""])
            queue.forget(KEY)
    everybody = {request.offset for request in simple.waiting if fits[request.offset]}
    drained = set()
    for limit in "ab":
        while (last := queue.take(KEY, partial(contains, limit), classify)) is not None:
            drained.add(last.offset)
    assert drained == everybody


def contains(limit: str, fits: frozenset[str]) -> bool:
    return limit in fits


def test_of_a_long_queue_few_are_looked_at() -> None:
    queue, looked_at = Queue(), list[LiveRequest]()

    def classify(requests: list[LiveRequest]) -> None:
        looked_at.extend(requests)
        for request in requests:
            request.fits = frozenset("a")

    for offset in range(5000):
        queue.push(request_of(offset))
    for offset in range(100):
        found = queue.take(KEY, partial(contains, "a"), classify)
        assert found is not None
        assert found.offset == offset
    queue.forget(KEY)
    assert queue.take(KEY, partial(contains, "a"), classify) is not None
    assert len(looked_at) < 300


def test_who_leaves_a_queue_that_nobody_serves_is_let_go() -> None:
    queue = Queue()
    references = []
    for offset in range(5000):
        request = request_of(offset)
        references.append(weakref.ref(request))
        queue.push(request)
        queue.leave(request)
    del request
    assert sum(reference() is not None for reference in references) < 200


def test_deadlines_that_were_dropped_are_let_go() -> None:
    table = Deadlines()
    for number in range(5000):
        table.set(str(number), 1e9)
        table.drop(str(number))
    assert len(table._heap) < 500


class Watched(LiveRequest):
    """A request that can be watched being let go."""

    __slots__ = ("__weakref__",)


def request_of(offset: int) -> LiveRequest:
    return Watched(
        id=str(offset), offset=offset, key=KEY, requester="kit/opt", campaign=None, priority=5,
        attempts=3, expires=None, sample=None, sample_state=0,
    )  # fmt: skip
