"""One step of a plan as the journal has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from messages.model import JsonObject

StepState = Literal["begun", "done", "failed", "not_done"]
"""``begun`` without a step under way: nobody knows how it ended. ``failed``: it may be repeated.
``not_done``: nothing had been done, as its driver or a person says."""

SELECT: Final = (
    "SELECT id, request, key, kind, once, dry_run, intent, state, result, words, begun, ended, "
    "resolved_by FROM step"
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step.

    Attributes:
        id: Its number in the journal.
        request: The request it belongs to.
        key: Which step of the request's plan: ``cell3/dispense1``.
        kind: What is done: ``dispense``, ``crimp``.
        once: It must not be repeated.
        dry_run: No byte was sent.
        intent: What was to be done, as written before.
        state: How it stands.
        result: What was noted when it was done.
        words: What went wrong, or what the person who resolved it says.
        begun: Time of the experiment (ns).
        ended: The same, or None.
        resolved_by: The person who said how it ended, or empty.
    """

    id: int
    request: UUID
    key: str
    kind: str
    once: bool
    dry_run: bool
    intent: JsonObject
    state: StepState
    result: JsonObject
    words: str
    begun: int
    ended: int | None
    resolved_by: str

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Step:
        """Return the step of a row that `SELECT` gives."""
        (number, request, key, kind, once, dry, intent, state, result, words, begun, ended, by) = (
            row
        )
        return cls(
            number, UUID(request), key, kind, bool(once), bool(dry), json.loads(intent), state,
            json.loads(result), words, begun, ended, by,
        )  # fmt: skip

    def __str__(self) -> str:
        return f"step {self.id}: {self.key} ({self.kind}) of request {self.request}"

    def plain(self) -> JsonObject:
        """Return it as plain values."""
        return {
            "id": self.id, "request": str(self.request), "key": self.key, "kind": self.kind,
            "once": self.once, "dry_run": self.dry_run, "intent": self.intent, "state": self.state,
            "result": self.result, "words": self.words, "begun": self.begun, "ended": self.ended,
            "resolved_by": self.resolved_by,
        }  # fmt: skip
