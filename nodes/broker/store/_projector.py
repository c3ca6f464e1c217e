"""From journal entries to the relational tables. The same code writes them live and rebuilds."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection, delete, select

from messages.ledger import EntryKind, Status
from messages.model import JsonObject
from nodes.broker._row import Row
from nodes.broker.store import _tables as t
from nodes.broker.store._rows import RowBuffer, Statements

_LONG_GONE: Final = frozenset(
    {Status.PENDING.value, Status.RESOLVED.value, Status.FAILED.value, Status.RETRACTED.value,
     Status.EXPIRED.value, Status.ABANDONED.value}
)  # fmt: skip
"""Statuses in which a request has no order: whatever order it had has ended."""


def tenant_uuid(node: str) -> str:
    """Return the uuid of ``site/node`` as a tenant; the same in every ledger."""
    return str(uuid5(NAMESPACE_URL, f"labmesh:node:{node}"))


def quantity_uuid(quantity: str, method: str) -> str:
    """Return the uuid of a (quantity, method) pair; the same in every ledger."""
    return str(uuid5(NAMESPACE_URL, f"labmesh:capability:{quantity}/{method}"))


class Projector:
    """Applies entries in order; what it writes follows from the entries alone.

    Its memory is only of what is in the tables already; after a failed transaction make a new one.
    """

    def __init__(self, connection: Connection, statements: Statements) -> None:
        self._rows = RowBuffer(statements)
        self._tenants: dict[str, str] = {
            row.name: row.uuid for row in connection.execute(select(t.TENANTS))
        }
        self._known: set[tuple[str, ...]] = {
            (row.quantity, row.method)
            for row in connection.execute(select(t.QUANTITIES.c.quantity, t.QUANTITIES.c.method))
        } | {
            (row.node, row.quantity, row.method)
            for row in connection.execute(
                select(t.OFFERS.c.node, t.OFFERS.c.quantity, t.OFFERS.c.method)
            )
        }
        self._quantity_uuids: dict[tuple[str, str], str] = {}
        self._apply: dict[str, Callable[[Row], None]] = {
            EntryKind.REQUEST.value: self._request,
            EntryKind.RESULT.value: self._result,
            EntryKind.STATUS.value: self._status,
            EntryKind.RESULT_STATUS.value: self._result_status,
            EntryKind.CAPABILITY.value: self._capability,
            EntryKind.OFFER.value: self._offer,
            EntryKind.SAMPLE.value: self._sample,
        }

    def project(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Write the projections of ``rows`` within the caller's transaction."""
        for row in rows:
            self._apply[row.kind](row)
        self._rows.flush(connection)

    def _tenant(self, row: Row) -> str:
        found = self._tenants.get(row.author)
        if found is None:
            found = self._tenants[row.author] = tenant_uuid(row.author)
            self._rows.insert(t.TENANTS, found, row.author, row.load_time)
        return found

    def _method(self, body: JsonObject) -> str:
        key = (body["quantity"], body["method"])
        found = self._quantity_uuids.get(key)
        if found is None:
            found = self._quantity_uuids[key] = quantity_uuid(*key)
        return found

    def _request(self, row: Row) -> None:
        body, uuid, load_time = row.body, row.uuid, row.load_time
        from_state = body.get("from_state") or {}
        self._rows.insert(
            t.REQUESTS, uuid, row.offset, body["quantity"], body["method"],
            as_json(body["parameters"]), self._tenant(row), row.stamp, body.get("campaign"),
            body.get("priority", 5), body.get("expires"), body.get("attempts", 3),
            from_state.get("sample"), from_state.get("state"), Status.PENDING.value, "accepted", 0,
            None, None, None, load_time, as_uuid(body.get("parent")),
        )  # fmt: skip
        self._rows.insert(t.LINK_REQUEST, uuid, self._method(body), uuid, load_time)
        self._log(row, uuid, Status.PENDING.value, "accepted")

    def _log(self, row: Row, request: str, status: str, message: str) -> None:
        self._rows.insert(t.STATUS_LOG_REQUEST, row.offset, request, status, message, row.load_time)

    def _status(self, row: Row) -> None:
        body, load_time = row.body, row.load_time
        request, after, message = body["request"], body["after"], as_text(body["message"])
        changes: dict[str, Any] = {
            "status": after,
            "status_change_message": message,
            "attempt": body["attempt"],
            "load_time": load_time,
        }
        if body["result"] is not None:
            changes["result_uuid"] = body["result"]
        terms = body["reservation"]
        token = body["token"]
        if terms is not None:
            changes["worker"], changes["token"] = body["worker"], token
            self._rows.insert(
                t.ORDERS, token, request, body["worker"], terms["worker"], terms["epoch"],
                body["attempt"], float(terms["lease"]), after, load_time, None, None,
            )  # fmt: skip
        elif token is not None and after == Status.RUNNING.value:
            if body["before"] == Status.RESERVED.value:
                self._rows.update(t.ORDERS, (token,), status=after, begun_at=load_time)
            else:
                self._rows.update(t.ORDERS, (token,), status=after)
        elif token is not None:
            # What became of the order: pending stands for "given back or lost".
            ended = {"ended_at": load_time} if after in _LONG_GONE else {}
            self._rows.update(t.ORDERS, (token,), status=after, **ended)
        self._rows.update(t.REQUESTS, (request,), **changes)
        self._tenant(row)
        self._log(row, request, after, message)

    def _result(self, row: Row) -> None:
        body, uuid, load_time = row.body, row.uuid, row.load_time
        rating = body.get("rating") or {}
        self._rows.insert(
            t.RESULTS, uuid, row.offset, as_uuid(body.get("request")),
            body["quantity"], body["method"],
            as_json(body["parameters"]), as_json(body.get("data") or {}), self._tenant(row),
            row.stamp, body.get("campaign"), body["outcome"], rating.get("success"),
            rating.get("rating"), "original", "", load_time,
        )  # fmt: skip
        self._rows.insert(t.LINK_RESULT, uuid, self._method(body), uuid, load_time)
        self._rows.insert(t.STATUS_LOG_RESULT, row.offset, uuid, "original", "", load_time)
        for artifact in body.get("artifacts") or ():
            self._rows.insert(
                t.ARTIFACTS, uuid, artifact["sha256"], as_text(artifact["name"]),
                as_text(artifact["media_type"]), artifact["size"],
            )  # fmt: skip

    def _result_status(self, row: Row) -> None:
        body, result = row.body, as_uuid(row.body["result"])
        reason = as_text(body["reason"])
        self._rows.update(t.RESULTS, (result,), status=body["status"], status_change_message=reason)
        self._tenant(row)
        self._rows.insert(
            t.STATUS_LOG_RESULT, row.offset, result, body["status"], reason, row.load_time
        )

    def _sample(self, row: Row) -> None:
        body, sample = row.body, row.body["sample"]
        place = as_text(body["location"])
        if body["state"] == 0:
            self._rows.insert(
                t.SAMPLES, sample, body["kind"], 0, body["label"], place, row.offset, row.load_time
            )
            for parent in dict.fromkeys(body["parents"]):
                self._rows.insert(t.SAMPLE_PARENTS, sample, parent)
        else:
            self._rows.update(
                t.SAMPLES, (sample,), state=body["state"], label=body["label"], location=place
            )
        self._tenant(row)
        self._rows.insert(
            t.SAMPLE_STATES, sample, body["state"], body["label"], place,
            as_json(body["properties"]), body["result"], row.offset, row.load_time,
        )  # fmt: skip

    def _capability(self, row: Row) -> None:
        body, key = row.body, (row.body["quantity"], row.body["method"])
        values: dict[str, Any] = {
            "version": body["version"],
            "description": as_text(body["description"]),
            "specifications": as_json(body["parameters_schema"]),
            "result_output": as_json(body["result_schema"]),
            "is_active": body["active"],
            "offset": row.offset,
            "load_time": row.load_time,
        }
        self._tenant(row)
        if key in self._known:
            self._rows.update(t.QUANTITIES, (self._method(body),), **values)
            return
        self._known.add(key)
        self._rows.insert(t.QUANTITIES, self._method(body), *key, *values.values())

    def _offer(self, row: Row) -> None:
        body = row.body
        key = (body["node"], body["quantity"], body["method"])
        offer = body["offer"]
        self._tenant(row)
        if offer is None:
            self._rows.update(
                t.OFFERS, key, is_active=False, offset=row.offset, load_time=row.load_time
            )
            return
        values: dict[str, Any] = {
            "version": offer["version"],
            "worker": offer["worker"],
            "slots": offer["slots"],
            "lease": float(offer["lease"]),
            "limitations": as_json(offer["limitations"]),
            "is_active": True,
            "offset": row.offset,
            "load_time": row.load_time,
        }
        if key in self._known:
            self._rows.update(t.OFFERS, key, **values)
            return
        self._known.add(key)
        self._rows.insert(t.OFFERS, *key, *values.values())


def clear_projections(connection: Connection) -> None:
    """Empty every projection."""
    for table in reversed(t.PROJECTIONS):
        connection.execute(delete(table))


def as_json(value: Any) -> str:
    """Return JSON for people who read with SQL: keys sorted, bytes as base64 text."""
    return _JSON.encode(value)


def as_uuid(value: str | None) -> str | None:
    """Return a uuid as an author spelled it in the one form the tables have."""
    return None if value is None else str(UUID(value))


def as_text(value: str) -> str:
    """Return text a database column takes; PostgreSQL has no NUL."""
    return value.replace("\0", "\ufffd") if "\0" in value else value


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is not a type of our messages")


_JSON: Final = json.JSONEncoder(default=_base64, separators=(",", ":"), sort_keys=True)
