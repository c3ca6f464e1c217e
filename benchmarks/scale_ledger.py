"""A ledger of any size, as a busy laboratory would fill it, made without a mesh.

``python benchmarks/scale_ledger.py FOLDER --entries 1000000``: the real `Ledger` takes real
messages in large groups, so every entry, projection and hash is what the broker node would write.
Of a hundred requests about two are cancelled, two declined once, five fail once, ten make a
sample, one has its result amended; campaigns, requesters and four workers take turns.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from messages.envelope import Header, encode
from messages.ids import NodeId, new_id
from messages.ledger import (
    Cancel,
    Failure,
    Offer,
    Order,
    Progress,
    ProgressKind,
    Request,
    Result,
    ResultAmendment,
    ResultStatus,
    SampleStep,
)
from messages.model import JsonObject, Message
from messages.node import Lifecycle, Presence, State
from messages.schema import schema_hash
from nodes.broker import Ledger, Outcome
from nodes.broker._books import Now
from nodes.broker._door import Parcel
from nodes.broker._ledger import Settled
from nodes.broker.store import SqlStore, sqlite_url

LEDGER: Final = NodeId("kit", "broker")
QUANTITY, METHOD = "conductivity", "model"
GROUP: Final = 500
"""Requests of one transaction."""

SCHEMA: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number", "minimum": 250, "maximum": 400},
        "fractions": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
    },
    "required": ["temperature", "fractions"],
    "additionalProperties": False,
}


class Busy:
    """A ledger and everyone who writes to it.

    Args:
        ledger: The ledger; its clock is this object's.
        slots: Orders that each worker takes at a time.
        step: Seconds between two arrivals.
        seed: Of the dice.
    """

    def __init__(
        self, ledger: Ledger, *, slots: int = GROUP, step: float = 3.0, seed: int = 7
    ) -> None:
        self.ledger = ledger
        self._step = step
        self.workers = [f"kit/worker{index}" for index in range(4)]
        self._slots = slots
        self._dice = random.Random(seed)
        self._wall = time.time_ns()
        self._mono = 1.0
        self._seq = 0
        self._samples = ledger.head.offset + 1

    def now(self) -> Now:
        """Return the next moment."""
        self._wall += int(self._step * 1e9)
        self._mono += self._step
        return Now(self._wall, self._wall, self._mono)

    def apply(self, *parcels: Parcel) -> Outcome:
        """Let messages arrive together."""
        return self.ledger.apply(parcels, self.now())

    def parcel(self, author: str, kind: str, message: Message, *levels: str) -> Parcel:
        """Return a message as it arrives."""
        self._seq += 1
        model = type(message)
        header = Header(model.TYPE, schema_hash(model), new_id(), self._wall, author, 1, self._seq)
        to = () if kind in ("offer", "node") else (str(LEDGER),)
        return Parcel("/".join(("lab1", author, kind, *to, *levels)), encode(header, message))

    def arrive(self, workers: list[str] | None = None) -> None:
        """Let the workers come online and offer what they can."""
        parcels = []
        for node in self.workers if workers is None else workers:
            presence = Presence(state="online", epoch=1, boot_id=new_id(), instance="0", since=0)
            parcels += [
                self.parcel(node, "node", presence, "alive", "0"),
                self.parcel(node, "node", Lifecycle(state=State.ACTIVE), "life"),
                self.parcel(node, "offer", self._offer(), QUANTITY, METHOD),
            ]
        self.ledger.apply([*parcels, Settled()], self.now())

    def request(self, author: str = "", **fields: Any) -> Parcel:
        """Return a request with parameters of its own."""
        dice = self._dice
        first = round(dice.random(), 4)
        request = Request(
            quantity=QUANTITY,
            method=METHOD,
            parameters={
                "temperature": round(dice.uniform(273, 333), 2),
                "fractions": {"EC": first, "EMC": round(1 - first, 4), "LiPF6": dice.random()},
            },
            **{"campaign": f"campaign{dice.randrange(20)}", **fields},
        )
        author = author or f"kit/asker{dice.randrange(4)}"
        return self.parcel(author, "request", request, QUANTITY, METHOD)

    def cycle(self, count: int = GROUP) -> None:
        """Take ``count`` requests, give them out, bring almost all of them to an end."""
        dice = self._dice
        outcome = self.apply(*(self.request() for _ in range(count)))
        cancels = [
            self.parcel(
                order.requester, "cancel", Cancel(request=order.request), str(order.request)
            )
            for _, order in orders(outcome)
            if dice.random() < 0.02
        ]
        given = list(orders(outcome))
        cancelled = {parcel.topic.rpartition("/")[2] for parcel in cancels}
        self.apply(*cancels)
        given = [(w, o) for w, o in given if str(o.request) not in cancelled]
        while given:
            accepts = [self._begin(*pair) for pair in given]
            again = list(orders(self.apply(*(parcel for parcel, _ in accepts))))
            begun = [pair for pair, (_, takes) in zip(given, accepts, strict=True) if takes]
            results = [self._result(worker, order) for worker, order in begun]
            outcome = self.apply(*results)
            amended = [
                self.parcel(
                    publication.row.author, "amend",
                    ResultAmendment(
                        result=UUID(publication.row.uuid), status=ResultStatus.AMENDED,
                        reason="the thermometer read 0.1 K low",
                    ),
                    publication.row.uuid,
                )
                for publication in outcome.said
                if publication.row.kind == "result"
                and dice.random() < 0.01
            ]  # fmt: skip
            given = [*again, *orders(outcome), *orders(self.apply(*amended))]

    def work_off(self, count: int = 1_000_000) -> None:
        """Accept and resolve the ``count`` oldest orders that stand, each stage together."""
        books = self.ledger.books
        hand = [books.live[each] for ids in books.by_worker.values() for each in ids]
        hand.sort(key=lambda request: request.order.token if request.order else 0)
        given = [(r.order.worker, books.order_message(r)) for r in hand[:count] if r.order]
        self.apply(*(self._begin(w, o.model_copy(update={"attempt": 2}))[0] for w, o in given))
        self.apply(*(self._result(worker, order) for worker, order in given))

    def _begin(self, worker: str, order: Order) -> tuple[Parcel, bool]:
        takes = order.attempt > 1 or self._dice.random() >= 0.02
        progress = Progress(
            request=order.request,
            token=order.token,
            kind=ProgressKind.ACCEPT if takes else ProgressKind.DECLINE,
            text="" if takes else "the queue is full",
        )
        return self.parcel(worker, "progress", progress, str(order.request)), takes

    def _result(self, worker: str, order: Order) -> Parcel:
        dice = self._dice
        ending: dict[str, Any] = {
            "outcome": "resolved", "data": {"conductivity": dice.random(), "unit": "S/m"}
        }  # fmt: skip
        if order.attempt == 1 and dice.random() < 0.05:
            failure = Failure(message="did not converge", retryable=True)
            ending = {"outcome": "failed", "failure": failure}
        elif dice.random() < 0.1:
            self._samples += 1
            step = SampleStep(
                sample=f"vial-{self._samples}", kind="electrolyte", state=0, label="mixed",
                parents=("ec", "emc", "lipf6"), location="rack 3",
            )  # fmt: skip
            ending["samples"] = (step,)
        result = Result(
            request=order.request, token=order.token, quantity=QUANTITY, method=METHOD,
            parameters=order.parameters, **ending,
        )  # fmt: skip
        return self.parcel(worker, "result", result, QUANTITY, METHOD)

    def _offer(self) -> Offer:
        return Offer(
            quantity=QUANTITY, method=METHOD, parameters_schema=SCHEMA, result_schema={},
            slots=self._slots, worker="model",
        )  # fmt: skip


def orders(outcome: Outcome) -> Iterator[tuple[str, Order]]:
    """Yield the orders a batch gave out, with their workers."""
    return (publication.order for publication in outcome.said if publication.order is not None)


def grow(file: Path, entries: int, *, tell: Callable[[int], None] = lambda _: None) -> float:
    """Make a ledger of at least ``entries`` entries, or let one grow; return CPU seconds.

    Args:
        file: The SQLite file; made where missing.
        entries: Entries wanted.
        tell: Told how many there are, now and then.
    """
    begun = time.process_time()
    store = SqlStore(sqlite_url(file))
    ledger = Ledger(LEDGER, store)
    try:
        if ledger.head.offset + 1 < entries:
            busy = Busy(ledger)
            busy.arrive()
            while (missing := entries - ledger.head.offset - 1) > 0:
                busy.cycle(min(GROUP, missing // 5 + 1))
                tell(ledger.head.offset + 1)
            ledger.apply([], busy.now(), forwarded=ledger.head.offset)
    finally:
        store.close()
    return time.process_time() - begun


def main() -> None:
    """Make the ledger."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--entries", type=int, default=1_000_000)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    file = given.folder / "ledger.sqlite"
    seconds = grow(file, given.entries, tell=lambda count: print(f"\r{count} entries", end=""))
    print(f"\n{file}: {file.stat().st_size / 1e6:.0f} MB, {seconds:.0f} s of CPU")


if __name__ == "__main__":
    main()
