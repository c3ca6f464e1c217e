"""What must cost the same however much there is: counted, not timed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from messages.ids import new_id
from messages.ledger import Request
from nodes.broker._door import Parcel
from nodes.broker.store import Known
from tests.nodes.broker.lab import Lab

UP_TO_5 = {"properties": {"x": {"maximum": 5}}}
UP_TO_4 = {"properties": {"x": {"maximum": 4}}}
FROM_5 = {"properties": {"x": {"minimum": 5}}}


def wait_in_line(lab: Lab, values: Sequence[float]) -> list[str]:
    """Let many requests wait; return their ids."""
    parcels, ids = [], []
    for value in values:
        identity = new_id()
        request = Request(quantity="q", method="m", parameters={"x": value}, wait=True)
        parcels.append(lab.parcel("kit/opt", "request", request, "q", "m", uuid=identity))
        ids.append(str(identity))
    lab.apply(*parcels)
    return ids


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> list[str]:
    """Ids of the entries that are read from the database."""
    found = list[str]()
    original = type(lab.store).known

    def known(store: object, uuids: Sequence[str]) -> dict[str, Known]:
        found.extend(uuids)
        return original(store, uuids)  # type: ignore[arg-type]

    monkeypatch.setattr(type(lab.store), "known", known)
    return found


def test_of_a_long_queue_few_requests_are_read(lab: Lab, read: list[str]) -> None:
    lab.worker("kit/first", slots=1)
    ids = wait_in_line(lab, [1.0] * 600)
    lab.reopen()
    del read[:]
    lab.settle()  # whose offer nobody repeats is withdrawn
    assert not read
    lab.worker("kit/second", limitations=UP_TO_5)
    assert str(lab.order().request) == ids[1]
    lab.progress(lab.order(), "kit/second")
    lab.result(lab.order(), "kit/second")
    assert str(lab.order().request) == ids[2]
    lab.worker("kit/third", limitations=UP_TO_4)
    lab.cancel(lab.order().request)
    given = {str(order.request) for _, order in lab.orders()[-2:]}
    assert given == {ids[3], ids[4]}
    assert len(set(read) & set(ids)) < 100


def test_limitations_that_come_go_and_come_again(lab: Lab) -> None:
    lab.worker("kit/any")
    small, large, smaller = wait_in_line(lab, [3.0, 8.0, 2.0])
    assert str(lab.order().request) == small
    lab.worker("kit/high", limitations=FROM_5)
    assert str(lab.order().request) == large
    lab.apply(Parcel("lab1/kit/high/offer/q/m", b""))
    again, *_ = wait_in_line(lab, [9.0])
    lab.worker("kit/low", limitations=UP_TO_5)
    assert str(lab.order().request) == smaller
    lab.worker("kit/higher", limitations=FROM_5)
    assert str(lab.order().request) == again


def test_a_hundred_workers_share_what_waits(lab: Lab) -> None:
    ids: list[str] = []
    lab.worker("kit/w0")
    for number in range(1, 100):
        lab.worker(f"kit/w{number}")
    ids = wait_in_line(lab, [1.0] * 250)
    given = lab.orders()
    assert [str(order.request) for _, order in given] == ids[:100]
    assert len({worker for worker, _ in given}) == 100
    # Whoever is done first gets the next one, and nobody gets two.
    for turn, (worker, order) in enumerate(given):
        lab.progress(order, worker)
        lab.result(order, worker)
        node, following = lab.orders()[-1]
        assert (node, str(following.request)) == (worker, ids[100 + turn])


def test_all_slots_are_filled_at_once(lab: Lab) -> None:
    lab.worker("kit/three", slots=3)
    lab.worker("kit/two", slots=2)
    wait_in_line(lab, [1.0] * 6)
    workers = [worker for worker, _ in lab.orders()]
    assert sorted(workers) == ["kit/three"] * 3 + ["kit/two"] * 2


def test_rare_kinds_are_read_a_stretch_at_a_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodes.broker._queries._SPAN", 10)
    lab.worker("kit/any")
    wait_in_line(lab, [1.0] * 50)
    lab.worker("kit/other")
    found, at, pages = [], 0, 0
    while at is not None:
        page = lab.read("journal.read", **{"from": at, "kinds": ["offer"], "limit": 5})
        found += [entry["offset"] for entry in page["entries"]]
        at, pages = page["next"], pages + 1
    assert len(found) == 2
    assert pages > 3
    assert found == sorted(found)
