"""The status machine, over every pair."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.errors import LifecycleError
from messages.ids import new_id
from messages.ledger import FINAL, TRANSITIONS, FromState, Order, ProgressKind, SampleStep, Status
from messages.model import JsonObject
from nodes.broker._live import LiveRequest
from nodes.broker._live import Order as LiveOrder
from nodes.broker._status import HAS_ORDER, check_change, is_final
from tests.nodes.broker.lab import LEDGER, START, Lab


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


def test_the_books_refuse_every_illegal_change_and_stay_as_they_were(
    database_url: str,
) -> None:
    lab = Lab(database_url)
    lab.worker("kit/asab")
    books = lab.ledger.books
    for before, after in product(Status, Status):
        if after in TRANSITIONS[before]:
            continue
        order = LiveOrder(7, "kit/asab", 1, 1, False, 15.0) if before in HAS_ORDER else None
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


# -- through the real ledger -------------------------------------------------------------------

WORKER, REQUESTER, PERSON = "kit/asab", "kit/opt", "kit/cli"
P, V, R, H = Status.PENDING, Status.RESERVED, Status.RUNNING, Status.HELD
C = Status.CANCELING


class Case:
    """One request, and every deed by which anyone could change its status."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.id: UUID = new_id()
        birth = SampleStep(sample="s", kind="cell", state=0, label="made")
        lab.worker("kit/maker", "r", worker="model")
        assert lab.result(None, "kit/maker", quantity="r", samples=(birth,)).accepted
        lab.offer(WORKER, worker="instrument")
        expires = START + int((lab.mono + 100) * 1e9)
        start = FromState(sample="s", state=0)
        assert lab.request(uuid=self.id, from_state=start, expires=expires, wait=True).accepted

    @property
    def status(self) -> Status:
        return Status(self.lab.status(self.id))

    @property
    def order(self) -> Order | None:
        """The last order, if any was given out."""
        orders = [order for _, order in self.lab.orders() if order.request == self.id]
        return orders[-1] if orders else None

    def bring(self, status: Status) -> None:
        """Bring the request, still pending, into a status."""
        for deed in WAYS[status]:
            self.do(deed)
        assert self.status is status

    def do(self, deed: str) -> None:
        lab, order = self.lab, self.order
        if deed == "come":
            lab.online(WORKER)
            lab.lifecycle(WORKER)
        elif deed == "move":
            step = SampleStep(sample="s", kind="cell", state=1, expects_state=0, label="moved")
            lab.result(None, "kit/maker", quantity="r", samples=(step,))
            self.do("come")
        elif deed in ("cancel", "release", "abandon"):
            lab.cancel(self.id) if deed == "cancel" else lab.decide(self.id, deed)
        elif deed == "lease":
            lab.wait(15.1)
        elif deed == "deadline":
            lab.leases = False  # the order itself is given all the time it needs
            lab.wait(101)
            lab.leases = True
        elif order is not None:
            self.answer(deed, order)

    def answer(self, deed: str, order: Order) -> None:
        lab = self.lab
        if deed in ("accept", "decline", "stopped", "goes_on"):
            lab.progress(order, WORKER, ProgressKind(deed))
        elif deed == "beat":
            lab.heartbeat(order, WORKER)
        elif deed == "resolve":
            lab.result(order, WORKER)
        else:
            lab.fail(order, WORKER, retryable=deed == "retry")

    def changes(self) -> list[JsonObject]:
        """The changes of status in the journal."""
        entries = self.lab.read("journal.read", kinds=["status"], limit=500)["entries"]
        return [e for e in entries if e["body"]["request"] == str(self.id)]


WAYS: dict[Status, tuple[str, ...]] = {
    Status.PENDING: (),
    Status.RESERVED: ("come",),
    Status.RUNNING: ("come", "accept"),
    Status.CANCELING: ("come", "accept", "cancel"),
    Status.HELD: ("come", "accept", "lease"),
    Status.RESOLVED: ("come", "accept", "resolve"),
    Status.FAILED: ("come", "accept", "fail"),
    Status.RETRACTED: ("cancel",),
    Status.EXPIRED: ("deadline",),
    Status.ABANDONED: ("come", "accept", "lease", "abandon"),
}
DEEDS: dict[tuple[Status, str], tuple[Status, str]] = {
    (P, "come"): (V, LEDGER),
    (P, "cancel"): (Status.RETRACTED, REQUESTER),
    (P, "deadline"): (Status.EXPIRED, LEDGER),
    (P, "move"): (Status.FAILED, LEDGER),
    (V, "accept"): (R, WORKER),
    (V, "decline"): (P, WORKER),
    (V, "cancel"): (Status.RETRACTED, REQUESTER),
    (V, "deadline"): (Status.EXPIRED, LEDGER),
    (V, "lease"): (P, LEDGER),
    (V, "resolve"): (Status.RESOLVED, WORKER),
    (V, "fail"): (Status.FAILED, WORKER),
    (V, "retry"): (P, WORKER),
    (R, "resolve"): (Status.RESOLVED, WORKER),
    (R, "fail"): (Status.FAILED, WORKER),
    (R, "retry"): (P, WORKER),
    (R, "lease"): (H, LEDGER),
    (R, "cancel"): (C, REQUESTER),
    (R, "stopped"): (Status.RETRACTED, WORKER),
    (C, "stopped"): (Status.RETRACTED, WORKER),
    (C, "goes_on"): (R, WORKER),
    (C, "resolve"): (Status.RESOLVED, WORKER),
    (C, "fail"): (Status.FAILED, WORKER),
    (C, "retry"): (Status.RETRACTED, WORKER),
    (C, "lease"): (H, LEDGER),
    (H, "stopped"): (Status.RETRACTED, WORKER),
    (H, "beat"): (R, WORKER),
    (H, "resolve"): (Status.RESOLVED, WORKER),
    (H, "fail"): (Status.FAILED, WORKER),
    (H, "retry"): (P, WORKER),
    (H, "release"): (P, PERSON),
    (H, "abandon"): (Status.ABANDONED, PERSON),
    (H, "cancel"): (Status.RETRACTED, REQUESTER),
}
"""Everything that changes a status: who stands in it, what is done, what comes of it by whom."""

ALL_DEEDS = sorted({deed for _, deed in DEEDS})


def check_history(case: Case) -> None:
    """Every change is legal, follows the one before, and says who, when and why."""
    before, at = Status.PENDING, 0
    log = case.lab.read("query.request", id=str(case.id))["log"]
    assert log[0]["before"] is None
    assert log[0]["by"] == REQUESTER
    changes = case.changes()
    assert len(log) == len(changes) + 1
    for entry, line in zip(changes, log[1:], strict=True):
        body = entry["body"]
        after = Status(body["after"])
        assert Status(body["before"]) is before
        assert after in TRANSITIONS[before]
        assert body["message"]
        assert entry["author"] in (body["by"], LEDGER)
        assert entry["load_time"] >= at
        assert entry["stamp"] > 0
        for name in ("before", "after", "message", "by", "token", "worker"):
            assert line[name] == body[name]
        for name in ("offset", "load_time", "stamp"):
            assert line[name] == entry[name]
        before, at = after, entry["load_time"]
    assert case.status is before


def test_the_table_of_deeds_is_complete() -> None:
    """Every legal change has a deed; a result to what is reserved passes through running."""
    direct = {(before, after) for (before, _), (after, _) in DEEDS.items()}
    legal = {(before, after) for before in Status for after in TRANSITIONS[before]}
    assert legal - direct == set()
    assert direct - legal == {(V, Status.RESOLVED)}
    assert set(WAYS) == set(Status)


@pytest.mark.parametrize("deed", ALL_DEEDS)
@pytest.mark.parametrize("status", Status)
def test_every_deed_in_every_status(tmp_path: Path, status: Status, deed: str) -> None:
    lab = Lab(tmp_path / "ledger.sqlite")
    lab.settle()
    case = Case(lab)
    case.bring(status)
    count, offset = len(case.changes()), lab.ledger.head.offset
    case.do(deed)
    made = case.changes()[count:]
    expected = DEEDS.get((status, deed))
    if expected is None:
        assert made == []
        if deed not in ("come", "move"):
            assert lab.ledger.head.offset == offset
        assert case.status is status
    else:
        after, by = expected
        found = [Status(e["body"]["after"]) for e in made]
        assert after in found
        change = made[found.index(after)]
        assert change["body"]["by"] == by
        assert change["author"] in (by, LEDGER)
        assert change["load_time"] == lab.now.wall
    check_history(case)
    lab.store.close()


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(st.sampled_from([*ALL_DEEDS, "come", "accept", "lease"]), max_size=25))
def test_any_sequence_of_deeds(new_database: Callable[[], str], deeds: list[str]) -> None:
    lab = Lab(new_database())
    lab.settle()
    case = Case(lab)
    for deed in deeds:
        case.do(deed)
    check_history(case)
    lab.reopen()
    check_history(case)
    lab.check()
    lab.store.close()
