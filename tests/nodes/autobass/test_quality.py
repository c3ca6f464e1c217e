"""A cell's rating follows from what was measured, and says how."""

from __future__ import annotations

from typing import Any

import pytest

from messages.assembly import Offset
from nodes.autobass import AutobassParameters
from nodes.autobass._layout import PARTS
from nodes.autobass._quality import CellRecord, rate

P = AutobassParameters()


def good(**changes: Any) -> CellRecord:
    offset = Offset(x=1e-4, y=0.0, source="simulated")
    record = CellRecord(
        asked=35e-9, dispensed=35e-9, offsets=dict.fromkeys(PARTS, offset), first=1000.0,
        wet=1100.0, sealed=1300.0, crimp=77.0, oxygen=1e-7, water=2e-7, temperatures=[298.0],
        stored=True,
    )  # fmt: skip
    for name, value in changes.items():
        setattr(record, name, value)
    return record


def test_a_good_cell() -> None:
    rating = rate(good(), P)
    assert (rating.success, rating.rating) == (True, 5)
    assert rating.reason == (
        "of tolerance: offset 0.10, overlap 0.00, volume 0.00, O2 0.10, H2O 0.20, wet 0.33"
    )


@pytest.mark.parametrize(
    ("changes", "rating", "success", "words"),
    [
        ({"dispensed": 34e-9}, 4, True, "volume 0.57 (-1)"),
        ({"dispensed": 30e-9}, 1, False, "volume 2.86 (-4)"),
        ({"oxygen": 1.5e-6}, 3, True, "O2 1.50 (-2)"),
        ({"wet": 1299.0 - 1000.0, "sealed": 1300.0}, 3, True, "wet 1.67 (-2)"),
        ({"by_hand": ["cell01/anode"]}, 4, True, "1 by hand (-1)"),
    ],
)  # fmt: skip
def test_what_costs_marks(changes: dict[str, Any], rating: int, success: bool, words: str) -> None:
    found = rate(good(**changes), P)
    assert (found.rating, found.success) == (rating, success)
    assert words in found.reason


def test_a_cathode_beside_its_anode_overhangs() -> None:
    offsets = dict(good().offsets)
    offsets["cathode"] = Offset(x=-3e-4, y=0.0, source="simulated")
    found = rate(good(offsets=offsets), P)
    assert "overlap 0.80 (-1)" in found.reason


def test_how_long_it_took_altogether_does_not_count() -> None:
    assert rate(good(first=-50_000.0), P) == rate(good(), P)


def test_a_cell_that_was_given_up() -> None:
    found = rate(good(scrapped="the syringe reports an error"), P)
    assert (found.success, found.rating) == (False, 0)
    assert found.reason == "scrapped: the syringe reports an error"
    assert not rate(good(stored=False), P).success
