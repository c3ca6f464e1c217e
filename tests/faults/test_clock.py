"""The wall clock jumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from messages.ids import new_id
from messages.ledger import Order
from tests.nodes.broker import lab as of_lab
from tests.nodes.broker.lab import Lab

HOUR = 3600 * 10**9


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path / "ledger.sqlite")
    lab.settle()
    return lab


def test_a_clock_that_jumps_back_harms_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.worker("kit/asab", worker="instrument")
    order = _begun(lab)
    monkeypatch.setattr(of_lab, "START", of_lab.START - HOUR)
    lab.wait(1)
    # Leases run on the monotonic clock: neither ended nor prolonged.
    assert lab.status(order.request) == "running"
    assert lab.result(order, "kit/asab").accepted
    again = _begun(lab)
    lab.wait(16)
    assert lab.status(again.request) == "held"
    lab.reopen()
    lab.worker("kit/asab", worker="instrument")
    lab.settle()
    assert lab.request().accepted
    lab.check()


def test_a_deadline_is_of_the_wall_clock(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.worker("kit/asab", slots=1, lease=600.0)
    _begun(lab)
    waiting = new_id()
    assert lab.request(uuid=waiting, expires=lab.now.wall + 60 * 10**9).accepted
    monkeypatch.setattr(of_lab, "START", of_lab.START - HOUR)
    lab.wait(61)
    assert lab.status(waiting) == "pending"
    monkeypatch.setattr(of_lab, "START", of_lab.START + HOUR)
    lab.wait(1)
    assert lab.status(waiting) == "expired"
    lab.check()


def _begun(lab: Lab) -> Order:
    assert lab.request().accepted
    order = lab.order()
    assert lab.progress(order, "kit/asab").accepted
    return order
