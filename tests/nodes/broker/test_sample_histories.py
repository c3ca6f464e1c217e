"""Whatever happens, every sample has one gapless history, and no two orders at one time."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from messages.envelope import decode
from messages.ids import new_id
from messages.ledger import (
    Cancel,
    Decision,
    Failure,
    FromState,
    Order,
    Progress,
    ProgressKind,
    Provenance,
    Request,
    Result,
    SampleStep,
)
from messages.model import JsonObject, Message
from messages.sample_state import INSPECTION, InspectionInput, InspectionOutput
from messages.schema import json_schema
from nodes.broker import open_ledger
from nodes.broker._door import Parcel
from nodes.broker._status import HAS_ORDER
from nodes.broker.store import SqlStore, sqlite_url
from tests.nodes.broker.lab import LEDGER, Lab, content
from tests.support import PostgresServer

SAMPLES = ("s-0", "s-1")
WORKERS = ("kit/arm-a", "kit/arm-b", "kit/model")

picks = st.integers(0, 1 << 16)
deeds = st.tuples(
    st.sampled_from(
        ("step", "request", "request", "inspect", "inspect", "accept", "accept", "decline", "beat",
         "resolve", "resolve", "fail", "fail", "retry", "refuse", "tell", "cancel", "release",
         "abandon", "wait", "wait", "reboot", "restart")
    ),
    picks, picks, st.integers(-1, 1),
)  # fmt: skip


FOUND: JsonObject = json_schema(InspectionOutput)


class World:
    """A lab of two instruments and a model; deeds pick from what there is by number."""

    def __init__(self, url: str) -> None:
        self.lab = Lab(url, vocabulary={INSPECTION: (json_schema(InspectionInput), FOUND)})
        self.lab.settle()
        self.epoch = dict.fromkeys(WORKERS, 1)
        self.instrument: dict[UUID, bool] = {}
        self.asked: list[UUID] = []
        self.said: dict[UUID, Message] = {}
        self.announce()

    def announce(self) -> None:
        for node in WORKERS:
            self.lab.online(node, epoch=self.epoch[node])
            self.lab.lifecycle(node)
            kind = "model" if node == "kit/model" else "instrument"
            self.lab.offer(node, "q", "n" if kind == "model" else "m", worker=kind, slots=2)

    def parcel(self, author: str, kind: str, message: Message, *levels: str) -> Parcel:
        identity = new_id()
        self.said[identity] = message
        return self.lab.parcel(author, kind, message, *levels, uuid=identity)

    def state(self, sample: str) -> int:
        """The last state, -1 before its birth."""
        found = self.lab.ledger.books.sample_state(sample)
        return -1 if found is None else found

    def step(self, sample: str, error: int) -> SampleStep:
        """The next step, or with an error one that does not fit."""
        expected = max(self.state(sample) + error, -1)
        return SampleStep(
            sample=sample, kind="cell", state=expected + 1, label="made",
            expects_state=None if expected < 0 else expected,
        )  # fmt: skip

    def do(self, deed: tuple[str, int, int, int]) -> list[Parcel]:
        """Return the messages of a deed; what is no message happens at once."""
        name, first, second, error = deed
        lab, sample = self.lab, SAMPLES[first % len(SAMPLES)]
        if name == "wait":
            lab.wait((0.5, 2.5, 15.1, 31.0)[first % 4])
        elif name == "reboot":
            node = WORKERS[first % len(WORKERS)]
            self.epoch[node] += 1
            lab.online(node, epoch=self.epoch[node])
        elif name == "restart":
            lab.reopen()
            self.announce()
            lab.settle()
        elif name == "step":
            return [self.result(None, "kit/eve", (self.step(sample, error),))]
        elif name == "inspect":
            return [self.inspection(sample, second, error)]
        elif name == "request":
            return [self.request(sample, second, error)]
        elif name in ("cancel", "release", "abandon"):
            return self.judge(name, first)
        else:
            return self.answer(name, first, second, error)
        return []

    def inspection(self, sample: str, pick: int, error: int) -> Parcel:
        """What a person has found; or nobody, or of another sample."""
        quantity, method = INSPECTION
        person = "" if pick % 4 == 0 else "ada"
        about = SAMPLES[0] if pick % 5 == 0 else sample
        result = Result(
            quantity=quantity, method=method, parameters={"sample": about}, outcome="resolved",
            data={"sample": about, "label": "made", "person": person, "reason": "seen"},
            samples=(self.step(sample, error),),
        )  # fmt: skip
        return self.parcel("kit/cli", "result", result, quantity, method)

    def request(self, sample: str, pick: int, error: int) -> Parcel:
        method = "n" if pick % 4 == 0 else "m"
        request = Request(
            quantity="q", method=method, parameters={"x": 1.0}, attempts=1 + pick % 2,
            from_state=FromState(sample=sample, state=max(self.state(sample) + error, 0)),
        )  # fmt: skip
        parcel = self.parcel("kit/opt", "request", request, "q", method)
        identity = decode(parcel.payload).header.id
        self.asked.append(identity)
        self.instrument[identity] = method == "m"
        return parcel

    def judge(self, name: str, pick: int) -> list[Parcel]:
        if not self.asked:
            return []
        request = self.asked[pick % len(self.asked)]
        if name == "cancel":
            return [self.parcel("kit/opt", "cancel", Cancel(request=request), str(request))]
        decision = Decision(request=request, decision=name, person="ada")  # type: ignore[arg-type]
        return [self.parcel("kit/cli", "decision", decision, str(request))]

    def answer(self, name: str, pick: int, second: int, error: int) -> list[Parcel]:
        """Let a worker speak of the newest orders, or of one long gone."""
        orders = self.lab.orders()
        if not orders:
            return []
        worker, order = orders[-1 - pick % min(len(orders), 4)]
        if name in ("accept", "decline", "beat"):
            kind = ProgressKind("heartbeat" if name == "beat" else name)
            word = Progress(request=order.request, token=order.token, kind=kind)
            return [self.parcel(worker, "progress", word, str(order.request))]
        start = self.said[order.request].from_state  # type: ignore[attr-defined]
        tells = name == "tell" or (name == "resolve" and second % 3 > 0)
        steps = (self.step(start.sample, error),) if tells else ()
        failure = None if name == "resolve" else Failure(message="no", retryable=name == "retry")
        return [self.result(order, worker, steps, failure, untouched=name == "refuse")]

    def result(
        self,
        order: Order | None,
        node: str,
        steps: tuple[SampleStep, ...],
        failure: Failure | None = None,
        *,
        untouched: bool = False,
    ) -> Parcel:
        asked: JsonObject = {"request": order.request, "token": order.token} if order else {}
        method = order.method if order else "m"
        result = Result(
            quantity="q", method=method, parameters={}, samples=steps, failure=failure,
            outcome="failed" if failure else "resolved", data={} if failure else {"y": 1.0},
            provenance=Provenance(notes={"untouched": True} if untouched else {}),
            **asked,
        )  # fmt: skip
        return self.parcel(node, "result", result, "q", method)

    # -- what must hold ---

    def check_now(self) -> None:
        """No sample is in the hands of two."""
        busy = Counter(
            request.sample
            for request in self.lab.ledger.books.live.values()
            if request.status in HAS_ORDER
        )
        assert not [sample for sample, orders in busy.items() if orders > 1], busy

    def check(self) -> None:
        """The journal alone tells whether every promise was kept."""
        lab = self.lab
        entries: list[JsonObject] = []
        after: int | None = 0
        while after is not None:
            page = lab.read("journal.read", **{"from": after}, limit=500)
            entries += page["entries"]
            after = page["next"]
        results = {e["uuid"]: e for e in entries if e["kind"] == "result"}
        made: dict[str, list[JsonObject]] = defaultdict(list)
        for entry in entries:
            if entry["kind"] == "sample":
                made[entry["body"]["sample"]].append(entry)
        steps = {
            (identity, s["sample"], s["state"])
            for identity, result in results.items()
            for s in result["body"]["samples"]
        }
        for sample, found in made.items():
            assert [e["body"]["state"] for e in found] == list(range(len(found)))
            for entry in found:
                body = entry["body"]
                origin = (body["result"], sample, body["state"])
                own = entry["author"] == LEDGER
                assert own == (body["label"] == "unknown")
                # Each state is a step of exactly one result, or the ledger's own after one.
                assert (origin in steps) != own
                assert results[body["result"]]["offset"] < entry["offset"]
                steps.discard(origin)
            for one, following in pairwise(found):
                if one["body"]["label"] == "unknown" != following["body"]["label"]:
                    result = results[following["body"]["result"]]["body"]
                    # Nobody but a person who has looked at this very sample leads away from it.
                    assert (result["quantity"], result["method"]) == INSPECTION
                    assert (result["data"]["person"], result["data"]["sample"]) == ("ada", sample)
            shown = lab.read("query.sample", id=sample)
            assert [s["state"] for s in shown["states"]] == list(range(len(found)))
            assert shown["sample"]["state"] == len(found) - 1
        assert not steps, "a result was taken without its steps"
        self.check_orders(entries, results, made)

    def check_orders(
        self,
        entries: list[JsonObject],
        results: dict[str, JsonObject],
        made: dict[str, list[JsonObject]],
    ) -> None:
        """Only the order that stood was ever believed, and doubt was noted where it is due."""
        standing: dict[str, int] = {}
        label: dict[str, str] = {}
        for entry in entries:
            body = entry["body"]
            if entry["kind"] == "sample":
                label[body["sample"]] = body["label"]
            if entry["kind"] == "request" or body.get("after") == "reserved":
                identity = entry["uuid"] if entry["kind"] == "request" else body["request"]
                asks = self.said[UUID(identity)].from_state  # type: ignore[attr-defined]
                assert label[asks.sample] != "unknown", "a blocked sample was asked of, or given"
            if entry["kind"] == "result" and body["request"]:
                assert standing[body["request"]] == body["token"]
            if entry["kind"] != "status":
                continue
            request, after = body["request"], body["after"]
            if after == "reserved":
                standing[request] = entry["offset"]
            elif after not in BEGUN:
                standing.pop(request, None)
            if body["before"] not in BEGUN:
                continue
            start = self.said[UUID(request)].from_state  # type: ignore[attr-defined]
            doubted = [
                e
                for e in made[start.sample]
                if e["author"] == LEDGER and e["body"]["result"] == body["result"]
            ]
            result = results[body["result"]]["body"] if body["result"] else None
            due = self.instrument[UUID(request)] and (
                after in ("abandoned", "retracted")
                or (
                    after == "failed"
                    and result is not None
                    and not (result["failure"] or {}).get("retryable")
                    and not result["samples"]
                    and not result["provenance"]["notes"].get("untouched")
                )
            )
            assert bool(doubted) == due, (body, doubted)


Batches = list[list[tuple[str, int, int, int]]]

BEGUN = ("running", "canceling", "held")
"""Statuses of a request whose order has begun and stands."""

A_CANCEL_TOO_LATE: Batches = [
    [("step", 0, 0, 0), ("step", 0, 0, 0)],
    [("request", 0, 839, 0)],
    [("step", 0, 0, 0)],
    [("accept", 0, 0, 0), ("cancel", 0, 0, 0), ("step", 0, 0, 0)],
    [("step", 0, 0, 0), ("step", 0, 0, 0), ("fail", 0, 0, 0)],
]
"""An instrument that is told to stop fails before it is at rest."""

DOUBT_AND_ITS_END: Batches = [
    [("request", 0, 1, 0)], [("accept", 0, 0, 0)], [("fail", 0, 0, 0)],
    # Nobody gets at the sample but a person who has looked at this very one.
    [("request", 0, 1, 0)], [("step", 0, 0, 0)], [("inspect", 0, 4, 0)], [("inspect", 0, 1, -1)],
    [("inspect", 0, 1, 0)],
    [("request", 0, 1, 0)], [("accept", 0, 0, 0)], [("tell", 0, 0, 0)],
    [("request", 0, 1, 0)], [("accept", 0, 0, 0)], [("refuse", 0, 0, 0)],
    [("request", 0, 1, 0)], [("accept", 0, 0, 0)], [("resolve", 0, 1, 0)],
]  # fmt: skip
"""A failed run, a person's word, a failure that says what became of it, a refusal, a success."""

batches = st.lists(st.lists(deeds, min_size=1, max_size=3), min_size=5, max_size=40)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lived=batches)
@example(lived=A_CANCEL_TOO_LATE)
@example(lived=DOUBT_AND_ITS_END)
def test_histories(tmp_path_factory: pytest.TempPathFactory, lived: Batches) -> None:
    live(sqlite_url(tmp_path_factory.mktemp("history") / "ledger.sqlite"), lived)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lived=batches)
@example(lived=DOUBT_AND_ITS_END)
def test_histories_in_postgresql(postgres: PostgresServer, lived: Batches) -> None:
    live(postgres.database(), lived)


def test_doubt_and_its_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the example above is meant to reach, it reaches."""
    url = sqlite_url(tmp_path_factory.mktemp("history") / "ledger.sqlite")
    live(url, DOUBT_AND_ITS_END)
    with open_ledger(url) as ledger:
        states = ledger.query("query.sample", {"id": "s-0"})["states"]
        asked = ledger.query("query.requests", {"newest_first": False})["requests"]
    assert [state["label"] for state in states] == ["made", "unknown", "made", "made", "made"]
    assert states[2]["method"] == "inspection"
    assert [request["status"] for request in asked] == ["failed", "failed", "failed", "resolved"]


def live(url: str, lived: Batches) -> None:
    """Let it all happen, then look at every promise."""
    world = World(url)
    lab = world.lab
    births = [world.result(None, "kit/eve", (world.step(sample, 0),)) for sample in SAMPLES]
    lab.apply(*births)
    for batch in lived:
        parcels = [parcel for deed in batch for parcel in world.do(deed)]
        lab.apply(*parcels)
        world.check_now()
    world.check()
    lab.check()
    before: Any = content(lab.url)
    assert isinstance(lab.store, SqlStore)
    lab.store.rebuild()
    assert content(lab.url) == before
    assert lab.ledger.refusals["internal"] == 0
    lab.store.close()
