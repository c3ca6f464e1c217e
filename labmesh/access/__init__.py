"""Who may have what: levels of access as the ledger's entries declare them."""

from labmesh.access._book import AccessBook, EntryLike
from messages.access import (
    OPEN,
    Access,
    Embargo,
    Level,
    retain_until,
    today,
    withheld,
    withheld_hash,
)

__all__ = [
    "OPEN",
    "Access",
    "AccessBook",
    "Embargo",
    "EntryLike",
    "Level",
    "retain_until",
    "today",
    "withheld",
    "withheld_hash",
]
