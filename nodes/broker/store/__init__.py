"""The ledger in a database."""

from nodes.broker.store._database import damaged, database_error, open_reader, sqlite_url
from nodes.broker.store._migrate import check_version, latest_version
from nodes.broker.store._projector import tenant_uuid
from nodes.broker.store._store import Known, SqlStore, Store

__all__ = [
    "Known",
    "SqlStore",
    "Store",
    "check_version",
    "damaged",
    "database_error",
    "latest_version",
    "open_reader",
    "sqlite_url",
    "tenant_uuid",
]
