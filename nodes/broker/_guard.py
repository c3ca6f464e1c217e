"""What stays at the ledger's site: the book of access, for every thread of the broker node.

Nothing of it is in memory, and nothing is asked of it, until somebody declares something: then it
is read from the journal, once.
"""

from __future__ import annotations

from threading import RLock
from typing import Final

from labmesh.access import Access, AccessBook
from messages.access import DECLARATION, OPEN
from messages.ledger import EntryKind
from messages.model import JsonObject
from nodes.broker._row import Row
from nodes.broker.store import Store

_PAGE: Final = 500
"""Entries read at a time."""


class Guard:
    """Use from any thread; `load`, `wake` and `take` from the ledger's own.

    An entry counts from the moment it is taken, a little before it is committed: a stricter
    declaration is never late.

    Args:
        here: The ledger's site.

    Attributes:
        active: Whether anything was ever declared. While it is not, there is nothing to ask.
    """

    def __init__(self, here: str) -> None:
        self.here = here
        self.active = False
        self._lock = RLock()
        self._start_anew()

    def _start_anew(self) -> None:
        self._book = AccessBook()
        self._declarers: dict[tuple[str, str], str] = {}
        self._last: dict[str, str] = {}
        self._said: set[str] = set()
        self._turned: dict[int, tuple[list[str], list[str]]] = {}

    # -- taking -----------------------------------------------------------------------------

    def load(self, store: Store, *, declared: bool) -> None:
        """Read the journal, where something was ever declared; else forget everything.

        Args:
            store: The ledger's database.
            declared: Whether the ledger knows the capability by which it is declared.
        """
        with self._lock:
            self._start_anew()
            self.active = False
            if not declared:
                return
            start, forwarded = 0, store.forwarded()
            while rows := store.rows(start, _PAGE):
                for row in rows:
                    self._take(row, note=row.offset > forwarded)
                start = rows[-1].offset + 1
            self.active = True

    def wake(self, store: Store, fresh: list[Row]) -> None:
        """Begin: the first declaration is about to be taken; ``fresh`` is not in the store yet."""
        if self.active:
            return
        with self._lock:
            self.load(store, declared=True)
            for row in fresh:
                self._take(row)

    def take(self, row: Row) -> None:
        """Take in an entry that is about to be written."""
        if self.active:
            with self._lock:
                self._take(row)

    def _take(self, row: Row, *, note: bool = True) -> None:
        book = self._book
        if row.kind == EntryKind.SAMPLE.value:
            sample = str(row.body["sample"])
            book.take(row)
            self._last[sample] = str(row.body["result"])
            if not self._hidden(sample):
                self._said.add(sample)
            return
        if not is_declaration(row.kind, row.body):
            book.take(row)
            return
        before = self._all_hidden()
        book.take(row)
        after = self._all_hidden()
        subject = row.body["data"]
        self._declarers[subject["subject"], subject["name"]] = site_of(row.author)
        if note:
            self._turned[row.offset] = (
                sorted((after - before) & self._said), sorted(before - after)
            )  # fmt: skip
        self._said |= before - after

    def _hidden(self, sample: str) -> bool:
        return self._book.of_state(sample, self._last[sample]).confidential

    def _all_hidden(self) -> set[str]:
        if not self._book.confidential:
            return set()
        return {sample for sample in self._last if self._hidden(sample)}

    # -- telling ----------------------------------------------------------------------------

    def is_away(self, node: str) -> bool:
        """Tell whether a node is of another site than the ledger."""
        return site_of(node) != self.here

    def turned(self, offset: int) -> tuple[list[str], list[str]]:
        """Return the samples whose last state a declaration hid, and those that it opened, once."""
        with self._lock:
            return self._turned.pop(offset, ([], []))

    def covered(self) -> list[str]:
        """Return the samples that were told of on their topics and must not be any more."""
        if not self.active:
            return []
        with self._lock:
            return sorted(self._all_hidden() & self._said)

    def was_said(self, sample: str) -> bool:
        """Tell whether a state of a sample was ever published."""
        return self.active and sample in self._said

    def declarer(self, subject: str, name: str) -> str:
        """Return the site that made the last declaration of a subject, or empty."""
        return self._declarers.get((subject, name), "")

    def of_subject(self, subject: str, name: str) -> Access:
        """Return the access of a campaign, a sample or a result."""
        with self._lock:
            if subject == "campaign":
                return self._book.of_campaign(name)
            return self._book.of_sample(name) if subject == "sample" else self._book.of_result(name)

    def of_new(self, kind: EntryKind, body: JsonObject) -> Access:
        """Return the access that a request or a result would have, were it taken."""
        if not self.active:
            return OPEN
        with self._lock:
            return self._book.of_new(kind, body)

    def hides(self, row: Row) -> bool:
        """Tell whether an entry's body stays at the ledger's site."""
        if not self.active:
            return False
        with self._lock:
            return not self._book.may_leave(row)

    def hides_request(self, uuid: str) -> bool:
        """Tell whether a request stays."""
        if not self.active:
            return False
        with self._lock:
            return self._book.of_request(uuid).confidential

    def hides_result(self, uuid: str) -> bool:
        """Tell whether a result stays."""
        if not self.active:
            return False
        with self._lock:
            return self._book.of_result(uuid).confidential

    def hides_sample(self, sample: str) -> bool:
        """Tell whether a sample stays."""
        if not self.active:
            return False
        with self._lock:
            return self._book.of_sample(sample).confidential

    def hides_state(self, sample: str, result: str) -> bool:
        """Tell whether a state of a sample, made by a result, stays."""
        if not self.active:
            return False
        with self._lock:
            return self._book.of_state(sample, result).confidential

    def hides_last_state(self, sample: str) -> bool:
        """Tell whether a sample's last state stays."""
        if not self.active:
            return False
        with self._lock:
            return sample in self._last and self._hidden(sample)

    def hides_artifact(self, sha256: str) -> bool:
        """Tell whether an artifact stays."""
        if not self.active:
            return False
        with self._lock:
            return self._book.of_artifact(sha256).confidential

    def gives_artifact(self, sha256: str, to: str) -> bool:
        """Tell whether a node gets the content of an artifact.

        Once something is confidential, other sites get nothing that no result names: nobody could
        say what that is.
        """
        if not self.active or not self.is_away(to):
            return True
        with self._lock:
            book = self._book
            if not book.confidential:
                return True
            return book.knows_artifact(sha256) and not book.of_artifact(sha256).confidential

    @property
    def confidential(self) -> bool:
        """Whether anything is declared confidential at present."""
        if not self.active:
            return False
        with self._lock:
            return self._book.confidential


def is_declaration(kind: str, body: JsonObject) -> bool:
    """Tell whether an entry is a declaration that stands."""
    return (
        kind == EntryKind.RESULT.value
        and (body.get("quantity"), body.get("method")) == DECLARATION
        and body.get("outcome") == "resolved"
    )


def site_of(node: str) -> str:
    """Return the site of ``site/node``."""
    return node.partition("/")[0]
