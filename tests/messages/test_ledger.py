from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID

import pytest

from messages.envelope import validate
from messages.errors import BodyError
from messages.ledger import FINAL, TRANSITIONS, Provenance, Receipt, Result, Status

LEGAL = """
pending  -> reserved retracted expired failed
reserved -> running pending retracted expired failed
running  -> resolved failed pending held canceling retracted
canceling -> retracted running resolved failed held
held     -> running resolved failed pending abandoned retracted
"""
ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def legal() -> set[tuple[str, str]]:
    pairs = set()
    for line in LEGAL.strip().splitlines():
        before, after = line.split("->")
        pairs |= {(before.strip(), word) for word in after.split()}
    return pairs


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_every_pair_of_statuses(before: Status, after: Status) -> None:
    assert (after in TRANSITIONS[before]) == ((before.value, after.value) in legal())


def test_final_statuses_have_no_way_out_and_every_other_can_reach_one() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {status.value for status in FINAL} == {
        "resolved", "failed", "retracted", "expired", "abandoned",
    }  # fmt: skip
    for status in set(Status) - FINAL:
        assert TRANSITIONS[status] & FINAL
        assert status not in TRANSITIONS[status]


def result(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "quantity": "q", "method": "m", "parameters": {}, "outcome": "resolved",
    }  # fmt: skip
    return body | changes


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (result(outcome="failed"), "a failed result, and only a failed one, has a failure"),
        (
            result(failure={"message": "x"}),
            "a failed result, and only a failed one, has a failure",
        ),
        (result(request=str(ID)), "a result to a request, and only such a one, has a token"),
        (result(token=3), "a result to a request, and only such a one, has a token"),
    ],
)
def test_inconsistent_results(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(BodyError, match=reason):
        validate(Result, body, where="body")
    assert validate(Result, result(request=str(ID), token=3), where="body")


@pytest.mark.parametrize("body", [{"accepted": True}, {"accepted": False, "offset": 3}])
def test_inconsistent_receipts(body: dict[str, Any]) -> None:
    with pytest.raises(BodyError, match="an accepted message, and only such a one, has an offset"):
        validate(Receipt, {"message": str(ID)} | body, where="body")


def test_results_do_not_share_their_default_provenance() -> None:
    one, other = (Result(**result()) for _ in range(2))
    one.provenance.notes["stock"] = 3
    assert other.provenance == Provenance()
