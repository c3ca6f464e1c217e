"""No author may fill the ledger's hands: whoever keeps to an outbox never notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

IN_HAND: Final = 128
"""Messages of one author between arrival and commit. An outbox has half of that without a receipt,
so only a client without one, or repetitions of what is in hand already, come to more."""

SAID: Final = 2048
"""The same for what authors say of themselves: offers, presence, lifecycle. All of it comes at
once when the ledger starts, and a node may offer hundreds of capabilities."""

_PAUSE: Final = 10.0
"""Wall seconds between two words about the same flood."""


class Quota:
    """Counts what is in hand of each author, and what was dropped unread beyond that.

    What is dropped is acknowledged, so that it makes room in the MQTT broker's queue for what
    others sent behind it. Nothing is lost: without a receipt an outbox sends again.

    Args:
        tell: Told who floods, in words; "" when nobody does any more.
        limit: Messages of one author.

    Attributes:
        dropped: Messages dropped since the start.
    """

    def __init__(self, tell: Callable[[str], None], limit: int = IN_HAND) -> None:
        self._tell = tell
        self._limit = limit
        self._in_hand: Counter[str] = Counter()
        self._lately: Counter[str] = Counter()
        self._told = False
        self._next_word = 0.0
        self.dropped = 0

    def admit(self, author: str) -> bool:
        """Tell whether one more message of ``author`` is taken; `release` it when it is written."""
        if self._in_hand[author] >= self._limit:
            self.dropped += 1
            self._lately[author] += 1
            return False
        self._in_hand[author] += 1
        return True

    def release(self, author: str) -> None:
        """Count a message that was admitted as done."""
        self._in_hand[author] -= 1
        if not self._in_hand[author]:
            del self._in_hand[author]

    def look(self, now: float) -> None:
        """Say who floods, from time to time; ``now`` is monotonic seconds."""
        if now < self._next_word or not (self._lately or self._told):
            return
        self._next_word = now + _PAUSE
        worst = ", ".join(f"{author} ({count})" for author, count in self._lately.most_common(3))
        self._told = bool(worst)
        self._lately.clear()
        words = f"dropped unread, with more than {self._limit} in hand, messages of {worst}"
        self._tell(words if worst else "")
