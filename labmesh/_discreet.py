"""Logs and events that leave a site, without the words that could quote what must not."""

from __future__ import annotations

from typing import Final

from messages.model import Message
from messages.node import LogRecord, Milestone, NodeEvent, Problem

WORDS: Final = "the words stay at the site while something there is confidential"

_CROSSING_LOGS: Final = frozenset({"warn", "error", "fatal"})
_ABOUT_ITSELF: Final = frozenset({"takeover", "fenced", "lifecycle", "estop"})
"""Events that tell of a node itself, and that others act upon."""

HERE: Final = "here"
"""Level below ``~/log/{level}`` and ``~/event/{kind}`` that no bridge carries."""


def without_words(message: Message) -> Message | None:
    """Return what may cross a bridge in place of a message; None for the message itself."""
    match message:
        case LogRecord() if message.level in _CROSSING_LOGS:
            return LogRecord(level=message.level, logger=message.logger, text=WORDS)
        case Milestone() if message.text:
            return Milestone(task=message.task, done=message.done, total=message.total)
        case NodeEvent() if message.kind not in _ABOUT_ITSELF:
            return NodeEvent(kind=message.kind, text=WORDS)
        case Problem():
            return message.model_copy(update={"reason": WORDS})
        case _:
            return None
