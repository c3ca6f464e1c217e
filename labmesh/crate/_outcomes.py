"""What became of requests and results."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from labmesh.crate._plain import when
from labmesh.record import JournalEntry
from messages.ledger import EntryKind, ResultStatus, Status
from messages.model import JsonObject


class Outcomes:
    """Knows the statuses of requests and results at any offset; to be fed in the ledger's order.

    Args:
        hidden: Tells whether a result, by its uuid, is confidential: of it a request's log says no
            word.
    """

    def __init__(self, hidden: Callable[[str], bool]) -> None:
        self._hidden = hidden
        self._log: dict[str, list[tuple[int, tuple[str, JsonObject]]]] = defaultdict(list)
        self._amended: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._results: dict[str, list[tuple[int, str]]] = defaultdict(list)

    def take(self, entry: JournalEntry) -> None:
        """Take the next entry."""
        body = entry.body or {}
        if entry.kind is EntryKind.STATUS:
            change = {
                name: body.get(name) for name in ("before", "after", "message", "by", "worker")
            }
            line = {**change, "stamp": when(entry.stamp), "offset": entry.offset}
            found = str(body["result"]) if body.get("result") else ""
            self._log[str(body["request"])].append((entry.offset, (found, line)))
        elif entry.kind is EntryKind.RESULT_STATUS:
            self._amended[str(body["result"])].append((entry.offset, str(body["status"])))
        elif entry.kind is EntryKind.RESULT and body.get("request"):
            self._results[str(body["request"])].append((entry.offset, str(entry.uuid)))

    def log(self, request: str, until: int) -> list[JsonObject]:
        """Return a request's changes of status, the first one first."""
        return [
            {**line, "message": ""} if result and self._hidden(result) else line
            for result, line in _until(self._log.get(request, []), until)
        ]

    def status(self, request: str, until: int) -> str:
        """Return a request's status."""
        log = self.log(request, until)
        return str(log[-1]["after"]) if log else Status.PENDING.value

    def results(self, request: str, until: int) -> list[str]:
        """Return the results of a request, but for confidential ones."""
        found: list[str] = _until(self._results.get(request, []), until)
        return [each for each in found if not self._hidden(each)]

    def result_status(self, result: str, until: int) -> str:
        """Return a result's status."""
        found = _until(self._amended.get(result, []), until)
        return found[-1] if found else ResultStatus.ORIGINAL.value


def _until(items: list[tuple[int, Any]], until: int) -> list[Any]:
    end = bisect_right(items, until, key=lambda item: item[0])
    return [value for _, value in items[:end]]
