"""What a journal entry makes the ledger say: it follows from the entry, so no crash loses it."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

import messages.ledger as wire
from labmesh.tracing import trace_of
from messages.ledger import EntryKind, OrderCancel, Status
from messages.model import JsonObject
from nodes.broker._books import Books
from nodes.broker._guard import is_declaration
from nodes.broker._row import Row

_ANSWERED: Final = frozenset(
    kind.value
    for kind in (EntryKind.REQUEST, EntryKind.RESULT, EntryKind.STATUS, EntryKind.RESULT_STATUS)
)
_HAD_ORDER: Final = frozenset(
    {Status.RESERVED.value, Status.RUNNING.value, Status.CANCELING.value, Status.HELD.value}
)
_ALWAYS_VOID: Final = frozenset(
    {Status.RETRACTED.value, Status.EXPIRED.value, Status.ABANDONED.value}
)
_VOID_UNLESS_ITS_OWN_DOING: Final = frozenset({Status.PENDING.value, Status.FAILED.value})


class Publication(NamedTuple):
    """An entry and what goes out with it.

    Attributes:
        row: Published as ``~/journal/{kind}/@``.
        party: The node concerned, @.
        receipt: Whether its author waits for one: it is a message or was caused by one.
        order: A worker and its new order.
        void: A worker and the end of its order.
        trace: Traceparent of the step that made the entry, or empty.
        samples: Samples whose topics a declaration of access changes, each with the last state that
            may be told again, or None where it must not be any more.
    """

    row: Row
    party: str
    receipt: bool
    order: tuple[str, wire.Order] | None
    void: tuple[str, OrderCancel] | None
    trace: str = ""
    samples: tuple[tuple[str, JsonObject | None], ...] = ()


def publications(books: Books) -> list[Publication]:
    """Return what the batch just written makes the ledger say."""
    batch = books.batch
    return [
        Publication(
            row,
            batch.parties.get(row.offset) or row.author,
            _has_receipt(row, books.me),
            batch.orders.get(row.offset),
            _void(row),
            batch.traces.get(row.offset, ""),
            _samples(books, row),
        )
        for row in batch.rows
    ]


def unsaid(books: Books, start: int, limit: int) -> list[Publication]:
    """Return what entries from ``start`` make the ledger say, read from the journal again."""
    found: list[Publication] = []
    for row in books.store.rows(start, limit):
        order: tuple[str, wire.Order] | None = None
        request_id = row.body.get("request")
        if row.kind == EntryKind.STATUS.value and row.body["after"] == Status.RESERVED.value:
            live = books.live.get(str(request_id))
            if live is not None and live.order is not None and live.order.token == row.offset:
                order = (live.order.worker, books.order_message(live))
        found.append(
            Publication(
                row,
                _party(books, row),
                _has_receipt(row, books.me),
                order,
                _void(row),
                _trace(row),
                _samples(books, row),
            )
        )
    return found


def _party(books: Books, row: Row) -> str:
    request_id = row.body.get("request")
    if request_id and row.kind in (EntryKind.STATUS.value, EntryKind.RESULT.value):
        request = books.store.request(str(UUID(request_id)))
        if request is not None:
            return str(request.author)
    return row.author


def _samples(books: Books, row: Row) -> tuple[tuple[str, JsonObject | None], ...]:
    """Return what a declaration of access makes of samples' topics."""
    guard = books.guard
    if not guard.active or not is_declaration(row.kind, row.body):
        return ()
    hidden, opened = guard.turned(row.offset)
    told = books.store.last_states(opened) if opened else {}
    return (*((sample, None) for sample in hidden), *sorted(told.items()))


def _trace(row: Row) -> str:
    """Return a trace for an entry that an earlier process wrote: it belongs to its request."""
    request = row.uuid if row.kind == EntryKind.REQUEST.value else row.body.get("request")
    return trace_of(str(request)) if request else ""


def _has_receipt(row: Row, me: str) -> bool:
    return row.author != me and row.kind in _ANSWERED


def _void(row: Row) -> tuple[str, OrderCancel] | None:
    if row.kind != EntryKind.STATUS.value:
        return None
    body = row.body
    worker, token, after = body["worker"], body["token"], body["after"]
    if worker is None or token is None or body["before"] not in _HAD_ORDER:
        return None
    if after == Status.CANCELING.value:
        return worker, OrderCancel(
            request=body["request"], token=token, reason=body["message"], ask=True
        )
    if after in _ALWAYS_VOID or (after in _VOID_UNLESS_ITS_OWN_DOING and body["by"] != worker):
        return worker, OrderCancel(request=body["request"], token=token, reason=body["message"])
    return None
