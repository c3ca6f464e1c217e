"""The book of access: what has been declared, and of what everything else is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from pydantic import ValidationError

from labmesh.access import _links as links
from messages.access import (
    DECLARATION,
    OPEN,
    Access,
    DeclarationOutput,
    Embargo,
    Level,
    withheld_hash,
)
from messages.ledger import EntryKind
from messages.model import JsonObject

HIDDEN: Final = Access(level=Level.CONFIDENTIAL, by=("withheld",))
"""Of an entry whose body was withheld from whoever reads it."""

_PARTICULAR: Final = {"result": 0, "sample": 1, "campaign": 2}


class EntryLike(Protocol):
    """What the book reads of an entry; `labmesh.record.JournalEntry` has it."""

    @property
    def kind(self) -> str:
        """An `EntryKind`."""
        ...

    @property
    def uuid(self) -> object:
        """Its uuid."""
        ...

    @property
    def body(self) -> JsonObject | None:
        """Plain values, None where it is withheld."""
        ...


class AccessBook:
    """Tells the access of everything in a ledger, from its entries alone. Not for many threads.

    A request hangs on its campaign, the sample it begins from, the request in whose service it is
    asked, and the samples, requests and results that its parameters name; as an entry also on the
    results to it, for the question tells of the answer. A result hangs on its
    request, its campaign, the samples it tells of, and what its parameters and data name. A sample
    hangs on the samples it was made of, and on the campaign and the request of the result that gave
    birth to it. A state, a change of status, an artifact hang on the result or request they are of.
    Of all these the strictest counts.

    Memory: a few hundred bytes a request, result or sample. A lookup takes some microseconds, and
    less than one when repeated or while nothing at all is declared.
    """

    def __init__(self) -> None:
        self._hangs_on: dict[str, tuple[str, ...]] = {}
        self._declared: dict[str, DeclarationOutput] = {}
        self._cache: dict[tuple[str, ...], Access] = {}
        self._missed: set[str] = set()
        """Things that lookups in the cache came to and that were not there."""

    # -- taking -----------------------------------------------------------------------------

    def take(self, entry: EntryLike) -> None:
        """Take an entry in, in the ledger's order."""
        body = entry.body
        if body is None or withheld_hash(body) is not None:
            return
        if entry.kind == EntryKind.REQUEST.value:
            named = self._named((body.get("parameters"),))
            own = links.request(str(entry.uuid))
            self._hang(own, (*links.of_request(body), *named))
            self._hang(links.told(str(entry.uuid)), (own,))
        elif entry.kind == EntryKind.RESULT.value:
            self._take_result(str(entry.uuid), body)

    def _take_result(self, uuid: str, body: JsonObject) -> None:
        self._hang(links.origin(uuid), links.of_origin(body))
        named = self._named((body.get("parameters"), body.get("data")))
        own, origin = links.result(uuid), links.origin(uuid)
        self._hang(own, (origin, *links.touched(body), *named))
        if body.get("request"):
            self._hang(links.told(str(body["request"])), (own,))
        for child, parents in links.births(body):
            self._hang(child, (origin, *parents))
        for artifact in links.artifacts(body):
            self._hang(artifact, (own,))
        if (body.get("quantity"), body.get("method")) == DECLARATION:
            self._declare(uuid, body)

    def _declare(self, uuid: str, body: JsonObject) -> None:
        if body.get("outcome") != "resolved":
            return
        try:
            said = DeclarationOutput.model_validate(body.get("data"))
        except ValidationError:
            return  # the ledger takes none that is not sound; of another's nothing follows
        thing = _thing(said)
        self._declared[thing] = said
        self._forget()
        # What is said of it tells of it.
        self._hang(links.origin(uuid), (thing,))

    def _hang(self, thing: str, on: Iterable[str]) -> None:
        before = self._hangs_on.get(thing)
        after = tuple(dict.fromkeys((*(before or ()), *on)))
        if after == before:
            return
        self._hangs_on[thing] = after
        if before is not None or thing in self._missed:
            self._forget()

    def _forget(self) -> None:
        self._cache.clear()
        self._missed.clear()

    def _named(self, values: Iterable[object]) -> list[str]:
        """Return the things that texts in ``values`` would name, whether they are there or not."""
        return [thing for name in set(links.names(values)) for thing in links.named(name)]

    # -- telling ----------------------------------------------------------------------------

    @property
    def declared(self) -> dict[tuple[str, str], DeclarationOutput]:
        """The last declaration of each subject that has one, by (subject, name)."""
        return {(said.subject, said.name): said for said in self._declared.values()}

    @property
    def confidential(self) -> bool:
        """Whether anything at all is declared confidential."""
        return any(said.strictness is Level.CONFIDENTIAL for said in self._declared.values())

    def of(self, entry: EntryLike) -> Access:
        """Return the access of an entry that was taken in, or could be."""
        if entry.body is None or withheld_hash(entry.body) is not None:
            return HIDDEN
        if not self._declared:
            return OPEN
        return self._of(*self._things(entry, entry.body))

    def may_leave(self, entry: EntryLike) -> bool:
        """Tell whether an entry's body may leave the ledger's site."""
        return not self.of(entry).confidential

    def of_campaign(self, name: str) -> Access:
        """Return the access of a campaign; it need not have begun."""
        return self._of(links.campaign(name))

    def of_sample(self, sample: str) -> Access:
        """Return the access of a sample; it need not be there yet."""
        return self._of(links.sample(sample))

    def of_request(self, uuid: object) -> Access:
        """Return the access of a request."""
        return self._of(links.told(str(uuid)), links.request(str(uuid)))

    def of_result(self, uuid: object) -> Access:
        """Return the access of a result."""
        return self._of(links.result(str(uuid)))

    def of_artifact(self, sha256: str) -> Access:
        """Return the access of an artifact: the strictest of the results that name it."""
        return self._of(links.artifact(sha256))

    def of_state(self, sample: str, result: object) -> Access:
        """Return the access of a sample's state that a result made."""
        return self._of(links.sample(sample), links.origin(str(result)))

    def of_new(self, kind: str, body: JsonObject) -> Access:
        """Return the access that a request or a result would have, were it taken."""
        if not self._declared:
            return OPEN
        if kind == EntryKind.REQUEST.value:
            named = self._named((body.get("parameters"),))
            return self._of(*links.of_request(body), *named)
        named = self._named((body.get("parameters"), body.get("data")))
        return self._of(*links.of_origin(body), *links.touched(body), *named)

    def knows_artifact(self, sha256: str) -> bool:
        """Tell whether a result names an artifact."""
        return links.artifact(sha256) in self._hangs_on

    def knows_result(self, uuid: object) -> bool:
        """Tell whether a result has been taken in."""
        return links.result(str(uuid)) in self._hangs_on

    def confidential_samples(self) -> set[str]:
        """Return the samples whose content does not leave the site; looks at every sample."""
        head = links.sample("")
        if not self.confidential:
            return set()
        return {
            thing.removeprefix(head)
            for thing in self._hangs_on
            if thing.startswith(head) and self._of(thing).confidential
        }

    def _things(self, entry: EntryLike, body: JsonObject) -> Iterator[str]:
        uuid = str(entry.uuid)
        match entry.kind:
            case EntryKind.REQUEST.value:
                yield links.told(uuid)
                if links.told(uuid) not in self._hangs_on:
                    yield from links.of_request(body)
            case EntryKind.RESULT.value:
                yield links.result(uuid)
                if links.result(uuid) not in self._hangs_on:
                    yield from (*links.of_origin(body), *links.touched(body))
            case EntryKind.STATUS.value:
                yield links.told(str(body.get("request")))
                if body.get("result"):
                    yield links.result(str(body["result"]))
            case EntryKind.RESULT_STATUS.value:
                yield links.result(str(body.get("result")))
            case EntryKind.SAMPLE.value:
                yield links.sample(str(body.get("sample")))
                yield links.origin(str(body.get("result")))
                yield from (links.sample(str(each)) for each in body.get("parents") or ())

    def _of(self, *things: str) -> Access:
        if not self._declared:
            return OPEN
        found = self._cache.get(things)
        if found is None:
            found = self._cache[things] = _joined(self._above(things))
        return found

    def _above(self, things: Iterable[str]) -> list[DeclarationOutput]:
        """Return what is declared of some things and of all that they hang on."""
        seen = set(things)
        todo = list(seen)
        while todo:
            thing = todo.pop()
            on = self._hangs_on.get(thing)
            if on is None:
                self._missed.add(thing)
            for each in on or ():
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
        seen |= {links.own(each) for each in seen}
        return [self._declared[each] for each in seen if each in self._declared]


def _joined(said: list[DeclarationOutput]) -> Access:
    if not said:
        return OPEN
    said = sorted(
        said, key=lambda d: (-d.strictness.rank, _PARTICULAR[d.subject], d.subject, d.name)
    )
    return Access(
        level=said[0].strictness,
        embargo=_longest([each.embargo for each in said]),
        contact=next((each.contact for each in said if each.contact), ""),
        owner=next((each.owner for each in said if each.owner), ""),
        by=tuple(sorted(f"{each.subject} {each.name}" for each in said)),
    )


def _longest(embargoes: Iterable[Embargo | None]) -> Embargo | None:
    found = [each for each in embargoes if each is not None]
    return max(found, key=lambda each: (each.until, each.reason), default=None)


def _thing(said: DeclarationOutput) -> str:
    return f"{said.subject}:{said.name}"
