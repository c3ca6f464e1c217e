"""Workers at sites whose link is down: no order goes there, and what they have keeps its lease."""

from __future__ import annotations

import pytest

from nodes.broker import Outcome
from nodes.broker._ledger import LinkSaid
from tests.nodes.broker.lab import Lab

FAR = "dtu/asab"


def link(lab: Lab, site: str, word: bytes) -> Outcome:
    return lab.apply(LinkSaid(f"lab1/{site}/bridge/link", word))


@pytest.mark.parametrize("cut", ["dtu", "kit"], ids=["their link", "our link"])
def test_no_order_goes_to_a_site_that_is_not_reached(lab: Lab, cut: str) -> None:
    link(lab, "dtu", b"1")
    link(lab, "kit", b"1")
    lab.worker(FAR)
    assert lab.ledger.catalogue.ready(FAR)
    link(lab, cut, b"0")
    assert not lab.ledger.catalogue.online(FAR)
    assert lab.ledger.catalogue.condition(FAR) == f"unreachable, the link of site {cut} is down"
    request = lab.request(wait=True).message
    assert lab.orders() == []
    link(lab, cut, b"1")
    assert [worker for worker, _ in lab.orders()] == [FAR]
    assert lab.status(request) == "reserved"


def test_what_was_not_begun_goes_to_another(lab: Lab) -> None:
    link(lab, "dtu", b"1")
    lab.worker(FAR)
    request = lab.request().message
    first = lab.order()
    lab.worker("kit/asab")
    link(lab, "dtu", b"0")
    assert [worker for worker, _ in lab.orders()] == [FAR, "kit/asab"]
    # The far one has begun meanwhile, and hears of it when the link is back.
    link(lab, "dtu", b"1")
    assert not lab.progress(first, FAR).accepted
    assert lab.status(request) == "reserved"


def test_what_runs_keeps_its_lease_and_is_held_after_it_then_goes_on(lab: Lab) -> None:
    link(lab, "dtu", b"1")
    lab.worker(FAR, worker="instrument", lease=15.0)
    request = lab.request().message
    order = lab.order()
    assert lab.progress(order, FAR).accepted
    link(lab, "dtu", b"0")
    assert lab.status(request) == "running"
    lab.wait(15.1)
    assert lab.status(request) == "held"
    link(lab, "dtu", b"1")
    lab.heartbeat(order, FAR)
    assert lab.status(request) == "running"
    assert len(lab.orders()) == 1


def test_the_ledgers_own_site_needs_no_link(lab: Lab) -> None:
    link(lab, "kit", b"0")
    lab.worker("kit/asab")
    lab.request()
    assert len(lab.orders()) == 1
