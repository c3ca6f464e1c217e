"""How the command line asks: a search node, or a ledger's file without any node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from labmesh.record import Record, file_record
from messages.envelope import validate
from messages.errors import CallTimeoutError
from messages.ids import NodeId
from messages.model import JsonObject
from nodes.search._desk import Desk
from nodes.search._follow import Follower
from nodes.search._services import Findings, Question, SparqlAnswer
from nodes.search._sparql import GRAPHS
from nodes.search._store import TripleStore

if TYPE_CHECKING:
    from labmesh.client import Visitor
    from labmesh.place import Place

_THINKS: Final = 60.0
"""Wall seconds that a search node may take, beside the patience for its being there."""

_PAGE: Final = 500
_ROWS: Final = 1_000_000
_BYTES: Final = 1024**3


class Reaching(Protocol):
    """What is needed of a `labmesh.cli.extend.Session`."""

    @property
    def patience(self) -> float:
        """Wall seconds to wait."""
        ...

    def place(self) -> Place:
        """Where the mesh is."""
        ...

    def visit(self) -> AbstractAsyncContextManager[Visitor]:
        """Take part in it."""
        ...


class Asker(Protocol):
    """Whoever answers."""

    async def __aenter__(self) -> Self:
        """Begin."""
        ...

    async def __aexit__(self, *error: object) -> None:
        """End."""
        ...

    def sparql(self, query: str, form: str | None) -> AsyncIterator[str]:
        """Yield the pages of the answer to a query."""
        ...

    async def find(self, question: JsonObject, *, limit: int, provenance: bool) -> Findings:
        """Answer a question."""
        ...

    async def related(self, like: str, *, limit: int, provenance: bool) -> Findings:
        """Return what is nearest."""
        ...


class Online:
    """A search node answers.

    Args:
        session: How the mesh is reached.
        node: Its name, of the session's site where none is given.
    """

    def __init__(self, session: Reaching, node: str) -> None:
        self._session = session
        self._name = node
        self._stack = AsyncExitStack()
        self._visitor: Visitor | None = None

    async def __aenter__(self) -> Self:
        """Join the mesh."""
        self._visitor = await self._stack.enter_async_context(self._session.visit())
        return self

    async def __aexit__(self, *error: object) -> None:
        """Leave it."""
        await self._stack.aclose()

    async def sparql(self, query: str, form: str | None) -> AsyncIterator[str]:
        """Yield pages; each is a document of its own."""
        after: int | None = 0
        while after is not None:
            asked = {"query": query, "format": form, "after": after}
            page = validate(SparqlAnswer, await self._call("search.sparql", asked), where="answer")
            yield page.text
            after = page.next

    async def find(self, question: JsonObject, *, limit: int, provenance: bool) -> Findings:
        """Ask until there is enough."""
        found: Findings | None = None
        while found is None or (found.next is not None and len(found.found) < limit):
            left = limit - (len(found.found) if found else 0)
            asked = {**question, "provenance": provenance, "limit": min(left, _PAGE),
                     "after": found.next if found else 0}  # fmt: skip
            page = validate(Findings, await self._call("search.find", asked), where="answer")
            found = page if found is None else page.model_copy(
                update={"found": (*found.found, *page.found)}
            )  # fmt: skip
        return found

    async def related(self, like: str, *, limit: int, provenance: bool) -> Findings:
        """Ask once."""
        asked = {"like": like, "limit": min(limit, _PAGE), "provenance": provenance}
        return validate(Findings, await self._call("search.related", asked), where="answer")

    async def _call(self, service: str, arguments: JsonObject) -> JsonObject:
        if self._visitor is None:
            raise RuntimeError("enter it first")
        site, _, name = self._name.rpartition("/")
        node = NodeId(site or self._visitor.place.site, name)
        caller = self._visitor.caller
        try:
            # Whether it is there is known soon; what it is asked may take its time.
            await caller.call(node, "node.ping", {}, timeout=self._session.patience)
        except CallTimeoutError as error:
            error.remedy = (
                f"start one (labmesh run search --name {name}), name another with --node, or read "
                "a ledger's file with --ledger-file"
            )
            raise
        limit = self._session.patience + _THINKS
        return await caller.call(node, service, arguments, timeout=limit)


class _Local:
    """A store in memory, asked as that of a node is."""

    def __init__(self) -> None:
        self.desk = Desk(TripleStore(None))

    async def ask(self, verb: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(getattr(self.desk, verb), **arguments)

    async def anew(self) -> None:
        self.desk = Desk(TripleStore(None))


class Offline:
    """A ledger's file, described in memory; whoever can read it may see all of it.

    Args:
        file: Of the ledger.
        tell: Hears how many entries are described, and of how many.
    """

    def __init__(self, file: Path, tell: Callable[[int, int], None]) -> None:
        self._file = file
        self._tell = tell
        self._store = _Local()

    async def read(self) -> None:
        """Describe the ledger."""
        record: Record = file_record(str(self._file))

        async def tell(offset: int, head: int) -> None:
            self._tell(offset + 1, head + 1)

        async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
            return await asyncio.to_thread(function, *arguments)

        def ignore(*_: object) -> None:
            """Nobody is there to be told."""

        follower = Follower(record, self._store, in_thread, ignore, ignore)
        await follower.catch_up(tell)
        self._offset = follower.place.offset

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """End."""

    async def sparql(self, query: str, form: str | None) -> AsyncIterator[str]:
        """Yield the whole answer."""
        forms = {} if form is None else {
            "table": None if form in GRAPHS else form, "graph": form if form in GRAPHS else None,
        }  # fmt: skip
        made = await self._store.ask(
            "sparql", query=query, inside=True, rows=_ROWS, size=_BYTES, **forms
        )
        yield str(made["text"])

    async def find(self, question: JsonObject, *, limit: int, provenance: bool) -> Findings:
        """Answer from memory."""
        asked = validate(Question, {**question, "limit": min(limit, _PAGE)}, where="question")
        made = await self._store.ask(
            "find", question=asked.model_dump(mode="json"), inside=True, provenance=provenance
        )
        return Findings.model_validate({**made, "offset": self._offset})

    async def related(self, like: str, *, limit: int, provenance: bool) -> Findings:
        """Answer from memory."""
        made = await self._store.ask(
            "related", like=like, limit=min(limit, _PAGE), provenance=provenance, inside=True
        )
        return Findings.model_validate({**made, "offset": self._offset})
