"""The ledger in a mesh: intake, group commit, acknowledgement, forwarding."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from labmesh.links import Links
from labmesh.listing import probe
from labmesh.mesh import OUTLIVED, Mesh
from labmesh.transport import Delivery, Subscription, Transport
from messages.errors import LabmeshError, NotConnectedError
from nodes.broker._books import Now
from nodes.broker._door import Parcel
from nodes.broker._forwarder import Forwarder
from nodes.broker._ledger import (
    Command,
    Doubt,
    HeardAgain,
    Ledger,
    LinkSaid,
    NoDoubt,
    Outcome,
    Settled,
)
from nodes.broker._quota import SAID, Quota
from nodes.broker._schemas import Vocabulary
from nodes.broker.store import LedgerTakenError, SqlStore, complaint, damaged, database_error

T = TypeVar("T")

_Taken = tuple[Command, Callable[[], None] | None]
"""What has arrived, and what to call when it is written."""

logger = logging.getLogger("labmesh.ledger")

INTAKE: Final = ("request", "cancel", "progress", "result", "decision", "amend")
"""Classes of topics that are addressed to the ledger."""

SESSION_EXPIRY: Final = 7 * 24 * 3600
"""Seconds the MQTT broker keeps what arrives while the ledger is down."""

RECEIVE_MAXIMUM: Final = 1000
"""Messages in the ledger's hands before an acknowledgement: several times what one author may."""

_BEAT: Final = 1.0
"""Longest wall time between two looks at the clock, seconds."""

_DEAF: Final = 3.0
"""Wall seconds without a look at the clock (a suspended process, a very slow disk) after which
workers are not blamed for silence."""

_PERSIST: Final = 0.5
"""Wall seconds between two notes of how far has been published."""

_RETRY: Final = (0.2, 5.0)
"""Wall seconds between attempts while the database does not work: doubled, first to last."""

_PATIENCE: Final = 15.0
"""Wall seconds a node has, after the ledger's reconnection, to say that it is online; the longest
pause between its own attempts to reconnect is shorter."""

_SETTLE: Final = 5.0
"""Wall seconds to wait for what is retained."""


class LedgerEngine:
    """Runs a `Ledger`. All of its work on the database happens in one thread of its own.

    Args:
        mesh: The broker node's seat; its transport is open.
        intake: Makes a connection of its own, not open yet: fixed client id, durable session.
            Called at every `start`.
        database_url: Where the ledger is.
        vocabulary: Capabilities known before anyone offers them.
        batch: Most messages of one transaction.
        open_store: Opens the database.
        trouble: Told when the database does not work, and with "" when it does again.
        flood: Told who sends more than is taken, and with "" when nobody does any more.
        fatal: Told why the ledger cannot go on at all; the process should end.
    """

    def __init__(
        self,
        mesh: Mesh,
        intake: Callable[[], Transport],
        database_url: str,
        *,
        vocabulary: Vocabulary | None = None,
        batch: int = 200,
        open_store: Callable[[str], SqlStore] = SqlStore,
        trouble: Callable[[str], None] = lambda _: None,
        flood: Callable[[str], None] = lambda _: None,
        fatal: Callable[[LabmeshError], None] = lambda _: None,
    ) -> None:
        self._mesh = mesh
        self._make_intake = intake
        self._intake: Transport | None = None
        self._url = self._where = database_url
        self._open_store = open_store
        mesh.transport.on_disconnect(self._disconnected)
        mesh.transport.on_connect(self._connected)
        mesh.transport.before_reconnect(self._is_writer)
        self._vocabulary = vocabulary
        self._batch = batch
        self._trouble = trouble
        self._fatal = fatal
        self._troubled = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._queue: asyncio.Queue[_Taken] = asyncio.Queue()
        self.quota = Quota(flood)
        self.said = Quota(flood, SAID)
        self._subscriptions: list[Subscription] = []
        self._sayer: asyncio.Task[None]
        self._writer: asyncio.Task[None]
        self._stopping = False
        self._open = False
        self._doubt: asyncio.TimerHandle | None = None
        self._last_look = time.monotonic()
        self._silent = False
        self._persisted = (-1, 0.0)
        self.started = time.time_ns()
        self.ledger: Ledger
        self.forwarder: Forwarder

    async def open(self) -> None:
        """Open the database.

        Raises:
            ConfigurationError: It cannot be opened or written, is damaged, or a newer version wrote
                it.
        """

        def work() -> tuple[Ledger, int]:
            store = self._open_store(self._url)
            try:
                ledger = Ledger(self._mesh.me, store, self._vocabulary)
                forwarded = store.forwarded()
                store.end_reading()
            except DBAPIError as error:
                store.close()
                raise database_error(error, store.where) from error
            self._where = store.where
            return ledger, forwarded

        self.ledger, forwarded = await self._in_thread(work)
        self._open = True
        self.forwarder = Forwarder(self._mesh, self.ledger.guard, forwarded)
        self._persisted = (forwarded, time.monotonic())

    async def start(self) -> None:
        """Learn who is there, say what was not said before a crash, then take messages."""
        self._stopping = False
        self._sayer = self._spawn(self.forwarder.run(), "forward")
        # Before anything new is written: what is said last must be the newest.
        await self._say_unsaid()
        await self.forwarder.tell_site()
        await self.forwarder.cover()
        self._writer = self._spawn(self._run(), "write")
        await self._listen()
        topics = self._mesh.topics
        intake = self._make_intake()
        for kind in INTAKE:
            levels = ("+", "+") if kind in ("request", "result") else ("+",)
            pattern = topics.to_me(kind, *levels)
            await intake.subscribe(pattern, self._take_in, manual_ack=True)

        async def heard() -> None:
            self._queue.put_nowait((HeardAgain(), None))

        intake.on_connect(heard)
        intake.before_reconnect(self._is_writer)
        self._intake = intake
        await intake.open()

    async def stop(self) -> None:
        """Take no more; write and say what has been taken, as far as the mesh allows."""
        for subscription in self._subscriptions:
            await subscription.cancel()
        self._subscriptions.clear()
        self._stopping = True
        if self._doubt is not None:
            self._doubt.cancel()
        self._queue.put_nowait((HeardAgain(), None))
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.wait([self._writer])
                await self.forwarder.drain()
                await self.forwarder.say_head_now()
        if self._intake is not None:
            await self._intake.close()
        self._intake = None
        for task in (self._writer, self._sayer):
            task.cancel()
        await asyncio.gather(self._writer, self._sayer, return_exceptions=True)
        with suppress(DBAPIError, LedgerTakenError):
            await self._apply([], forwarded=self.forwarder.forwarded)

    async def close(self) -> None:
        """Close the database. Idempotent."""
        self._open = False
        if hasattr(self, "ledger"):
            await self._in_thread(self.ledger.store.close)
        self._thread.shutdown(wait=True)

    @property
    def uptime(self) -> float:
        """Wall seconds since the engine was made."""
        return (time.time_ns() - self.started) / 1e9

    @property
    def waiting(self) -> int:
        """Messages that have arrived and are not being written yet."""
        return self._queue.qsize()

    @property
    def troubled(self) -> bool:
        """Whether the database does not take what is to be written."""
        return self._troubled

    @property
    def hears(self) -> bool:
        """Whether messages can come in."""
        return self._intake is not None and self._intake.connected

    # -- listening --------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Hear offers and presences, and know when all that is retained has been heard."""
        topics = self._mesh.topics
        for levels in (("node", "alive", "+"), ("node", "life"), ("offer", "+", "+")):
            subscription = await self._mesh.transport.subscribe(
                topics.of(None, *levels), self._hear
            )
            self._subscriptions.append(subscription)
        links = Links.pattern(topics.realm)
        self._subscriptions.append(await self._mesh.transport.subscribe(links, self._hear_link))
        try:
            await probe(self._mesh, timeout=_SETTLE)
        except NotConnectedError as error:
            logger.warning("what is retained was not heard: %s", error)
        self._queue.put_nowait((Settled(), None))

    def _disconnected(self, _reason: str) -> None:
        """Doubt who is there, before the next connection brings what is retained.

        Whoever is back sooner than the ledger says so once, and that is among the first it hears.
        """
        self._queue.put_nowait((Doubt(), None))
        if self._doubt is not None:
            self._doubt.cancel()

    async def _connected(self) -> None:
        """The mesh's connection was made anew, perhaps to an MQTT broker that knows nothing."""
        if self._doubt is not None:
            self._doubt.cancel()
        if self._open:
            self._mesh.background(self.forwarder.cover(), "cover samples")
        loop = asyncio.get_running_loop()
        self._doubt = loop.call_later(_PATIENCE, self._queue.put_nowait, (NoDoubt(), None))

    async def _is_writer(self) -> bool:
        """Tell whether the ledger is still ours, and with it the name and the session.

        Whoever has lost it does not come back to the mesh: the one who has it is there by now.
        """
        if not self._open:
            return True
        try:
            await self._in_thread(self.ledger.prove)
        except LedgerTakenError as error:
            self._fatal(error)
            return False
        except DBAPIError as error:
            self._in_trouble(f"not in the mesh while the ledger does not answer: {error.orig}")
            return False
        return True

    def _hear(self, delivery: Delivery) -> None:
        author = _author(delivery)
        if self.said.admit(author):
            taken = partial(self.said.release, author)
            self._queue.put_nowait((Parcel(delivery.topic, delivery.payload), taken))

    def _hear_link(self, delivery: Delivery) -> None:
        self._queue.put_nowait((LinkSaid(delivery.topic, delivery.payload), None))

    def _take_in(self, delivery: Delivery) -> None:
        if self._stopping:
            return  # Not acknowledged: it comes again at the next start.
        if delivery.retain:
            self._mesh.complain(delivery, OUTLIVED)
            delivery.ack()
            return
        author = _author(delivery)
        if not self.quota.admit(author):
            delivery.ack()
            return
        taken = partial(self._written, author, delivery.ack)
        self._queue.put_nowait((Parcel(delivery.topic, delivery.payload), taken))

    def _written(self, author: str, ack: Callable[[], None]) -> None:
        self.quota.release(author)
        ack()

    async def _say_unsaid(self) -> None:
        """Publish what an earlier process wrote and did not say (or did not note that it had)."""
        head = self.ledger.head
        start = self.forwarder.forwarded + 1
        self.forwarder.say_head(head)
        while start <= head.offset:
            said = await self._in_thread(partial(self.ledger.unsaid, start))
            said = [p for p in said if p.row.offset <= head.offset]
            if not said:
                return
            self.forwarder.put(Outcome(said=said, head=head))
            start = said[-1].row.offset + 1

    # -- writing ----------------------------------------------------------------------------

    async def _run(self) -> None:
        again: list[_Taken] = []
        while again or not (self._stopping and self._queue.empty()):
            taken = again or await self._collect()
            acks = [ack for _, ack in taken if ack is not None]
            try:
                outcome = await self._apply_stubbornly([command for command, _ in taken])
            except Exception as error:
                if isinstance(error, DBAPIError) and damaged(error):
                    self._fatal(database_error(error, self._where))
                    return
                if isinstance(error, LedgerTakenError):
                    self._fatal(error)
                    return
                # Nobody was told of them, so they are simply taken once more; the ledger has read
                # its present anew.
                logger.exception("a batch was not written")
                self._in_trouble(f"a batch was not written: {type(error).__name__}: {error}")
                await asyncio.sleep(_RETRY[0])
                again = taken
                continue
            again = []
            for ack in acks:
                ack()
            if outcome.said or outcome.receipts or outcome.voids or outcome.problems:
                self.forwarder.put(outcome)

    async def _collect(self) -> list[_Taken]:
        """Return what has arrived, at the latest when time alone changes something."""
        taken: list[_Taken] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause()):
                taken.append(await self._queue.get())
        while len(taken) < self._batch and not self._queue.empty():
            taken.append(self._queue.get_nowait())
        now = time.monotonic()
        if now - self._last_look > _DEAF:
            taken.append((HeardAgain(), None))
        self._last_look = now
        if (silent := self.ledger.catalogue.links.silent) != self._silent:
            self._silent = silent
            taken.append((LinkSaid("", b""), None))
        self.quota.look(now)
        self.said.look(now)
        return taken

    def _pause(self) -> float:
        mono, wall = self.ledger.next_deadline()
        pauses = [_BEAT]
        if mono is not None:
            pauses.append(mono - time.monotonic())
        if wall is not None:
            pauses.append((wall - time.time_ns()) / 1e9)
        return max(min(pauses), 0.001)

    async def _apply_stubbornly(self, commands: list[Command]) -> Outcome:
        """Apply, and while the database does not work apply again; nothing is acknowledged."""
        pause, last = _RETRY
        while True:
            try:
                outcome = await self._apply(commands, forwarded=self._worth_noting())
            except OperationalError as error:
                logger.error("cannot write the ledger, trying again: %s", complaint(error))
                self._in_trouble(f"cannot write the ledger: {complaint(error)}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, last)
                commands = [*commands, HeardAgain()]
            else:
                if self._troubled:
                    self._troubled = False
                    self._trouble("")
                return outcome

    def _in_trouble(self, words: str) -> None:
        self._troubled = True
        self._trouble(words)

    async def _apply(self, commands: list[Command], *, forwarded: int | None) -> Outcome:
        intake = self._intake
        leases = intake is not None and intake.connected and self._mesh.transport.connected
        now = Now(time.time_ns(), self._mesh.clock.now(), time.monotonic())
        outcome = await self._in_thread(
            lambda: self.ledger.apply(commands, now, leases=leases, forwarded=forwarded)
        )
        if forwarded is not None:
            self._persisted = (forwarded, time.monotonic())
        return outcome

    def _worth_noting(self) -> int | None:
        offset, at = self._persisted
        forwarded = self.forwarder.forwarded
        return forwarded if forwarded > offset and time.monotonic() - at >= _PERSIST else None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self._mesh.me} ledger {name}")
        task.add_done_callback(self._report)
        return task

    def _report(self, task: asyncio.Task[None]) -> None:
        """A ledger that writes and does not speak, or the reverse, helps nobody: end it."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        logger.error("%s failed: %s", task.get_name(), error, exc_info=error)
        if not isinstance(error, NotConnectedError):  # our own end, or another process's name
            self._fatal(
                LabmeshError(
                    f"{task.get_name()} failed: {type(error).__name__}: {error}",
                    remedy="start the broker node again: whatever it has not said it says then",
                )
            )


def _author(delivery: Delivery) -> str:
    return "/".join(delivery.topic.split("/", 3)[1:3])
