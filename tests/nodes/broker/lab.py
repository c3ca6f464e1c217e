"""A ledger without a mesh, and those who write to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import URL, create_engine, select
from sqlalchemy.pool import NullPool

from messages.envelope import Header, decode, encode, validate
from messages.ids import NodeId, new_id
from messages.ledger import (
    Cancel,
    Decision,
    EntryKind,
    Failure,
    Offer,
    Order,
    OrderCancel,
    Progress,
    ProgressKind,
    Receipt,
    Request,
    Result,
    ResultAmendment,
)
from messages.model import TYPES, JsonObject, Message
from messages.node import Lifecycle, Presence, State
from messages.schema import schema_hash
from nodes.broker import Ledger, LedgerReader, Outcome
from nodes.broker._books import Now
from nodes.broker._door import Parcel
from nodes.broker._ledger import Command, Settled
from nodes.broker.store import SqlStore, sqlite_url
from nodes.broker.store import _tables as t

LEDGER = "kit/broker"
PARAMETERS: JsonObject = {
    "type": "object",
    "properties": {"x": {"type": "number", "minimum": 0, "maximum": 10}},
    "required": ["x"],
    "additionalProperties": False,
}
RESULT: JsonObject = {
    "type": "object",
    "properties": {"y": {"type": "number"}},
    "required": ["y"],
    "additionalProperties": False,
}
START = 1_700_000_000_000_000_000


@dataclass
class Lab:
    """A ledger with a clock of its own; every method is one message, applied at once.

    Its place is the path of a SQLite file or a database URL.
    """

    place: Path | str
    vocabulary: dict[tuple[str, str], tuple[JsonObject, JsonObject]] = field(default_factory=dict)
    mono: float = 100.0
    outcomes: list[Outcome] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    leases: bool = True

    def __post_init__(self) -> None:
        self._seq = count()
        self.open()

    @property
    def url(self) -> str:
        return sqlite_url(self.place) if isinstance(self.place, Path) else self.place

    def open(self) -> None:
        self.store = SqlStore(self.url)
        self.ledger = Ledger(NodeId.parse(LEDGER), self.store, self.vocabulary)

    def reopen(self) -> None:
        """As after a restart of the process; nobody has been heard yet."""
        self.store.close()
        self.open()

    @property
    def now(self) -> Now:
        wall = START + int(self.mono * 1e9)
        return Now(wall, wall, self.mono)

    def apply(self, *commands: Command, forwarded: int | None = None) -> Outcome:
        outcome = self.ledger.apply(commands, self.now, leases=self.leases, forwarded=forwarded)
        self.outcomes.append(outcome)
        return outcome

    def wait(self, seconds: float) -> Outcome:
        self.mono += seconds
        return self.apply()

    def settle(self) -> Outcome:
        return self.apply(Settled())

    def parcel(
        self,
        author: str,
        kind: str,
        message: Message,
        *levels: str,
        uuid: UUID | None = None,
        sender: str | None = None,
        **header: Any,
    ) -> Parcel:
        fields: dict[str, Any] = {
            "type": type(message).TYPE,
            "schema": schema_hash(type(message)),
            "id": uuid or new_id(),
            "stamp": self.now.stamp,
            "sender": sender or author,
            "epoch": self.epochs.get(author, 1),
            "seq": next(self._seq),
        }
        payload = encode(Header(**{**fields, **header}), message)
        to = () if kind in ("offer", "node") else (LEDGER,)
        return Parcel("/".join(("lab1", author, kind, *to, *levels)), payload)

    # -- nodes ---

    def online(self, node: str, *, epoch: int = 1, state: str = "online") -> Outcome:
        self.epochs[node] = epoch
        presence = Presence(
            state=state,  # type: ignore[arg-type]
            epoch=epoch, boot_id=new_id(), instance="a", since=0,
        )  # fmt: skip
        return self.apply(self.parcel(node, "node", presence, "alive", "a"))

    def lifecycle(self, node: str, state: State = State.ACTIVE) -> Outcome:
        return self.apply(self.parcel(node, "node", Lifecycle(state=state), "life"))

    def offer(self, node: str, quantity: str = "q", method: str = "m", **fields: Any) -> Outcome:
        defaults: dict[str, Any] = {
            "parameters_schema": PARAMETERS, "result_schema": RESULT, "worker": "model"
        }  # fmt: skip
        offer = Offer(quantity=quantity, method=method, **{**defaults, **fields})
        return self.apply(self.parcel(node, "offer", offer, quantity, method))

    def worker(self, node: str, quantity: str = "q", method: str = "m", **fields: Any) -> None:
        self.online(node)
        self.lifecycle(node)
        self.offer(node, quantity, method, **fields)

    # -- messages; each returns the receipt ---

    def send(self, parcel: Parcel) -> Receipt:
        outcome = self.apply(parcel)
        return receipt_of(outcome, decode(parcel.payload).header.id)

    def request(
        self,
        x: Any = 1.0,
        *,
        author: str = "kit/opt",
        uuid: UUID | None = None,
        **fields: Any,
    ) -> Receipt:
        fields = {"quantity": "q", "method": "m", "parameters": {"x": x}, **fields}
        request = Request(**fields)
        return self.send(
            self.parcel(author, "request", request, request.quantity, request.method, uuid=uuid)
        )

    def progress(
        self, order: Order, node: str, kind: ProgressKind = ProgressKind.ACCEPT, **fields: Any
    ) -> Receipt:
        token = fields.pop("token", order.token)
        progress = Progress(request=order.request, token=token, kind=kind)
        return self.send(self.parcel(node, "progress", progress, str(order.request), **fields))

    def heartbeat(self, order: Order, node: str, **fields: Any) -> Outcome:
        beat = Progress(request=order.request, token=order.token, kind=ProgressKind.HEARTBEAT)
        return self.apply(self.parcel(node, "progress", beat, str(order.request), **fields))

    def result(
        self, order: Order | None, node: str, *, uuid: UUID | None = None, **fields: Any
    ) -> Receipt:
        values: dict[str, Any] = {
            "quantity": "q", "method": "m", "parameters": {}, "outcome": "resolved",
            "data": {"y": 1.0},
        }  # fmt: skip
        if order is not None:
            values |= {"request": order.request, "token": order.token}
            values |= {"quantity": order.quantity, "method": order.method}
        result = Result(**{**values, **fields})
        return self.send(
            self.parcel(node, "result", result, result.quantity, result.method, uuid=uuid)
        )

    def fail(self, order: Order, node: str, *, retryable: bool = False) -> Receipt:
        failure = Failure(message="no luck", retryable=retryable)
        return self.result(order, node, outcome="failed", data={}, failure=failure)

    def cancel(self, request: UUID, author: str = "kit/opt", **fields: Any) -> Receipt:
        cancel = Cancel(request=request, reason="changed my mind")
        return self.send(self.parcel(author, "cancel", cancel, str(request), **fields))

    def decide(self, request: UUID, decision: str, author: str = "kit/cli") -> Receipt:
        message = Decision(request=request, decision=decision, person="ada")  # type: ignore[arg-type]
        return self.send(self.parcel(author, "decision", message, str(request)))

    def amend(self, result: UUID, status: str, author: str) -> Receipt:
        message = ResultAmendment(result=result, status=status, reason="a typo")  # type: ignore[arg-type]
        return self.send(self.parcel(author, "amend", message, str(result)))

    # -- what was said ---

    def orders(self, outcome: Outcome | None = None) -> list[tuple[str, Order]]:
        said = [outcome] if outcome else self.outcomes
        return [p.order for o in said for p in o.said if p.order is not None]

    def order(self) -> Order:
        """The last order."""
        return self.orders()[-1][1]

    def voids(self, outcome: Outcome | None = None) -> list[tuple[str, OrderCancel]]:
        said = [outcome] if outcome else self.outcomes
        return [p.void for o in said for p in o.said if p.void] + [v for o in said for v in o.voids]

    def status(self, request: UUID) -> str:
        return str(self.read("query.request", id=str(request))["request"]["status"])

    def read(self, service: str, **arguments: Any) -> JsonObject:
        with LedgerReader(self.url) as reader:
            return reader.query(service, arguments)

    def check(self) -> None:
        """Every entry is a valid message of its type, and the chain holds."""
        rows = self.store.rows(0, 100_000)
        self.store.end_reading()
        for row in rows:
            validate(TYPES[row.columns[6]], row.body, where="body")
            EntryKind(row.kind)
        with LedgerReader(self.url) as reader:
            verdict = reader.verify()
        assert verdict.sound, verdict
        assert verdict.entries == len(rows)


def content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every projection."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in t.PROJECTIONS
        }


def journal(url: str | URL) -> list[tuple[Any, ...]]:
    """Every entry as it is stored."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        statement = select(t.JOURNAL).order_by(t.JOURNAL.c.offset)
        return [tuple(row) for row in connection.execute(statement)]


def execute(url: str, *statements: str) -> None:
    """Write to a ledger's database as no ledger does."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def receipt_of(outcome: Outcome, message: UUID) -> Receipt:
    """The one receipt for a message."""
    found = [
        Receipt(message=message, accepted=True, offset=p.row.offset)
        for p in outcome.said
        if p.receipt and p.row.uuid == str(message)
    ]
    found += [receipt for _, receipt in outcome.receipts if receipt.message == message]
    assert len(found) == 1, found
    return found[0]
