"""What the numbers of a stream's messages tell: repetitions, order, an earlier life, losses."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Final

_REMEMBERED: Final = 1024
"""Numbers of messages that are remembered to know a repetition: more than are ever under way."""


class Verdict(Enum):
    """What a message is in its stream."""

    NEXT = "next"
    LATE = "late"
    REPEATED = "repeated"
    OUTDATED = "outdated"


class Sequence:
    """Judges the messages of one author on one stream by (epoch, seq).

    ``seq`` counts all messages of a node, so that a jump means nothing here; but it rises, and no
    two messages share one. What is lost shows in `LossMeter`.
    """

    def __init__(self) -> None:
        self.epoch = -1
        self._last = -1
        self._stamp = -1
        self._seen: OrderedDict[int, None] = OrderedDict()

    def judge(self, epoch: int, seq: int, stamp: int) -> Verdict:
        """Return what a message is, and remember it.

        An older epoch counts as news where its stamp is newer: of a node that lost its folder the
        boots are counted from one again.
        """
        if epoch != self.epoch:
            if epoch < self.epoch and stamp <= self._stamp:
                return Verdict.OUTDATED
            self.epoch, self._last = epoch, -1
            self._seen.clear()
        if seq in self._seen:
            return Verdict.REPEATED
        self._seen[seq] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if seq < self._last:
            return Verdict.LATE
        self._last, self._stamp = seq, max(stamp, self._stamp)
        return Verdict.NEXT


class LossMeter:
    """Compares what came with what the publisher's beats say it has published.

    A beat may overtake messages, so each is believed when the next one comes. The first of an epoch
    only says where to begin.

    Attributes:
        missing: Messages that were published since one listens and have not come.
    """

    def __init__(self) -> None:
        self.missing = 0
        self._before = 0
        self._came = 0
        self._base: tuple[int, int, int] | None = None
        self._last = 0

    def came(self) -> None:
        """Note a message that is no repetition."""
        self._came += 1

    def told(self, epoch: int, published: int) -> None:
        """Note what a beat says: ``published`` messages in this epoch."""
        if self._base is None or self._base[0] != epoch:
            self._before = self.missing
            self._base = (epoch, published, self._came)
        else:
            _, published_then, came_then = self._base
            absent = (self._last - published_then) - (self._came - came_then)
            self.missing = self._before + max(0, absent)
        self._last = published
