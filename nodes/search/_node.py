"""The search node."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

from labmesh import Level, Node, NodeOptions, service
from labmesh.calls import called_by
from labmesh.node import NoArguments
from labmesh.record import mesh_record
from labmesh.transport import Subscription
from messages.envelope import Header, validate
from messages.errors import LabmeshError
from messages.ledger import Head
from messages.topics import Topic
from nodes.search import _page as page
from nodes.search._follow import Follower
from nodes.search._keeper import Keeper
from nodes.search._parameters import SearchParameters
from nodes.search._services import (
    FindArguments,
    Findings,
    Question,
    RelatedArguments,
    SearchStatus,
    SparqlAnswer,
    SparqlArguments,
)
from nodes.search._sparql import GRAPHS
from nodes.search._web import WebServer, as_json

_LOOK_AGAIN: Final = 5.0
"""Wall seconds without news of the head after which the ledger is asked for it."""

_PAGE_BYTES: Final = 48 * 1024
"""Bytes of rows on one page of a service's answer; with what is around them it still travels."""

_PAGE_ROWS: Final = 1000
_ANSWER_BYTES: Final = 64 * 1024**2
"""Bytes of one answer over HTTP."""


class SearchNode(Node[SearchParameters]):
    """Finds results by what they mean: SPARQL, plain words, and what is like what one has.

    Its store is made from the ledger alone, follows it, and is made anew where it does not fit.
    """

    Parameters = SearchParameters
    knows_access: ClassVar[bool] = True

    def __init__(self, options: NodeOptions) -> None:
        super().__init__(options)
        self._keeper: Keeper | None = None
        self._follower: Follower | None = None
        self._web: WebServer | None = None
        self._following: asyncio.Task[None] | None = None
        self._heads: Subscription | None = None
        self._news = asyncio.Event()
        self._queries = asyncio.Semaphore(2)

    async def on_configure(self) -> None:
        """Open the store, and the port."""
        values = self.parameters
        self._queries = asyncio.Semaphore(values.queries)
        self._keeper = Keeper(self.data_dir / "store", memory=values.memory_limit)
        record = mesh_record(self.lab, self.data_dir / "artifacts")
        self._follower = Follower(
            record, self._keeper, self.in_thread, self._on_rebuild, self._on_failure
        )
        if values.http_port:
            self._web = WebServer(values.http_port, values.http_address, self._http)
            self.log.info("search page", at=self._web.where)

    async def on_activate(self) -> None:
        """Follow the ledger."""
        pattern = self.topics.of(self.lab.ledger, "head")
        self._heads = await self.on_message(pattern, Head, self._heard)
        self._following = self.spawn(self._follow(), name="follow the ledger")

    async def on_deactivate(self) -> None:
        """Stop following."""
        if self._heads is not None:
            heads, self._heads = self._heads, None
            await heads.cancel()
        await self._stop_following()

    async def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
            self._following = None

    async def on_cleanup(self) -> None:
        """Close the port and the store."""
        if self._web is not None:
            web, self._web = self._web, None
            await self.in_thread(web.close)
        if self._keeper is not None:
            await self._keeper.close()
            self._keeper = self._follower = None

    # -- following ------------------------------------------------------------------------

    def _heard(self, head: Head, _header: Header, _topic: Topic) -> None:
        if head.offset != self._at.head:
            self._news.set()

    async def _follow(self) -> None:
        cold = True
        while True:
            self._news.clear()
            try:
                await self._at.catch_up(self._tell)
                if cold:
                    await self._store.ask("warm")
                    cold = False
            except LabmeshError as error:
                self.diagnose("store", Level.WARN, f"not up to date: {error.what}",
                              remedy=error.remedy)  # fmt: skip
                await asyncio.sleep(1.0)
                continue
            self._say_state()
            try:
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _tell(self, offset: int, head: int) -> None:
        await self.milestone("describe the ledger", offset + 1, head + 1)

    def _say_state(self) -> None:
        at = self._at
        level, what, remedy = Level.OK, "up to date with the ledger", ""
        if at.failed:
            level, what = Level.WARN, f"{at.failed} entries could not be described"
            remedy = "see the node's log which, and why"
        self.diagnose(
            "store", level, what, remedy=remedy, offset=at.place.offset,
            withheld=len(at.withheld), failed=at.failed,
        )  # fmt: skip

    def _on_rebuild(self, why: str) -> None:
        self.log.warn(f"the store is made anew: {why}")

    def _on_failure(self, offset: int, why: str) -> None:
        self.log.error(f"entry {offset} could not be described: {why}")

    # -- services -------------------------------------------------------------------------

    @service("search.sparql")
    async def sparql(self, arguments: SparqlArguments) -> SparqlAnswer:
        """Answer a SPARQL 1.1 query that reads: SELECT, ASK, CONSTRUCT, DESCRIBE."""
        given = arguments.format
        forms = {} if given is None else {
            "table": None if given in GRAPHS else given,
            "graph": given if given in GRAPHS else None,
        }  # fmt: skip
        rows = min(arguments.limit or _PAGE_ROWS, _PAGE_ROWS)
        made = await self._sparql(
            arguments.query, inside=self._inside(), skip=arguments.after, rows=rows,
            size=_PAGE_BYTES, **forms,
        )  # fmt: skip
        last = arguments.after + made["rows"]
        return SparqlAnswer(
            media_type=made["media_type"], text=made["text"], rows=made["rows"],
            next=last if made["more"] else None, offset=self._at.place.offset,
        )  # fmt: skip

    @service("search.find")
    async def find(self, arguments: FindArguments) -> Findings:
        """Find values by what they are, of what, and under which conditions."""
        return await self._find(arguments, inside=self._inside())

    @service("search.related")
    async def related(self, arguments: RelatedArguments) -> Findings:
        """Find the values nearest to a result or a sample in the graph of all that is known."""
        return await self._related(arguments, inside=self._inside())

    @service("search.status", when_inactive=True)
    async def status(self, arguments: NoArguments) -> SearchStatus:
        """Tell how far the store is."""
        at = self._at
        return SearchStatus(
            offset=at.place.offset, head=at.head, triples=await self._store.ask("size"),
            rebuilds=at.rebuilds, withheld=len(at.withheld), failed=at.failed,
            http=self._web.where if self._web else "",
        )  # fmt: skip

    @service("search.rebuild")
    async def rebuild(self, arguments: NoArguments) -> SearchStatus:
        """Make the store anew from the ledger; answers when it is empty, and fills it then."""
        await self._stop_following()
        try:
            await self._at.rebuild(f"{called_by()} asked for it")
        finally:
            self._following = self.spawn(self._follow(), name="follow the ledger")
        return await self.status(arguments)

    def _inside(self) -> bool:
        """Tell whether whoever calls now may see what never leaves the site."""
        return called_by().site == self.id.site

    # -- HTTP -----------------------------------------------------------------------------

    async def _http(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        """Answer the port: see `nodes.search._web.Ask`."""
        inside = self.parameters.http_confidential
        match verb:
            case "sparql":
                made = await self._sparql(
                    given["query"], inside=inside, rows=self.parameters.row_limit,
                    size=_ANSWER_BYTES, table=given["tables"], graph=given["graphs"],
                )  # fmt: skip
                return {**made, "offset": self._at.place.offset}
            case "results":
                question = validate(FindArguments, given, where="question")
                found = await self._find(question, inside=inside)
                return as_json(found.model_dump(mode="json"))
            case "related":
                like = validate(RelatedArguments, given, where="question")
                found = await self._related(like, inside=inside)
                return as_json(found.model_dump(mode="json"))
            case "status":
                status = await self.status(NoArguments())
                return as_json(status.model_dump(mode="json"))
        return await self._html(given, inside=inside)

    async def _html(self, given: dict[str, Any], *, inside: bool) -> dict[str, Any]:
        text, like = str(given.get("q", ""))[:400], str(given.get("like", ""))[:400]
        found, problem = None, ""
        try:
            if like:
                found = await self._related(RelatedArguments(like=like), inside=inside)
            elif text:
                after = str(given.get("after", "0"))
                asked = FindArguments(text=text, after=int(after) if after.isdigit() else 0)
                found = await self._find(asked, inside=inside)
        except LabmeshError as error:
            problem = str(error)
        made = page.html(str(self.id), text, like, found, problem)
        return {"text": made, "media_type": "text/html", "offset": self._at.place.offset}

    # -- asking the store -----------------------------------------------------------------

    async def _sparql(self, query: str, *, inside: bool, **how: Any) -> dict[str, Any]:
        async with self._queries:
            made: dict[str, Any] = await self._store.ask(
                "sparql", seconds=self.parameters.time_limit, query=query, inside=inside, **how
            )
        return made

    async def _find(self, asked: FindArguments, *, inside: bool) -> Findings:
        question = Question.model_validate(asked.model_dump(exclude={"provenance"}))
        made = await self._store.ask(
            "find", seconds=self.parameters.time_limit, question=question.model_dump(mode="json"),
            inside=inside, provenance=asked.provenance,
        )  # fmt: skip
        return Findings.model_validate({**made, "offset": self._at.place.offset})

    async def _related(self, asked: RelatedArguments, *, inside: bool) -> Findings:
        made = await self._store.ask(
            "related", seconds=self.parameters.time_limit, inside=inside, **asked.model_dump()
        )
        return Findings.model_validate({**made, "offset": self._at.place.offset})

    @property
    def _store(self) -> Keeper:
        if self._keeper is None:
            raise LabmeshError(
                f"{self.id} has no store open", remedy="configure and activate the node"
            )
        return self._keeper

    @property
    def _at(self) -> Follower:
        if self._follower is None:
            raise LabmeshError(
                f"{self.id} has no store open", remedy="configure and activate the node"
            )
        return self._follower
