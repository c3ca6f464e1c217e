"""Messages, rows and databases that break the ledger's own code."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from labmesh.transport import MemoryHub
from messages.errors import LabmeshError
from messages.ids import new_id
from messages.ledger import Receipt, Request
from nodes.broker._ledger import Settled
from nodes.broker._take_request import take_request
from tests.nodes.broker.lab import Lab
from tests.nodes.broker.test_engine import Party, engine_on, request

POISON = 6.66


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path / "ledger.sqlite")
    lab.settle()
    lab.worker("kit/asab", slots=100)
    return lab


@pytest.fixture
def indigestible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests for `POISON` raise after their entry was made."""

    def taken(books: Any, incoming: Any, message: Request) -> Any:
        row = take_request(books, incoming, message)
        if message.parameters == {"x": POISON}:
            raise ZeroDivisionError("poisoned")
        return row

    monkeypatch.setattr("nodes.broker._ledger.take_request", taken)


@pytest.mark.usefixtures("indigestible")
async def test_poison_is_refused_once_and_the_others_are_served(tmp_path: Path) -> None:
    hub = MemoryHub()
    asab, opt = Party(hub, "asab"), Party(hub, "opt")
    await asab.open()
    await opt.open()
    await asab.work()
    async with engine_on(hub, tmp_path / "ledger.sqlite"):
        pass
    # They wait for the ledger together, and are taken in one batch.
    poison = request(parameters={"x": POISON})
    for message in (request(), poison, request(), poison, request()):
        await opt.send("request", message, "q", "m")
    async with engine_on(hub, tmp_path / "ledger.sqlite") as engine:
        receipts = [r for r in await opt.wait(Receipt, 5) if isinstance(r, Receipt)]
        assert [r.accepted for r in receipts].count(True) == 3
        refused = next(r for r in receipts if not r.accepted)
        assert "could not digest this message (ZeroDivisionError: poisoned)" in refused.reason
        assert engine.ledger.refusals == {"internal": 2}
    # Acknowledged, all of them: nothing comes again.
    async with engine_on(hub, tmp_path / "ledger.sqlite") as engine:
        await asyncio.sleep(0.3)
        assert engine.ledger.refusals == {}
        assert engine.ledger.duplicates == 0
    await asab.close()
    await opt.close()


@pytest.mark.usefixtures("indigestible")
def test_what_was_written_before_the_disk_was_full_is_said(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is taken one by one because of poison, and half way the disk is full."""
    good, late = new_id(), new_id()
    batch = [
        lab.parcel("kit/opt", "request", _asks(x), "q", "m", uuid=identity)
        for x, identity in ((1.0, good), (POISON, new_id()), (2.0, late))
    ]
    commit, calls = lab.store.commit, 0

    def full(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            lab.store.rollback()
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        commit(*arguments)

    monkeypatch.setattr(lab.store, "commit", full)
    with pytest.raises(OperationalError):
        lab.apply(*batch)
    outcome = lab.apply(*batch)
    assert {str(order.request) for _, order in lab.orders(outcome)} == {str(good), str(late)}
    lab.check()


def test_nobody_is_refused_for_what_breaks_without_him(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dispatch fails over a request taken long ago; every message that comes meanwhile is sound."""
    one, two = (
        lab.parcel("kit/opt", "request", _asks(x), "q", "m", uuid=new_id()) for x in (1.0, 2.0)
    )

    def broken(_books: Any) -> None:
        raise ZeroDivisionError("dispatch")

    with monkeypatch.context() as patched:
        patched.setattr("nodes.broker._ledger.dispatch", broken)
        for batch in ((one,), (one, two)):
            with pytest.raises(ZeroDivisionError):
                lab.apply(*batch)
    outcome = lab.apply(one, two)
    assert len(lab.orders(outcome)) == 2
    assert outcome.receipts == []
    assert lab.ledger.refusals == {}
    lab.check()


def test_an_offer_that_was_heard_stays_after_a_failure_before_all_are_heard(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.reopen()
    lab.worker("kit/asab", slots=100)  # retained: nothing new for the journal
    commit = lab.store.commit

    def locked(*_: Any) -> None:
        raise OperationalError("BEGIN", {}, Exception("database is locked"))

    monkeypatch.setattr(lab.store, "commit", locked)
    with pytest.raises(OperationalError):
        lab.request()
    monkeypatch.setattr(lab.store, "commit", commit)
    lab.apply(Settled())
    assert lab.request().accepted
    lab.check()


def test_memory_that_could_not_be_read_anew_is_not_used(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, live = lab.store.commit, lab.store.live

    def broken(*_: Any) -> Any:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(lab.store, "commit", broken)
    monkeypatch.setattr(lab.store, "live", broken)
    head = lab.ledger.head.offset
    for _ in range(3):
        with pytest.raises(OperationalError):
            lab.request()
    monkeypatch.setattr(lab.store, "commit", commit)
    monkeypatch.setattr(lab.store, "live", live)
    assert lab.request().offset == head + 1
    lab.check()


async def test_a_ledger_that_cannot_speak_any_more_ends(tmp_path: Path) -> None:
    hub = MemoryHub()
    opt = Party(hub, "opt")
    await opt.open()
    async with engine_on(hub, tmp_path / "ledger.sqlite") as engine:
        told: asyncio.Queue[LabmeshError] = asyncio.Queue()
        engine._fatal = told.put_nowait

        async def dumb(outcome: object) -> None:
            raise ZeroDivisionError("dumb")

        engine.forwarder.publish = dumb  # type: ignore[method-assign]
        await opt.send("request", request(), "q", "m")
        async with asyncio.timeout(10):
            error = await told.get()
        assert "ZeroDivisionError: dumb" in error.what
        assert "start the broker node again" in error.remedy
    await opt.close()


def _asks(x: float) -> Request:
    return Request(quantity="q", method="m", parameters={"x": x})
