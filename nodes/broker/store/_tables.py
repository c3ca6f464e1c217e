"""The tables as statements name them; what they hold is fixed by the migrations."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

_META: Final = MetaData()

_BYTES: Final = {"body", "body_hash", "prev_hash", "hash"}
_BIG: Final = {
    "offset", "stamp", "load_time", "requesting_received_timestamp", "posting_received_timestamp",
    "expires", "sample_state", "token", "state", "size", "epoch", "reserved_at", "begun_at",
    "ended_at",
}  # fmt: skip
_SMALL: Final = {"version", "priority", "attempts", "attempt", "rating", "slots", "one"}
_REAL: Final = {"lease"}
_FLAGS: Final = {"is_active", "success"}


def _table(name: str, columns: str, *, key: str) -> Table:
    keys = key.split()
    return Table(name, _META, *(_column(column, column in keys) for column in columns.split()))


def _column(name: str, key: bool) -> Column[object]:
    kind = (
        LargeBinary if name in _BYTES
        else BigInteger if name in _BIG
        else Integer if name in _SMALL
        else Double if name in _REAL
        else Boolean if name in _FLAGS
        else Text
    )  # fmt: skip
    return Column(name, kind, primary_key=key)


JOURNAL: Final = _table(
    "journal",
    "offset uuid kind stamp load_time author type schema body body_hash prev_hash hash",
    key="offset",
)
FORWARDED: Final = _table("forwarded", "one offset", key="one")

TENANTS: Final = _table("tenants", "uuid name load_time", key="uuid")
QUANTITIES: Final = _table(
    "quantities",
    "uuid quantity method version description specifications result_output is_active offset "
    "load_time",
    key="uuid",
)
REQUESTS: Final = _table(
    "requests",
    "uuid offset quantity method parameters requesting_tenant_uuid requesting_received_timestamp "
    "campaign priority expires attempts sample sample_state status status_change_message attempt "
    "worker token result_uuid load_time parent_uuid",
    key="uuid",
)
RESULTS: Final = _table(
    "results",
    "uuid offset request_uuid quantity method parameters data posting_tenant_uuid "
    "posting_received_timestamp campaign outcome success rating status status_change_message "
    "load_time",
    key="uuid",
)
LINK_REQUEST: Final = _table(
    "link_quantity_request", "link_uuid method_uuid request_uuid load_time", key="link_uuid"
)
LINK_RESULT: Final = _table(
    "link_quantity_result", "link_uuid method_uuid result_uuid load_time", key="link_uuid"
)
STATUS_LOG_REQUEST: Final = _table(
    "status_log_request",
    "offset request_uuid status status_change_message load_time",
    key="offset",
)
STATUS_LOG_RESULT: Final = _table(
    "status_log_result", "offset result_uuid status status_change_message load_time", key="offset"
)
SAMPLES: Final = _table(
    "samples", "sample kind state label location offset load_time", key="sample"
)
SAMPLE_STATES: Final = _table(
    "sample_states",
    "sample state label location properties result_uuid offset load_time",
    key="sample state",
)
SAMPLE_PARENTS: Final = _table("sample_parents", "sample parent", key="sample parent")
ARTIFACTS: Final = _table(
    "artifacts", "result_uuid sha256 name media_type size", key="result_uuid sha256"
)
OFFERS: Final = _table(
    "offers",
    "node quantity method version worker slots lease limitations is_active offset load_time",
    key="node quantity method",
)
ORDERS: Final = _table(
    "orders",
    "token request_uuid worker kind epoch attempt lease status reserved_at begun_at ended_at",
    key="token",
)

PROJECTIONS: Final = (
    TENANTS, QUANTITIES, REQUESTS, RESULTS, LINK_REQUEST, LINK_RESULT, STATUS_LOG_REQUEST,
    STATUS_LOG_RESULT, SAMPLES, SAMPLE_STATES, SAMPLE_PARENTS, ARTIFACTS, OFFERS, ORDERS,
)  # fmt: skip
"""In an order in which rows may be inserted; deleting goes backwards."""
