"""A broker node in waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import Field, field_validator

from labmesh import Level, Node
from messages.envelope import Header
from messages.errors import ConfigurationError, LabmeshError
from messages.ids import NodeId, check_name
from messages.ledger import Head
from messages.node import Presence
from messages.topics import Topic
from nodes.broker._node import BrokerNode, BrokerParameters
from nodes.broker._standby_follow import JournalFollower, Sight
from nodes.broker.store import LedgerTakenError, SqlStore

_LOOK: Final = 0.5
"""Wall seconds between two looks at the lock and the journal."""

_TELL: Final = 2.0
"""Wall seconds between two diagnostics that differ in their figures only."""

_FAR_BEHIND: Final = 10_000
"""Entries that the standby may be behind before it warns."""


class StandbyParameters(BrokerParameters):
    """Parameters of a standby: those of the broker node that it may become, and whose it is."""

    database_url: str = Field(
        description="SQLAlchemy URL of the ledger, postgresql+psycopg://user@host/name"
    )
    of: str = Field(default="broker", description="name of the broker node at this site")

    @field_validator("database_url")
    @classmethod
    def _is_shared(cls, url: str) -> str:
        if url.startswith("sqlite") or not url:
            raise ValueError(
                "a standby needs a ledger that several hosts reach, in PostgreSQL; "
                "a SQLite ledger has one broker node, on the host of its file"
            )
        return url

    @field_validator("of")
    @classmethod
    def _is_name(cls, name: str) -> str:
        try:
            return check_name(name, "of")
        except LabmeshError as error:
            raise ValueError(str(error)) from None


class StandbyNode(Node[StandbyParameters]):
    """Waits until the ledger has no writer, and then is its broker node."""

    Parameters = StandbyParameters
    _leader: BrokerNode | None = None
    _work: asyncio.Task[None] | None = None
    _head = -1
    _epoch = 0
    _told: tuple[float, Level, str] = (0.0, Level.STALE, "")

    @classmethod
    def acts_as(cls, parameters: StandbyParameters) -> tuple[str, ...]:
        """Return the broker node, whose name it takes over."""
        return (parameters.of,)

    async def on_configure(self) -> None:
        """Find out who is the broker node."""
        self._leader_id = NodeId(self.id.site, self.parameters.of)
        if self._leader_id == self.id:
            raise ConfigurationError(
                f"{self.id} cannot be its own standby",
                where="of",
                remedy="give the standby another --name; it is the broker node when its turn comes",
            )
        self._follower = JournalFollower(self.parameters.database_url)
        topics = self.topics
        subscribe = self.on_message
        await subscribe(topics.of(self._leader_id, "node", "alive", "+"), Presence, self._hear)
        await subscribe(topics.of(self._leader_id, "head"), Head, self._hear_head)

    async def on_activate(self) -> None:
        """Wait for our turn."""
        self._work = self.spawn(self._wait(), name="standby")

    async def on_deactivate(self) -> None:
        """Wait no more; when we are the broker node, end that."""
        work, leader = self._work, self._leader
        if work is None:
            return
        if leader is not None:
            leader.interrupt()
        else:
            work.cancel()
        await asyncio.wait([work])
        self._work = None

    async def on_cleanup(self) -> None:
        """Let the database go."""
        await self.in_thread(self._follower.close, resource="database")

    def _hear(self, presence: Presence, _header: Header, _topic: Topic) -> None:
        self._epoch = max(self._epoch, presence.epoch)

    def _hear_head(self, head: Head, _header: Header, _topic: Topic) -> None:
        self._head = head.offset

    # -- waiting ----------------------------------------------------------------------------

    async def _wait(self) -> None:
        while True:
            sight = await self.in_thread(self._follower.look, resource="database")
            if not sight.free:
                self._tell(sight)
            elif (store := await self._take()) is not None:
                await self._lead(store)
                return
            await asyncio.sleep(_LOOK)

    async def _take(self) -> SqlStore | None:
        """Return the ledger, its lock ours, or None when another was faster."""
        url = self.parameters.database_url
        try:
            return await self.in_thread(partial(SqlStore, url, patience=0), resource="database")
        except LedgerTakenError:
            return None
        except ConfigurationError as error:
            self._say(Level.ERROR, f"cannot take over: {error.what}", {}, remedy=error.remedy)
            return None

    def _tell(self, sight: Sight) -> None:
        behind = max(self._head + 1 - sight.entries, 0)
        figures = {"entries": sight.entries, "behind": behind}
        if sight.trouble:
            self._say(Level.ERROR, sight.trouble, figures, remedy=sight.remedy)
        elif behind > _FAR_BEHIND:
            remedy = "see whether this is the database that the broker node writes"
            words = f"far behind {self._leader_id}"
            self._say(Level.WARN, words, figures, remedy=remedy)
        else:
            words = f"ready to be {self._leader_id}, whose ledger {sight.holder} writes"
            self._say(Level.OK, words, figures)

    def _say(
        self, level: Level, words: str, figures: Mapping[str, int], *, remedy: str = ""
    ) -> None:
        now = asyncio.get_running_loop().time()
        at, *same = self._told
        if same == [level, words] and now - at < _TELL:
            return
        if same != [level, words]:
            (self.log.info if level is Level.OK else self.log.warn)(words, **figures)
        self._told = (now, level, words)
        self.diagnose("standby", level, words, remedy=remedy, **figures)

    # -- leading ----------------------------------------------------------------------------

    async def _lead(self, store: SqlStore) -> None:
        """Be the broker node until it ends, and then end, too."""
        leader = BrokerNode(
            replace(
                self.options,
                name=self.parameters.of,
                # Its own file is below ours: that of the broker node may be another process's.
                data_dir=self.data_dir,
                parameters=self.parameters.model_dump(mode="json", exclude={"of"}),
                autostart=True,
                succeeds=self._epoch,
            )
        )
        leader.open_store = lambda _url: store
        await self.close_metrics()  # its page is the broker node's from now on
        self._leader = leader
        self._say(Level.OK, f"is {leader.id}", {})
        code = 1
        try:
            code = await leader.run()
        except LabmeshError as error:
            self.log.error(f"{leader.id}: {error}")
            code = 2 if isinstance(error, ConfigurationError) else 1
        finally:
            self._leader = None
            await self.in_thread(store.close, resource="database")
            self.finish(code)
