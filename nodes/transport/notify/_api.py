"""What a notifier is, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from messages.errors import LabmeshError

KINDS: Final = (
    "offered", "taken", "scanned", "picked_up", "wrong_code", "dropped", "handing_over",
    "handed_over", "delivered", "returned", "impossible", "lost", "cancelled", "recalled",
    "wanted_again", "reminder", "escalation",
)  # fmt: skip
"""What can happen to a transport."""


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that has happened to a transport.

    Attributes:
        id: The same for the same happening, also when it is told again after a restart.
        kind: One of `KINDS`.
        text: One line for people.
        job: The transport's number.
        request: The request's uuid.
        samples: What is carried.
        origin: From where, in words.
        destination: To where, in words.
        state: How far the transport is.
        person: Who carries it; empty where nobody does.
        node: Who tells.
    """

    id: str
    kind: str
    text: str
    job: int
    request: str
    samples: tuple[str, ...]
    origin: str
    destination: str
    state: str
    person: str
    node: str


class NotifyError(LabmeshError):
    """A notification did not reach anybody."""


class Notifier(Protocol):
    """Tells people. One at a time is asked of it; it may take its time, and may fail."""

    async def notify(self, notification: Notification) -> None:
        """Tell it.

        Raises:
            Exception: It could not. The transport goes on; the node's diagnostics say so.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...
