"""A ledger for reading, wherever it is: in a file, in a database, or behind a broker node."""

from labmesh.record._entry import JournalEntry
from labmesh.record._file import FileRecord, file_record
from labmesh.record._journal import read_head, read_journal
from labmesh.record._mesh import mesh_record
from labmesh.record._open import (
    GROUP,
    LedgerFile,
    journal_items,
    open_ledger_file,
    opened,
    pages,
)
from labmesh.record._record import Record

__all__ = [
    "GROUP",
    "FileRecord",
    "JournalEntry",
    "LedgerFile",
    "Record",
    "file_record",
    "journal_items",
    "mesh_record",
    "open_ledger_file",
    "opened",
    "pages",
    "read_head",
    "read_journal",
]
