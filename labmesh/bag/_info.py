"""What is in a bag."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from labmesh.bag._reader import Bag
from messages.errors import DecodeError


@dataclass(slots=True)
class TopicCount:
    """One channel of a bag, in numbers. Times are ns UTC of receipt."""

    topic: str
    type: str
    hash: str
    author: str
    encoding: str
    qos: int
    retained: bool
    replayed: bool
    messages: int = 0
    bytes: int = 0
    first: int = 0
    last: int = 0


class Numbers:
    """Which of an author's numbered messages are there, as runs without a gap."""

    def __init__(self) -> None:
        self._runs: list[list[int]] = []
        self.repeated = 0

    def add(self, number: int) -> None:
        """Note that ``number`` is there."""
        runs = self._runs
        at = bisect_right(runs, number, key=lambda run: run[0]) - 1
        if at >= 0 and number <= runs[at][1]:
            self.repeated += 1
            return
        joins_before = at >= 0 and runs[at][1] == number - 1
        joins_after = at + 1 < len(runs) and runs[at + 1][0] == number + 1
        if joins_before and joins_after:
            runs[at][1] = runs.pop(at + 1)[1]
        elif joins_before:
            runs[at][1] = number
        elif joins_after:
            runs[at + 1][0] = number
        else:
            runs.insert(at + 1, [number, number])

    @property
    def runs(self) -> list[tuple[int, int]]:
        """First and last number of each run, ascending."""
        return [(first, last) for first, last in self._runs]

    @property
    def missing(self) -> int:
        """Numbers that are not there, between the first and the last one that is."""
        return sum(b[0] - a[1] - 1 for a, b in zip(self._runs, self._runs[1:], strict=False))


@dataclass(slots=True)
class BagInfo:
    """A recording, in numbers.

    Attributes:
        first: When the first message was received, ns UTC.
        last: When the last one was.
        topics: By channel.
        numbers: Of the messages published while it was recorded, by (author, epoch).
        broken: Messages that the file calls envelopes and that are none.
    """

    bags: list[Bag]
    messages: int = 0
    first: int = 0
    last: int = 0
    broken: int = 0
    topics: list[TopicCount] = field(default_factory=list)
    numbers: dict[tuple[str, int], Numbers] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all topics were recorded, so that whatever is missing was lost."""
        return all(bag.about.get("selection") == "all" for bag in self.bags)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "files": [
                {
                    "file": str(bag.path),
                    "bytes": bag.size,
                    "whole": bag.whole,
                    "damaged_chunks": bag.damaged,
                    "about": bag.about,
                    "ended": bag.ended,
                }
                for bag in self.bags
            ],
            "messages": self.messages,
            "first": self.first,
            "last": self.last,
            "seconds": (self.last - self.first) / 1e9,
            "broken": self.broken,
            "topics": [
                {name: getattr(each, name) for name in TopicCount.__slots__} for each in self.topics
            ],
            "all_topics": self.complete,
            "authors": [
                {
                    "author": author,
                    "epoch": epoch,
                    "first": numbers.runs[0][0],
                    "last": numbers.runs[-1][1],
                    "missing": numbers.missing,
                    "gaps": max(len(numbers.runs) - 1, 0),
                    "repeated": numbers.repeated,
                }
                for (author, epoch), numbers in sorted(self.numbers.items())
            ],
        }


def examine(bags: Iterable[Bag]) -> BagInfo:
    """Read bags to their ends and return what is in them."""
    info = BagInfo(list(bags))
    counts: dict[object, TopicCount] = {}
    for bag in info.bags:
        for message in bag.messages():
            channel = message.channel
            count = counts.get(channel)
            if count is None:
                count = counts[channel] = TopicCount(
                    channel.topic, channel.type, channel.hash, channel.author, channel.encoding,
                    channel.qos, channel.retained, channel.replayed, first=message.log_time,
                )  # fmt: skip
            count.messages += 1
            count.bytes += len(message.data)
            count.last = message.log_time
            info.first = min(info.first or message.log_time, message.log_time)
            info.last = max(info.last, message.log_time)
            info.messages += 1
            try:
                raw = message.envelope()
            except DecodeError:
                info.broken += 1
                continue
            if raw is not None and not channel.replayed:
                key = (raw.header.sender, raw.header.epoch)
                info.numbers.setdefault(key, Numbers()).add(raw.header.seq)
    info.topics = sorted(counts.values(), key=lambda each: (each.topic, each.first))
    return info
