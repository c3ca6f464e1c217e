"""What custody has still to fetch, from whom, and when to ask again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from messages.ids import NodeId
from nodes.broker._artifact_queries import Claim

_SILENT: Final = (1.0, 30.0)
"""First and greatest wall seconds before a silent author is asked again."""

_REFUSED: Final = (5.0, 600.0)
"""First and greatest wall seconds before an artifact is tried again that its author does not have,
or that does not fit its hash."""


@dataclass(slots=True, eq=False)
class Wanted:
    """One artifact.

    Attributes:
        sha256: Which.
        claims: Who says that he has it, and with which size in bytes.
        busy: It is being fetched.
        not_before: When to try again, by the event loop's clock.
    """

    sha256: str
    claims: dict[NodeId, int] = field(default_factory=dict)
    busy: bool = False
    not_before: float = 0.0
    _pause: float = _REFUSED[0]

    def later(self, now: float) -> None:
        """Try again after a pause that doubles each time."""
        self.not_before = now + self._pause
        self._pause = min(self._pause * 2, _REFUSED[1])


@dataclass(slots=True, eq=False)
class Author:
    """One author and what is wanted of it.

    Attributes:
        id: Who.
        items: What, by hash.
        not_before: When to ask again, by the event loop's clock.
        absent: It is known not to be there.
    """

    id: NodeId
    items: dict[str, Wanted] = field(default_factory=dict)
    not_before: float = 0.0
    absent: bool = False
    _pause: float = _SILENT[0]

    @property
    def silent(self) -> bool:
        """Whether it did not answer when it was last asked."""
        return self._pause > _SILENT[0]

    def later(self, now: float) -> None:
        """Ask again after a pause that doubles each time."""
        self.not_before = now + self._pause
        self._pause = min(self._pause * 2, _SILENT[1])

    def answered(self) -> None:
        """Forget that it was silent."""
        self._pause = _SILENT[0]

    def next(self, now: float) -> Wanted | None:
        """Return what may be fetched now."""
        due = (each for each in self.items.values() if not each.busy and each.not_before <= now)
        return next(due, None)


class WantedList:
    """All that is wanted."""

    def __init__(self) -> None:
        self._items: dict[str, Wanted] = {}
        self._authors: dict[NodeId, Author] = {}

    def __len__(self) -> int:
        return len(self._items)

    def add(self, claim: Claim) -> None:
        """Want what a result names."""
        wanted = self._items.setdefault(claim.sha256, Wanted(claim.sha256))
        id_ = NodeId.parse(claim.author)
        wanted.claims[id_] = claim.size
        author = self._authors.setdefault(id_, Author(id_))
        author.items[claim.sha256] = wanted

    def drop(self, sha256: str) -> None:
        """Want it no more."""
        wanted = self._items.pop(sha256, None)
        for id_ in wanted.claims if wanted else ():
            author = self._authors[id_]
            author.items.pop(sha256, None)
            if not author.items:
                del self._authors[id_]

    @property
    def authors(self) -> tuple[Author, ...]:
        """Everyone something is wanted of."""
        return tuple(self._authors.values())

    def due(self, now: float) -> Iterator[Author]:
        """Yield the authors that may be asked for something now."""
        for author in list(self._authors.values()):
            if not author.absent and author.not_before <= now and author.next(now) is not None:
                yield author
