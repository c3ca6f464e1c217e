"""What was last written about a request, this batch included."""

from __future__ import annotations

from dataclasses import dataclass

from messages.ledger import EntryKind
from nodes.broker._books import Books


@dataclass(frozen=True, slots=True)
class LastChange:
    """A request's status, why, and the fencing token of its last order."""

    status: str
    message: str
    token: int | None

    def words(self) -> str:
        """Return status and reason in one."""
        return f"{self.status} ({self.message})" if self.message else self.status


def last_change(books: Books, request: str) -> LastChange | None:
    """Return what was last written about a request, or None where there is no such request."""
    status: str | None = None
    message = ""
    for row in reversed(books.batch.rows):
        if row.kind == EntryKind.STATUS.value and row.body["request"] == request:
            if status is None:
                status, message = row.body["after"], row.body["message"]
            if row.body["token"] is not None:
                return LastChange(status, message, row.body["token"])
    found = books.store.request(request)
    if found is None:
        return None if status is None else LastChange(status, message, None)
    if status is None:
        status, message = found.status, found.status_change_message
    return LastChange(status, message, found.token)
