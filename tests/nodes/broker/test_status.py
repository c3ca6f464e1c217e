"""The status machine, over every pair."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from messages.errors import LifecycleError
from messages.ids import new_id
from messages.ledger import FINAL, TRANSITIONS, Status
from nodes.broker._live import LiveRequest, Order
from nodes.broker._status import HAS_ORDER, check_change, is_final
from tests.nodes.broker.lab import Lab


@pytest.mark.parametrize(("before", "after"), [*product(Status, Status)])
def test_every_pair(before: Status, after: Status) -> None:
    if after in TRANSITIONS[before]:
        check_change(before, after)
        return
    with pytest.raises(LifecycleError, match=f"cannot go from {before} to {after}"):
        check_change(before, after)


def test_final_statuses_have_no_way_out() -> None:
    assert {status for status in Status if is_final(status)} == FINAL
    assert all(not TRANSITIONS[status] for status in FINAL)


def test_the_books_refuse_every_illegal_change_and_stay_as_they_were(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "ledger.sqlite")
    lab.worker("kit/asab")
    books = lab.ledger.books
    for before, after in product(Status, Status):
        if after in TRANSITIONS[before]:
            continue
        order = Order(7, "kit/asab", 1, 1, False, 15.0) if before in HAS_ORDER else None
        request = LiveRequest(
            id=str(new_id()), offset=0, key=("q", "m"), requester="kit/opt", campaign=None,
            priority=5, attempts=3, expires=None, sample=None, sample_state=0, status=before,
            order=order,
        )  # fmt: skip
        head = books.head
        with pytest.raises(LifecycleError):
            books.change(request, after, "for no reason")
        assert books.head == head
        assert books.batch.rows == []
        assert request.status is before
    lab.store.close()
