from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labmesh.transport import Delivery, TransportStats
from labmesh.transport._acks import AckQueue
from labmesh.transport._dispatch import Dispatcher, subscription_id
from labmesh.transport._route import Route
from messages.topics import matches

LEVEL = st.sampled_from(["a", "b", "c", "$a", "ab"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=5).map("/".join)
FILTER = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(st.one_of(LEVEL, st.just("+")), min_size=0, max_size=4),
    st.one_of(st.just(["#"]), st.just(["+"]), LEVEL.map(lambda level: [level])),
)


def add(dispatcher: Dispatcher, pattern: str, got: list[str]) -> Route:
    return dispatcher.add(
        pattern,
        lambda delivery: got.append(f"{pattern} {delivery.topic}"),
        qos=1,
        manual_ack=False,
        cancel=lambda _route: None,
    )


def new() -> Dispatcher:
    return Dispatcher("test", TransportStats())


@given(st.lists(FILTER, max_size=12), st.lists(TOPIC, min_size=1, max_size=8), st.data())
def test_the_table_agrees_with_matches(
    filters: list[str], topics: list[str], data: st.DataObject
) -> None:
    dispatcher, got = new(), list[str]()
    routes = [add(dispatcher, pattern, got) for pattern in filters]

    def check() -> None:
        for topic in topics:
            found = sorted(route.pattern for route in dispatcher.match(topic))
            assert found == sorted(r.pattern for r in routes if matches(r.pattern, topic))

    check()
    for _ in range(len(routes) // 2):
        route = routes.pop(data.draw(st.integers(0, len(routes) - 1)))
        last = all(other.pattern != route.pattern for other in routes)
        assert dispatcher.remove(route) is last
        assert not dispatcher.remove(route)
    check()
    assert set(dispatcher.filters) == {route.pattern for route in routes}
    for route in routes:
        dispatcher.remove(route)
    assert not dispatcher._root.below, "nothing is left of the trie"


def test_a_copy_goes_to_the_filter_it_is_for() -> None:
    dispatcher, got = new(), list[str]()
    for pattern in ("a/b", "a/+", "a/#"):
        add(dispatcher, pattern, got)
    delivery = Delivery("a/b", b"")
    assert dispatcher.dispatch(delivery, None, (subscription_id("a/+"),))
    assert got == ["a/+ a/b"]
    assert dispatcher.dispatch(delivery, None, (subscription_id("a/#"), subscription_id("a/b")))
    assert got[1:] == ["a/# a/b", "a/b a/b"]
    assert not dispatcher.dispatch(delivery, None, (subscription_id("gone"),))
    assert dispatcher.dispatch(delivery, None, ())
    assert len(got) == 6, "without identifiers everyone gets it"


@given(FILTER)
def test_subscription_identifiers_are_in_range(pattern: str) -> None:
    assert 1 <= subscription_id(pattern) <= 268_435_455


@given(st.permutations(range(8)))
def test_acknowledgements_leave_in_the_order_of_arrival(order: list[int]) -> None:
    sent: list[int] = []
    acks = AckQueue(sent.append)
    tickets = [acks.expect(mid) for mid in range(8)]
    done: set[int] = set()
    for index in order:
        tickets[index].release()
        done.add(index)
        expected = next((n for n in range(8) if n not in done), 8)
        assert sent == list(range(expected))


def test_a_closed_queue_acknowledges_nothing() -> None:
    sent: list[int] = []
    acks = AckQueue(sent.append)
    ticket = acks.expect(1)
    acks.close()
    ticket.release()
    acks.expect(2).release()
    assert sent == []
