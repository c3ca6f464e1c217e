"""The ledger: a batch of messages in, one transaction, what is to be said about it out.

Synchronous and without any connection to a mesh; `LedgerEngine` gives it one.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError, OperationalError

from messages.access import DECLARATION
from messages.chain import GENESIS
from messages.errors import LabmeshError
from messages.ids import NodeId
from messages.ledger import (
    Cancel,
    Decision,
    EntryKind,
    Head,
    Offer,
    OrderCancel,
    Progress,
    ProgressKind,
    Receipt,
    Request,
    Result,
    ResultAmendment,
    Status,
)
from messages.node import Lifecycle, Presence
from messages.topics import parse_topic
from nodes.broker._books import Batch, Books, Now
from nodes.broker._catalogue import Catalogue
from nodes.broker._dispatch import dispatch
from nodes.broker._door import Incoming, Parcel, read, sender_of
from nodes.broker._guard import Guard
from nodes.broker._load import load
from nodes.broker._outbound import Publication, publications, unsaid
from nodes.broker._refusal import Refusal
from nodes.broker._row import Row
from nodes.broker._schemas import Schemas, Vocabulary
from nodes.broker._take_control import take_amendment, take_cancel, take_decision
from nodes.broker._take_node import (
    mark_node,
    take_lifecycle,
    take_link,
    take_offer,
    take_presence,
    withdraw_offer,
    withdraw_unconfirmed,
)
from nodes.broker._take_progress import standing_order, take_progress
from nodes.broker._take_request import take_request
from nodes.broker._take_result import take_result
from nodes.broker._take_time import fresh_leases, pass_time
from nodes.broker._watch import Watch
from nodes.broker.store import Known, LedgerTakenError, Store, damaged

logger = logging.getLogger("labmesh.ledger")

_ANSWERED: Final = frozenset({"request", "cancel", "progress", "result", "decision", "amend"})
"""Topics whose messages get a receipt."""

_PROBLEMS: Final = frozenset(
    {"malformed", "unknown_type", "schema", "body", "forged", "topic", "too_large", "offer",
     "internal"}
)  # fmt: skip
"""Refusals that everyone may see on ``~/event/problem``: the sender's program is at fault."""

_REMEMBER: Final = (10_000, 60.0)
"""How many refusals, and for how many wall seconds: a late copy of a refused message must not be
accepted after its author was told otherwise."""


@dataclass(frozen=True, slots=True)
class LinkSaid:
    """Command: something was published on the topic of a site's link; or nothing, for too long."""

    topic: str
    payload: bytes


class Settled:
    """Command: every retained offer and presence has been heard after the ledger's start."""


class HeardAgain:
    """Command: the ledger was deaf (disconnected, suspended); leases get a full term."""


class Doubt:
    """Command: the MQTT broker may have been restarted; who is online will say so again."""


class NoDoubt:
    """Command: there was time enough to say so; whoever has not is lost."""


Command = Parcel | LinkSaid | Settled | HeardAgain | Doubt | NoDoubt


@dataclass(slots=True)
class Outcome:
    """What a batch came to.

    Attributes:
        said: The entries written, with what goes out for each.
        receipts: Further receipts, (author, receipt): refusals and repetitions.
        voids: Workers told that an order they speak of does not stand.
        problems: Messages that could not be taken, for ``~/event/problem``.
        head: The ledger's head now.
        traces: Of further receipts, the traceparent by the message's id.
    """

    said: list[Publication] = field(default_factory=list)
    receipts: list[tuple[str, Receipt]] = field(default_factory=list)
    voids: list[tuple[str, OrderCancel]] = field(default_factory=list)
    problems: list[tuple[Parcel, Refusal]] = field(default_factory=list)
    head: Head = field(default_factory=lambda: Head(offset=-1, hash=GENESIS))
    traces: dict[UUID, str] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        """Append what came of a later batch."""
        self.said += other.said
        self.receipts += other.receipts
        self.voids += other.voids
        self.problems += other.problems
        self.traces.update(other.traces)
        self.head = other.head


class Ledger:
    """Use from one thread at a time.

    Args:
        me: The broker node.
        store: The database; the ledger is its only writer.
        vocabulary: Capabilities known before anyone offers them.
    """

    def __init__(self, me: NodeId, store: Store, vocabulary: Vocabulary | None = None) -> None:
        self.me = me
        self.store = store
        self.refusals: Counter[str] = Counter()
        self.duplicates = 0
        self.watch = Watch()
        self._schemas = Schemas()
        self._vocabulary = {} if vocabulary is None else vocabulary
        self._refused: OrderedDict[str, tuple[bytes, Receipt, float]] = OrderedDict()
        self.guard = Guard(me.site)
        self._settled = False
        self._first = True
        self._stale = False
        self._owed: list[Publication] = []
        self.books = self._load(None)
        self._written = self.head.offset

    @property
    def head(self) -> Head:
        """The last entry's offset and hash."""
        return self.books.head

    @property
    def catalogue(self) -> Catalogue:
        """Who serves what."""
        return self.books.catalogue

    def next_deadline(self) -> tuple[float | None, int | None]:
        """Return when time alone will change something: (monotonic s, wall ns)."""
        monos = [at for d in (self.books.leases, self.books.wakes) if (at := d.next()) is not None]
        wall = self.books.expiries.next()
        return min(monos, default=None), None if wall is None else int(wall)

    def prove(self) -> None:
        """Make sure that this is still the ledger's one writer.

        Raises:
            LedgerTakenError: Another process has become it.
            OperationalError: The database does not answer.
        """
        if self._stale:
            self._start_over()
            return
        try:
            self.store.prove()
            self.store.end_reading()
        except BaseException:
            self._stale = True  # somebody may have written since
            raise

    def unsaid(self, start: int, limit: int = 200) -> list[Publication]:
        """Return what entries from offset ``start`` make the ledger say, read again."""
        try:
            return unsaid(self.books, start, limit)
        finally:
            self.store.end_reading()

    def apply(
        self,
        commands: Sequence[Command],
        now: Now,
        *,
        leases: bool = True,
        forwarded: int | None = None,
    ) -> Outcome:
        """Take messages in order, let time pass, dispatch, write it all in one transaction.

        A message that is refused, or that breaks the ledger's own code, does not harm the others.

        Args:
            commands: What has arrived.
            now: The moment.
            leases: Whether leases may expire at present.
            forwarded: Offset up to which everything has been published, to be remembered.

        Raises:
            OperationalError: The database does not work at present (disk full, locked). Nothing has
                happened; apply the same again later.
            DBAPIError: The database is `damaged`.
            LedgerTakenError: Another process has become the ledger's writer. Nothing has happened.
            Exception: The ledger's own code breaks without any message. Nothing has happened.
        """
        try:
            if self._stale:
                self._start_over()
            return self._apply(commands, now, leases=leases, forwarded=forwarded)
        except OperationalError:
            self._start_over()
            raise
        except LedgerTakenError:
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) and damaged(error):
                raise
            self._start_over()
            if not commands:
                raise
            logger.exception("a batch of %d failed", len(commands))
            if len(commands) == 1:
                # Where time alone breaks it as well, no message is to blame, and none is refused.
                outcome = self.apply([], now, leases=leases, forwarded=forwarded)
                outcome.add(self._give_up(commands[0], error))
                return outcome
        outcome = Outcome(head=self.head)
        for command in commands:
            try:
                outcome.add(self.apply([command], now, leases=leases, forwarded=forwarded))
            except Exception:
                # Those before it are written, and nobody has been told yet.
                self._owed = [*outcome.said, *self._owed]
                raise
        return outcome

    def _apply(
        self, commands: Sequence[Command], now: Now, *, leases: bool, forwarded: int | None
    ) -> Outcome:
        books = self.books
        books.now = now
        if self._first:
            self._first = False
            fresh_leases(books)
        books.batch = Batch()
        outcome = Outcome()
        opened = [self._open(command, outcome) for command in commands]
        ids = [o.id for o in opened if isinstance(o, Incoming) and o.packed]
        known = self.store.known(ids) if ids else {}
        for command, incoming in zip(commands, opened, strict=True):
            if isinstance(incoming, Incoming):
                self._take(command, incoming, known, outcome)
            else:
                self._obey(command)
        pass_time(books, leases=leases)
        dispatch(books)
        self.watch.writing()
        if books.batch.rows or forwarded is not None:
            self.store.commit(books.batch.rows, forwarded)
        else:
            if outcome.receipts or outcome.problems or books.batch.voids:
                # What no commit vouches for, a former writer with an old memory must not say.
                self.store.prove()
            self.store.end_reading()
        self.watch.written(books, len(commands))
        self._settled = self._settled or any(isinstance(c, Settled) for c in commands)
        outcome.said = [*self._owed, *publications(books)]
        if self.guard.active:
            self.store.end_reading()
        self._owed = []
        self._written = books.head.offset
        outcome.voids = books.batch.voids
        outcome.head = books.head
        books.batch = Batch()
        return outcome

    def _obey(self, command: Command) -> None:
        books = self.books
        match command:
            case LinkSaid():
                take_link(books, command.topic, command.payload)
            case Settled():
                withdraw_unconfirmed(books)
            case HeardAgain():
                fresh_leases(books)
            case Doubt():
                books.catalogue.doubt_presences()
            case NoDoubt():
                for node, presence in books.catalogue.doubted():
                    take_presence(books, node, presence.model_copy(update={"state": "lost"}))
            case Parcel() if not command.payload:
                self._cleared(command)

    def _open(self, command: Command, outcome: Outcome) -> Incoming | None:
        if not isinstance(command, Parcel) or not command.payload:
            return None
        try:
            return read(command)
        except Refusal as refusal:
            author, identity = sender_of(command)
            self._refuse(command, refusal, outcome, author, identity)
            return None

    def _take(
        self, command: Command, incoming: Incoming, known: dict[str, Known], outcome: Outcome
    ) -> None:
        self.books.cause = self.watch.taking(incoming)
        why = ""
        try:
            if incoming.topic.kind in _ANSWERED and incoming.packed:
                repeated = self._repeated(incoming, known)
                if repeated is not None:
                    self.duplicates += 1
                    outcome.receipts.append((incoming.author, repeated))
                    outcome.traces[incoming.header.id] = self.books.cause
                    return
            self._handle(incoming)
        except Refusal as refusal:
            # A trace may go anywhere; while something is confidential it gets no words.
            why = refusal.code if self.guard.confidential else str(refusal)
            receipt = self._refuse(
                command, refusal, outcome, incoming.topic.author, incoming.header.id
            )
            outcome.traces[incoming.header.id] = self.books.cause
            if receipt is not None and incoming.packed:
                self._remember(incoming, receipt)
        finally:
            self.books.cause = ""
            self.watch.taken(why)

    def _handle(self, incoming: Incoming) -> None:
        books, message = self.books, incoming.message
        match message:
            case Progress():
                take_progress(books, incoming, message)
            case Request():
                take_request(books, incoming, message)
            case Result():
                take_result(books, incoming, message)
            case Cancel():
                take_cancel(books, incoming, message)
            case Decision():
                take_decision(books, incoming, message)
            case ResultAmendment():
                take_amendment(books, incoming, message)
            case Offer():
                take_offer(books, incoming.author, message)
            case Presence():
                take_presence(books, incoming.author, message)
            case Lifecycle():
                take_lifecycle(books, incoming.author, message)

    def _cleared(self, command: Parcel) -> None:
        """A retained message was cleared: an offer is withdrawn, a node says nothing any more."""
        try:
            topic = parse_topic(command.topic)
        except LabmeshError:
            return  # of a client that is no node of ours; nothing was known by that name
        author, rest = str(topic.author), topic.rest
        if topic.kind == "offer" and len(rest) == 2:
            withdraw_offer(self.books, author, (rest[0], rest[1]))
        elif topic.kind == "node" and rest[:1] == ("life",):
            take_lifecycle(self.books, author, None)
        elif topic.kind == "node" and rest[:1] == ("alive",) and len(rest) == 2:
            self.catalogue.forget_presence(author, rest[1])
            mark_node(self.books, author)

    # -- refusals and repetitions -----------------------------------------------------------

    def _refuse(
        self,
        command: Command,
        refusal: Refusal,
        outcome: Outcome,
        author: NodeId | None,
        identity: UUID | None,
    ) -> Receipt | None:
        self.refusals[refusal.code] += 1
        kind = command.topic.split("/")[3:4] if isinstance(command, Parcel) else []
        answered = bool(kind) and kind[0] in _ANSWERED
        if isinstance(command, Parcel) and (refusal.code in _PROBLEMS or not answered):
            outcome.problems.append((command, refusal))
        if not answered or author is None or identity is None:
            return None
        receipt = Receipt(message=identity, accepted=False, reason=str(refusal)[:4000])
        outcome.receipts.append((str(author), receipt))
        return receipt

    def _remember(self, incoming: Incoming, receipt: Receipt) -> None:
        most, seconds = _REMEMBER
        self._refused[incoming.id] = (incoming.hash, receipt, self.books.now.mono + seconds)
        while len(self._refused) > most:
            self._refused.popitem(last=False)

    def _repeated(self, incoming: Incoming, known: dict[str, Known]) -> Receipt | None:
        """Return the receipt a repeated message gets, or None when it is new.

        Raises:
            Refusal: The id is taken by another message, or a repeated ACCEPT comes too late.
        """
        refused = self._refused.get(incoming.id)
        if refused is not None and refused[0] == incoming.hash:
            if refused[2] > self.books.now.mono:
                return refused[1]
            del self._refused[incoming.id]
        fresh = self.books.batch.fresh.get(incoming.id)
        entry = _known(fresh) if fresh is not None else known.get(incoming.id)
        if entry is None:
            return None
        same = entry.body_hash == incoming.hash
        if entry.kind == EntryKind.STATUS.value:
            same = entry.body["cause"] == incoming.hash.hex()
        if not same or entry.author != incoming.author:
            raise Refusal(
                "conflict",
                f"entry {entry.offset} has this id and other content",
                where="id",
                remedy="make a new id for every message",
            )
        message = incoming.message
        if isinstance(message, Progress) and message.kind is ProgressKind.ACCEPT:
            # "Accepted" would set an instrument moving: only while its order still stands.
            request = standing_order(self.books, incoming, str(message.request), message.token)
            if request.status is not Status.RUNNING:
                raise Refusal(
                    "token", f"order {message.token} is {request.status.value} by now",
                    remedy="do not begin it",
                )  # fmt: skip
        return Receipt(message=incoming.header.id, accepted=True, offset=entry.offset)

    # -- when things break ------------------------------------------------------------------

    def _give_up(self, command: Command, error: Exception) -> Outcome:
        """Refuse a message that this version cannot digest."""
        outcome = Outcome(head=self.head)
        if isinstance(command, Parcel):
            author, identity = sender_of(command)
            refusal = Refusal(
                "internal",
                f"the ledger could not digest this message ({type(error).__name__}: {error})"[
                    :1000
                ],
                remedy="see the broker node's log",
            )
            self._refuse(command, refusal, outcome, author, identity)
        return outcome

    def _start_over(self) -> None:
        """Forget what a failed transaction left in memory.

        It may have been written none the less, when the connection broke before the database could
        say so: nobody has been told of those entries.
        """
        self.watch.undone()
        self._stale = True  # until it has been read anew, should that fail, too
        self.store.rollback()
        self.books = self._load(self.books)
        new = self.head.offset - self._written
        if new > 0:
            self._owed += self.unsaid(self._written + 1, new)
            self._written = self.head.offset
        self._stale = False

    def _load(self, before: Books | None) -> Books:
        books = Books(
            self.me,
            self.store,
            self._schemas,
            self._vocabulary,
            before.catalogue if before else None,
            self.guard,
        )
        if before is not None:
            books.now = before.now
        load(books, confirmed=self._settled)
        self.guard.load(self.store, declared=DECLARATION in books.catalogue.capabilities)
        self.store.end_reading()
        return books


def _known(row: Row) -> Known:
    return Known(row.kind, row.offset, row.author, row.body_hash, row.body)
