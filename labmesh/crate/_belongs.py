"""To which campaign an entry of the ledger belongs."""

from __future__ import annotations

from uuid import UUID

from labmesh.record import JournalEntry
from messages.ledger import EntryKind
from messages.model import JsonObject


class Belongs:
    """Knows the campaign of each request and result that it has heard of."""

    def __init__(self) -> None:
        self._requests: dict[str, str | None] = {}
        self._results: dict[str, str | None] = {}

    def campaign_of(self, entry: JournalEntry) -> str | None:
        """Return an entry's campaign, None where it is of none; to be asked in the ledger's order.

        A status is of its request's campaign, an amendment and a state of a sample of its
        result's, a request without one of the campaign of the request in whose service it is asked.
        """
        body = entry.body
        if body is None:
            return None
        if entry.kind is EntryKind.REQUEST:
            campaign = body.get("campaign") or self._requests.get(_text(body, "parent"))
            self._requests[str(entry.uuid)] = campaign
            return campaign
        if entry.kind is EntryKind.RESULT:
            campaign = body.get("campaign") or self._requests.get(_text(body, "request"))
            self._results[str(entry.uuid)] = campaign
            return campaign
        if entry.kind is EntryKind.STATUS:
            return self._requests.get(_text(body, "request"))
        if entry.kind in (EntryKind.RESULT_STATUS, EntryKind.SAMPLE):
            return self._results.get(_text(body, "result"))
        return None

    def campaigns(self) -> list[str]:
        """Return the campaigns heard of."""
        every = (*self._requests.values(), *self._results.values())
        return sorted({name for name in every if name})


def _text(body: JsonObject, key: str) -> str:
    value = body.get(key)
    return str(value) if isinstance(value, str | UUID) else ""
