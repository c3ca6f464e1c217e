"""The broker node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from sqlalchemy import make_url

from labmesh import Level, Node, NodeParameters, service
from labmesh.artifacts import LARGEST, RATE, BulkLink
from labmesh.calls import called_by
from labmesh.transport import make_transport
from messages.capabilities import CAPABILITIES
from messages.errors import CallRefusedError, ConfigurationError, LabmeshError
from messages.ledger import Status
from messages.model import JsonObject
from nodes.broker import _arguments as a
from nodes.broker._artifact_queries import Claim
from nodes.broker._artifacts import Custody
from nodes.broker._artifacts_told import tell_condition
from nodes.broker._clocks import ClockWatch
from nodes.broker._engine import RECEIVE_MAXIMUM, SESSION_EXPIRY, LedgerEngine
from nodes.broker._reader import FOLDER, LedgerReader, artifacts_of
from nodes.broker._schemas import Vocabulary
from nodes.broker._sight import sight_of
from nodes.broker._watch import ActiveWatch
from nodes.broker.store import SqlStore, sqlite_url

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from nodes.broker._metrics import LedgerMetrics


class BrokerParameters(NodeParameters):
    """Parameters of the broker node."""

    database_url: str = Field(
        default="", description="SQLAlchemy URL; empty: ledger.sqlite in the node's own folder"
    )
    batch: int = Field(default=200, ge=1, le=5000, description="most messages of one transaction")
    artifact_folder: str = Field(
        default="",
        description="where artifacts are kept, the same one for a standby; empty: beside the "
        "ledger's file, or in the node's own folder",
    )
    artifact_rate: float = Field(
        default=RATE, ge=0, description="bytes a second of artifacts that come and go; 0: no bound"
    )
    artifact_limit: int = Field(default=LARGEST, ge=0, description="bytes of the largest artifact")
    artifact_quota: int = Field(
        default=0, ge=0, description="bytes of all artifacts; 0: what the disk has"
    )
    artifact_reserve: int = Field(
        default=2**30, ge=0, description="bytes of the disk that artifacts leave to the ledger"
    )


class BrokerNode(Node[BrokerParameters]):
    """Keeps the append-only ledger: takes requests, gives orders, records results."""

    Parameters = BrokerParameters
    is_ledger: ClassVar[bool] = True
    open_store: Callable[[str], SqlStore] = SqlStore
    _reader: LedgerReader | None = None
    _custody: Custody | None = None
    _meter: LedgerMetrics | None = None

    async def on_configure(self) -> None:
        """Open the database."""
        url = self.parameters.database_url or sqlite_url(self.data_dir / "ledger.sqlite")
        self._engine = LedgerEngine(
            self.mesh,
            partial(
                make_transport,
                self.options.place.access,
                client_id=f"{self.id}/intake",
                username=self.id.node,
                clean_start=False,
                session_expiry=SESSION_EXPIRY,
                receive_maximum=RECEIVE_MAXIMUM,
            ),
            url,
            vocabulary=vocabulary(),
            batch=self.parameters.batch,
            open_store=self.open_store,
            trouble=self._trouble,
            flood=self._flood,
            fatal=self._give_up,
        )
        await self._engine.open()
        if self.parameters.metrics_port:
            # Prometheus' client is not for everyone to wait for.
            from nodes.broker._metrics import LedgerMetrics  # noqa: PLC0415

            self._meter = LedgerMetrics(str(self.id), self._engine)
        if self._meter is not None or self.mesh.tracer.recording:
            tracer = self.mesh.tracer
            self._engine.ledger.watch = ActiveWatch(self.topics, tracer, self._meter)
        given = self.parameters.artifact_folder
        folder = Path(given) if given else artifacts_of(url) or self.data_dir / FOLDER
        self._reader = LedgerReader(url, folder)
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-read")
        head = self._engine.ledger.head
        self.log.info(
            "ledger open",
            entries=head.offset + 1,
            head=head.hash.hex()[:16],
            at=make_url(url).render_as_string(hide_password=True),
        )

    def collectors(self) -> Iterable[Collector]:
        """Show how the ledger fares."""
        return () if self._meter is None else (self._meter,)

    async def on_activate(self) -> None:
        """Take messages."""
        await self._engine.start()
        self._custody = self._take_custody()
        self._custody.start()
        self._watch_clocks()
        self.log.info("taking messages")

    async def on_deactivate(self) -> None:
        """Take no more; finish what has been taken."""
        self._clocks.cancel()
        if self._custody is not None:
            await self._custody.stop()
        self._custody = None
        await self._engine.stop()

    async def on_cleanup(self) -> None:
        """Close the database."""
        self._reading.shutdown(wait=True)
        if self._reader is not None:
            self._reader.close()
        self._reader = None
        # Last: only a writer who is alone moves the -wal into the file, which then is complete.
        await self._engine.close()

    def _take_custody(self) -> Custody:
        reader = self._need_reader()

        async def claims(after: int, limit: int) -> list[Claim]:
            work = partial(reader.claims, after, limit)
            return await asyncio.get_running_loop().run_in_executor(self._reading, work)

        return Custody(
            BulkLink(self.options.place.access, self.mesh, name=f"{self.mesh.instance}-blob"),
            reader.holdings,
            claims,
            # Not the ledger's head, which in memory may be ahead of the commit.
            said=lambda: self._engine.forwarder.forwarded,
            absent=lambda node: self._engine.ledger.catalogue.absent(str(node)),
            bounds=lambda: self.parameters,
            tell=partial(tell_condition, self.diagnose),
            gives=self._engine.ledger.guard.gives_artifact,
        )

    def _watch_clocks(self) -> None:
        catalogue = self._engine.ledger.catalogue
        watch = ClockWatch(
            str(self.id),
            lambda node: self.call(node, "node.ping"),
            catalogue.hosts,
            self._tell_clocks,
        )
        self._running.server.on_skew = watch.note
        self._clocks = self.spawn(watch.run(), name="clocks")

    def _tell_clocks(self, words: str, seconds: dict[str, float]) -> None:
        if words:
            self.log.warn(words)
        self._tell(
            "clocks", Level.WARN, words, "the clocks agree",
            "set that machine's clock, by NTP; only the expiry of requests depends on it",
            **seconds,
        )  # fmt: skip

    def _trouble(self, words: str) -> None:
        self._tell(
            "ledger", Level.ERROR, words, "the ledger is written",
            "free disk space, or look at the database; nothing is lost meanwhile",
        )  # fmt: skip

    def _flood(self, words: str) -> None:
        if words:
            self.log.warn(words)
        self._tell(
            "intake", Level.WARN, words, "every author's messages are taken",
            "let that node send through its outbox; what has no receipt is sent again",
        )  # fmt: skip

    def _tell(
        self, component: str, level: Level, words: str, well: str, remedy: str, **values: float
    ) -> None:
        """Say in ``words`` what is wrong with a component; without any, that all is ``well``."""
        if words:
            self.diagnose(component, level, words, remedy=remedy, **values)
        else:
            self.diagnose(component, Level.OK, well, remedy="", **values)

    def _give_up(self, error: LabmeshError) -> None:
        """End the process: a supervisor or a person sees an exit code sooner than a log."""
        self.log.error(str(error))
        self.diagnose("ledger", Level.ERROR, error.what, remedy=error.remedy)
        # As at the start: 2, nothing helps until a person has looked at the database; 1, a failure.
        self.finish(2 if isinstance(error, ConfigurationError) else 1)

    async def _query(self, name: str, arguments: Any) -> JsonObject:
        reader = self._need_reader()
        plain = arguments.model_dump(by_alias=True, exclude_none=True)
        sight = sight_of(self._engine.ledger.guard, called_by())
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, partial(reader.query, name, plain, sight)
        )

    def _need_reader(self) -> LedgerReader:
        if self._reader is None:
            raise CallRefusedError("the ledger is not open", code="not_active")
        return self._reader

    @service("ledger.head", when_inactive=True)
    async def head(self, arguments: a.NoFilter) -> JsonObject:
        """Where the ledger stands."""
        return await self._query("ledger.head", arguments)

    @service("ledger.stats", when_inactive=True)
    async def stats(self, arguments: a.NoFilter) -> JsonObject:
        """What is in it, and how it fares."""
        found = await self._query("ledger.stats", arguments)
        engine = self._engine
        return {
            **found,
            "refusals": dict(engine.ledger.refusals),
            "duplicates": engine.ledger.duplicates,
            "dropped": engine.quota.dropped,
            "forwarded": engine.forwarder.forwarded,
            "unsent": engine.forwarder.unsent,
            "uptime": engine.uptime,
        }

    @service("journal.read", when_inactive=True)
    async def journal(self, arguments: a.JournalArguments) -> JsonObject:
        """Entries from an offset on."""
        return await self._query("journal.read", arguments)

    @service("query.requests", when_inactive=True)
    async def requests(self, arguments: a.RequestsArguments) -> JsonObject:
        """Requests that match."""
        return await self._query("query.requests", arguments)

    @service("query.request", when_inactive=True)
    async def request(self, arguments: a.OneArguments) -> JsonObject:
        """One request and its history."""
        found = await self._query("query.request", arguments)
        view, guard = found["request"], self._engine.ledger.guard
        if view["status"] == Status.PENDING.value and guard.hides_request(view["id"]):
            view["message"] += f"; confidential: it goes to an offer of site {guard.here} alone"
        return found

    @service("query.results", when_inactive=True)
    async def results(self, arguments: a.ResultsArguments) -> JsonObject:
        """Results that match."""
        return await self._query("query.results", arguments)

    @service("query.result", when_inactive=True)
    async def result(self, arguments: a.OneArguments) -> JsonObject:
        """One result."""
        return await self._query("query.result", arguments)

    @service("query.capabilities", when_inactive=True)
    async def capabilities(self, arguments: a.CatalogueArguments) -> JsonObject:
        """What anyone ever offered."""
        return await self._query("query.capabilities", arguments)

    @service("query.offers", when_inactive=True)
    async def offers(self, arguments: a.CatalogueArguments) -> JsonObject:
        """Offers that stand, and whether their nodes could take an order now."""
        found = await self._query("query.offers", arguments)
        catalogue = self._engine.ledger.catalogue
        for view in found["offers"]:
            node, offer = view["node"], view["offer"]
            view["online"] = catalogue.online(node)
            view["active"] = catalogue.ready(node)
            view["busy"] = catalogue.busy[node, (offer["quantity"], offer["method"])]
        return found

    @service("query.access", when_inactive=True)
    async def access(self, arguments: a.AccessArguments) -> JsonObject:
        """Who may have what, as far as somebody has declared it."""
        return await self._query("query.access", arguments)

    @service("query.artifacts", when_inactive=True)
    async def artifacts(self, arguments: a.ArtifactsArguments) -> JsonObject:
        """Artifacts that results name, and whether they are here."""
        return await self._query("query.artifacts", arguments)

    @service("artifact.verify")
    async def verify_artifact(self, arguments: a.ArtifactArguments) -> JsonObject:
        """Compare an artifact with its hash; a damaged one is put away and fetched again."""
        if self._custody is None:
            raise CallRefusedError("the ledger takes no artifacts now", code="not_active")
        if not self._engine.ledger.guard.gives_artifact(arguments.sha256, str(called_by())):
            raise CallRefusedError("the ledger does not have this artifact", code="not_found")
        return {"sound": await self._custody.verify(arguments.sha256)}

    @service("query.samples", when_inactive=True)
    async def samples(self, arguments: a.SamplesArguments) -> JsonObject:
        """Samples that match."""
        return await self._query("query.samples", arguments)

    @service("query.sample", when_inactive=True)
    async def sample(self, arguments: a.SampleArguments) -> JsonObject:
        """A sample and its states."""
        return await self._query("query.sample", arguments)


def vocabulary() -> Vocabulary:
    """Return the common vocabulary's schemas."""
    return {key: types.schemas for key, types in CAPABILITIES.items()}
