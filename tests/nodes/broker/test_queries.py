"""The reading services: filters, pages, beginnings of uuids, errors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messages.envelope import pack
from messages.errors import CallRefusedError
from messages.ids import new_id
from messages.ledger import SampleStep
from messages.query import RequestView, ResultView
from tests.nodes.broker.lab import PARAMETERS, Lab


@pytest.fixture
def full(lab: Lab) -> Lab:
    lab.worker("kit/asab", slots=100)
    for number in range(30):
        lab.request(float(number % 10), campaign="even" if number % 2 == 0 else "odd")
    for worker, order in lab.orders()[:20]:
        lab.result(order, worker, campaign=order.campaign)
    for _ in range(5):
        lab.result(None, "kit/importer")
    return lab


def pages(lab: Lab, service: str, key: str, **arguments: Any) -> list[list[dict[str, Any]]]:
    found = []
    after: dict[str, Any] = {}
    while True:
        page = lab.read(service, **arguments, **after)
        assert len(pack(page)) <= 64 * 1024
        found.append(page[key])
        if page["next"] is None:
            return found
        after = {"from" if service == "journal.read" else "after": page["next"]}


def test_requests(full: Lab) -> None:
    found = [r for page in pages(full, "query.requests", "requests", limit=7) for r in page]
    assert [len(p) for p in pages(full, "query.requests", "requests", limit=7)] == [7, 7, 7, 7, 2]
    views = [RequestView.model_validate(item) for item in found]
    assert [view.offset for view in views] == sorted(view.offset for view in views)
    assert len({view.id for view in views}) == 30
    newest = pages(full, "query.requests", "requests", limit=30, newest_first=True)
    assert newest == [found[::-1]]
    assert full.read("query.requests", status=["resolved"])["total"] == 20
    assert full.read("query.requests", status=["resolved"], campaign="odd")["total"] == 10
    assert full.read("query.requests", author="kit/opt", quantity="q", method="m")["total"] == 30
    assert full.read("query.requests", author="kit/eve")["requests"] == []


def test_requests_asked_in_the_service_of_another(lab: Lab) -> None:
    lab.worker("kit/asab", slots=9)
    parent, elsewhere = new_id(), new_id()
    lab.request(uuid=parent)
    children = [new_id() for _ in range(3)]
    for child in children:
        assert lab.request(uuid=child, parent=parent).accepted
    assert lab.request(parent=elsewhere).accepted, "a parent may be of another lab's ledger"
    for name in (str(parent), str(parent)[:18], str(parent).upper()):
        found = lab.read("query.requests", parent=name)
        assert [UUID(r["id"]) for r in found["requests"]] == children
        assert found["total"] == 3
    assert RequestView.model_validate(found["requests"][0]).parent == parent
    assert lab.read("query.requests", parent=str(elsewhere))["total"] == 1
    assert lab.read("query.request", id=str(parent))["request"]["parent"] is None
    with pytest.raises(CallRefusedError, match="no request 'ffff'"):
        lab.read("query.requests", parent="ffff")


def test_results(full: Lab) -> None:
    found = [r for page in pages(full, "query.results", "results", limit=10) for r in page]
    views = [ResultView.model_validate(item) for item in found]
    assert len(views) == 25
    assert full.read("query.results", unsolicited=True)["total"] == 5
    assert full.read("query.results", unsolicited=False, campaign="even")["total"] == 10
    assert full.read("query.results", request=str(views[0].request))["total"] == 1
    assert full.read("query.results", author="kit/importer")["total"] == 5


def test_the_journal_is_gapless_and_may_be_read_by_kind(full: Lab) -> None:
    entries = [e for page in pages(full, "journal.read", "entries", limit=50) for e in page]
    assert [entry["offset"] for entry in entries] == list(range(full.ledger.head.offset + 1))
    results = pages(full, "journal.read", "entries", kinds=["result"], limit=10)
    assert [len(page) for page in results] == [10, 10, 5]
    assert full.read("journal.read")["head"] == full.read("ledger.head")
    assert full.read("journal.read", **{"from": 10_000})["entries"] == []


def test_pages_end_by_bytes_too(lab: Lab) -> None:
    schema = {**PARAMETERS, "properties": {"x": {"type": "string"}}}
    lab.worker("kit/asab", "big", "m", parameters_schema=schema)
    for _ in range(4):
        assert lab.request("a" * 25_000, quantity="big").accepted
    assert lab.request("a" * 60_000, quantity="big").accepted
    sizes = [len(page) for page in pages(lab, "query.requests", "requests")]
    assert sizes == [2, 2, 1]
    assert sum(len(page) for page in pages(lab, "journal.read", "entries")) == 8


def test_beginnings_of_uuids(lab: Lab) -> None:
    lab.worker("kit/asab")
    ids = [
        UUID("aaaa0000-0000-7000-8000-000000000001"),
        UUID("aaab0000-0000-7000-8000-000000000002"),
    ]
    for identity in ids:
        lab.request(uuid=identity)
    assert lab.read("query.request", id="aaab")["request"]["id"] == str(ids[1])
    assert lab.read("query.request", id=str(ids[0]))["request"]["id"] == str(ids[0])
    with pytest.raises(CallRefusedError, match="'aaa' is no id: a uuid, or its first 4"):
        lab.read("query.request", id="aaa")
    lab.request(uuid=UUID("aaab0000-0000-7000-8000-000000000003"))
    with pytest.raises(CallRefusedError, match="more than one request begins with 'aaab'"):
        lab.read("query.request", id="aaab")
    with pytest.raises(CallRefusedError, match="no request 'ffff'") as caught:
        lab.read("query.request", id="ffff")
    assert caught.value.code == "not_found"


def test_errors_of_the_services(lab: Lab) -> None:
    with pytest.raises(CallRefusedError, match="there is no service 'query.nonsense'"):
        lab.read("query.nonsense")
    with pytest.raises(CallRefusedError, match=r"query.requests.colour: Extra inputs"):
        lab.read("query.requests", colour="blue")
    with pytest.raises(CallRefusedError, match=r"query.requests.limit"):
        lab.read("query.requests", limit=501)
    with pytest.raises(CallRefusedError, match="no result"):
        lab.read("query.result", id=str(new_id()))
    with pytest.raises(CallRefusedError, match="no sample 's'"):
        lab.read("query.sample", id="s")


def test_the_history_of_a_sample_both_ways(lab: Lab) -> None:
    lab.worker("kit/asab")
    made = new_id()
    electrolyte = SampleStep(
        sample="e-1", kind="electrolyte", state=0, label="formulated", parents=("lipf6-7", "ec-3")
    )
    cell = SampleStep(sample="c-1", kind="coin_cell", state=0, label="assembled", parents=("e-1",))
    lab.result(None, "kit/asab", uuid=made, samples=(electrolyte, cell))
    formed = SampleStep(sample="c-1", kind="coin_cell", state=1, expects_state=0, label="formed")
    lab.result(None, "kit/asab", samples=(formed,))
    found = lab.read("query.sample", id="c-1")
    assert found["sample"]["parents"] == ["e-1"]
    assert (found["sample"]["state"], found["sample"]["label"]) == (1, "formed")
    assert [s["label"] for s in found["states"]] == ["assembled", "formed"]
    assert found["states"][0]["result"] == str(made)
    assert lab.read("query.sample", id="e-1")["sample"]["children"] == ["c-1"]


def test_stats(full: Lab) -> None:
    stats = full.read("ledger.stats")
    assert stats["requests"] == {"resolved": 20, "reserved": 10}
    assert stats["results"] == {"original": 25}
    assert stats["entries"] == full.ledger.head.offset + 1
    assert (stats["offers"], stats["samples"]) == (1, 0)
    assert full.read("query.capabilities")["capabilities"][0]["parameters_schema"] == PARAMETERS
