"""What a ledger holds that must not leave its site, as far as it was declared."""

from __future__ import annotations

from sqlalchemy import Connection, select

from messages.access import DECLARATION, Level
from messages.envelope import unpack
from messages.errors import ConfigurationError
from nodes.broker.store import _tables as t

_LISTED = 5


def confidential_subjects(connection: Connection) -> list[str]:
    """Return the subjects whose last declaration is confidential: ``campaign eol``, in order."""
    r, j = t.RESULTS.c, t.JOURNAL.c
    quantity, method = DECLARATION
    bodies = connection.scalars(
        select(j.body)
        .join(t.RESULTS, r.offset == j.offset)
        .where(r.quantity == quantity, r.method == method, r.outcome == "resolved")
        .order_by(j.offset)
    )
    last: dict[str, str] = {}
    for body in bodies:
        said = unpack(body)["data"]
        last[f"{said['subject']} {said['name']}"] = said["level"]
    return sorted(each for each, level in last.items() if level == Level.CONFIDENTIAL.value)


def refuse_confidential(connection: Connection, where: str) -> None:
    """Refuse to let a ledger leave as a whole that holds something confidential.

    Raises:
        ConfigurationError: It does; names it.
    """
    found = confidential_subjects(connection)
    if not found:
        return
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    raise ConfigurationError(
        f"the ledger holds what is confidential: {', '.join(found[:_LISTED])}{more}",
        where=where,
        remedy="--confidential exports all of it, for your own site; `labmesh crate write` writes "
        "a campaign without what is confidential",
    )
