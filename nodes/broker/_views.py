"""From rows to what the reading services answer with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from messages.envelope import unpack
from messages.ledger import EntryKind, Status
from messages.model import JsonObject
from messages.query import (
    CapabilityView,
    LogLine,
    OfferView,
    RequestView,
    ResultView,
    SampleLine,
    SampleStateView,
    SampleView,
)
from nodes.broker._row import Row

View = Callable[[Any], JsonObject]
"""Takes a projection's row with its entry's columns."""

_REQUEST = ("quantity", "method", "parameters", "campaign", "expires", "from_state", "parent")
_RESULT = (
    "request", "quantity", "method", "parameters", "outcome", "failure", "rating", "campaign",
)  # fmt: skip


def request_view(row: Any) -> JsonObject:
    """Return a `RequestView` as plain values."""
    body = unpack(row.entry_body)
    return RequestView.model_validate(
        {
            "id": row.uuid,
            **_entry(row),
            **{name: body.get(name) for name in _REQUEST},
            "priority": row.priority,
            "attempts": row.attempts,
            "wait": body.get("wait", False),
            "status": row.status,
            "message": row.status_change_message,
            "changed": row.load_time,
            "attempt": row.attempt,
            "worker": row.worker,
            "token": row.token,
            "result": row.result_uuid,
        }
    ).model_dump()


def result_view(row: Any) -> JsonObject:
    """Return a `ResultView` as plain values."""
    body = unpack(row.entry_body)
    return ResultView.model_validate(
        {
            "id": row.uuid,
            **_entry(row),
            **{name: body.get(name) for name in _RESULT},
            "data": body.get("data") or {},
            "provenance": body.get("provenance") or {},
            "samples": body.get("samples") or (),
            "artifacts": body.get("artifacts") or (),
            "status": row.status,
            "reason": row.status_change_message,
        }
    ).model_dump()


def log_line(row: Row) -> JsonObject:
    """Return a `LogLine` of a request's own entry or of a change of its status."""
    change = row.body
    if row.kind == EntryKind.REQUEST.value:
        change = {
            "request": row.uuid,
            "before": None,
            "after": Status.PENDING.value,
            "message": "accepted",
            "by": row.author,
        }
    where = {"offset": row.offset, "stamp": row.stamp, "load_time": row.load_time}
    return LogLine.model_validate({**change, **where}).model_dump()


def capability_view(row: Any) -> JsonObject:
    """Return a `CapabilityView` as plain values."""
    body = unpack(row.entry_body)
    where = {"offset": row.offset, "load_time": row.entry_load_time}
    return CapabilityView.model_validate({**body, **where}).model_dump()


def offer_view(row: Any) -> JsonObject:
    """Return an `OfferView` as plain values."""
    body = unpack(row.entry_body)
    return OfferView.model_validate(
        {
            "node": row.node,
            "offer": body["offer"],
            "offset": row.offset,
            "load_time": row.entry_load_time,
        }
    ).model_dump()


def sample_line(row: Any) -> JsonObject:
    """Return a `SampleLine` as plain values."""
    return SampleLine(
        sample=row.sample,
        kind=row.kind,
        state=row.state,
        label=row.label,
        location=row.location,
        offset=row.offset,
        born=row.load_time,
    ).model_dump()


def sample_view(row: Any, parents: list[str], children: list[str], most: int) -> JsonObject:
    """Return a `SampleView` as plain values, with at most ``most`` relatives of each kind."""
    return SampleView(
        **sample_line(row),
        parents=tuple(sorted(parents)[:most]),
        parents_total=len(parents),
        children=tuple(sorted(children)[:most]),
        children_total=len(children),
    ).model_dump()


def sample_state_view(row: Any) -> JsonObject:
    """Return a `SampleStateView` as plain values; ``row`` is its entry with the result's."""
    body = unpack(row.body)
    names = ("state", "label", "location", "properties", "result", "request", "at")
    return SampleStateView.model_validate(
        {
            **{name: body[name] for name in names},
            "author": row.result_author,
            "quantity": row.result_quantity,
            "method": row.result_method,
            "outcome": row.result_outcome,
            "offset": row.offset,
        }
    ).model_dump()


def _entry(row: Any) -> JsonObject:
    return {
        "offset": row.offset,
        "author": row.entry_author,
        "stamp": row.entry_stamp,
        "load_time": row.entry_load_time,
    }
