"""The ledger in a database."""

from nodes.broker.store._database import complaint, damaged, database_error, open_reader, sqlite_url
from nodes.broker.store._lock import LedgerTakenError, lock_holder
from nodes.broker.store._migrate import check_version, latest_version
from nodes.broker.store._projector import tenant_uuid
from nodes.broker.store._store import Known, SqlStore, Store

__all__ = [
    "Known",
    "LedgerTakenError",
    "SqlStore",
    "Store",
    "check_version",
    "complaint",
    "damaged",
    "database_error",
    "latest_version",
    "lock_holder",
    "open_reader",
    "sqlite_url",
    "tenant_uuid",
]
