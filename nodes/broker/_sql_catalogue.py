"""The ledger's tables in words, for those who ask by SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, inspect


@dataclass(frozen=True, slots=True)
class TableWords:
    """One table.

    Attributes:
        name: As in SQL.
        about: What one row is.
        columns: Their names.
    """

    name: str
    about: str
    columns: tuple[str, ...]


ABOUT: Final = {
    "journal": "every entry, in order, chained by hashes: the truth; body is msgpack",
    "requests": "one request: parameters (JSON), who asked, its status now and its result",
    "results": "one result: data (JSON), its request if any, outcome, success, rating, status",
    "orders": "one order: which worker had a request, in which attempt, and what became of it",
    "status_log_request": "one change of a request's status",
    "status_log_result": "one change of a result's status",
    "samples": "one sample: its last state and place",
    "sample_states": "one state of a sample, its properties (JSON) and the result that made it",
    "sample_parents": "which sample was made of which",
    "artifacts": "one file of a result, by its sha256",
    "quantities": "one capability: its schemas (JSON), whether it is active",
    "offers": "who offers a capability, with which limitations (JSON)",
    "tenants": "every node that ever wrote something; uuid is what other tables name",
    "link_quantity_request": "which capability a request asks for, as in FINALES 2",
    "link_quantity_result": "which capability a result is of, as in FINALES 2",
    "forwarded": "up to which offset the journal has been published",
    "schema_version": "the steps that made these tables",
}
"""What one row of each table is, those most asked for first."""

NOTE: Final = (
    "Points in time are nanoseconds UTC: stamp by the author's clock, load_time by the ledger's. "
    'offset is the journal\'s; write it in quotes, as "offset".'
)
"""What holds for all of them."""


def list_tables(connection: Connection) -> list[TableWords]:
    """Return the tables that are there."""
    found = inspect(connection)
    there = set(found.get_table_names())
    names = [name for name in ABOUT if name in there] + sorted(there - ABOUT.keys())
    return [
        TableWords(
            name, ABOUT.get(name, ""), tuple(column["name"] for column in found.get_columns(name))
        )
        for name in names
    ]
