"""A result as the journal tells of it."""

from __future__ import annotations

from messages.envelope import validate
from messages.ledger import Entry, ResultStatus
from messages.query import ResultView


def result_at(entry: Entry) -> ResultView:
    """Return a result as it stands at the moment of its entry."""
    body = {key: value for key, value in entry.body.items() if key != "token"}
    place = {
        "id": entry.uuid,
        "offset": entry.offset,
        "author": entry.author,
        "stamp": entry.stamp,
        "load_time": entry.load_time,
        "status": ResultStatus.ORIGINAL,
    }
    return validate(ResultView, {**body, **place}, where="entry")
