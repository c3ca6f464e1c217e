"""The transport node: samples carried between sites and stations, by people."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar
from uuid import UUID

from labmesh import Level, NoArguments, Node, Order, OrderError, capability, service
from labmesh.instrument import Pace
from labmesh.security import is_loopback
from messages.errors import CallError, ConfigurationError, LabmeshError, NotReadyError
from messages.logistics import (
    OVER,
    ChatAddress,
    JobHistory,
    JobInput,
    JobList,
    JobsInput,
    JobState,
    TransportInput,
    TransportJob,
    TransportOutput,
)
from messages.model import JsonObject
from nodes.transport._book import Book
from nodes.transport._chat import Chat, ChatLimits
from nodes.transport._desk import Desk, Happening
from nodes.transport._dialogue import Dialogue
from nodes.transport._outcome import failure_of, notes_of, output_of, rating_of
from nodes.transport._parameters import TransportParameters
from nodes.transport._people import People, give_token
from nodes.transport._samples import check, steps_of
from nodes.transport._settle import CAPABILITY, Settler
from nodes.transport._watch import Watch
from nodes.transport._words import line_of, one_line, way_of
from nodes.transport.notify import Notification, Post, make_notifiers

R = TypeVar("R")

_AGAIN: Final = 0.2
"""Wall seconds before a ledger that has not answered is asked once more."""

_LOOK: Final = 5.0
"""Wall seconds between two looks at what the ledger says of transports without an order in hand."""

_FRACTIONS: Final = {JobState.OPEN: 0.0, JobState.TAKEN: 0.2, JobState.CARRIED: 0.5}
"""How far a transport is, for who asked; steps, not time."""


class TransportNode(Node[TransportParameters]):
    """Gives transports to people, and their answers to the ledger."""

    Parameters = TransportParameters
    _book: Book | None = None
    _chat: Chat | None = None
    _post: Post | None = None
    _desk: Desk
    _people: People
    _settler: Settler

    async def on_configure(self) -> None:
        """Open the book and the list of people; nobody is listened to yet."""
        p = self.parameters
        self._tls = _tls(p)
        self._people = People(self.data_dir)
        self._people.all()
        for name in p.simulated_people:
            await self.in_thread(give_token, self._people, name)
        self._book = Book(self.data_dir / "transports.sqlite")
        self._served: dict[UUID, int] = {}
        self._look_soon = asyncio.Event()
        self._pace = Pace(
            self.clock, lambda: self.parameters.max_sim_rate, self._ask_clock, self.log.warn
        )
        self._post = Post(make_notifiers(p.notifiers), self._notifier_fares)
        self._desk = Desk(self._book, self._now, _Rules(self), self._told, str(self.id))
        self._settler = Settler(
            self._desk, self.lab, str(self.id), f"labmesh transport {type(self).__module__}"
        )

    async def on_activate(self) -> None:
        """Listen to people, and look what has become of the transports of an earlier life."""
        dialogue = Dialogue(self._desk, self._people)
        self._chat = Chat(dialogue, self._people, self._limits, str(self.id), self.log.info)
        await self._chat.open(self.parameters.address, self.parameters.port, self._tls)
        self.log.info(f"people are listened to at {self._where()}")
        for job in self._ready.open_jobs():
            if job.state is JobState.OPEN and not job.announced:
                self._desk.announce(job)
        self._tasks_of_mine = [
            self.spawn(self._settle_for_ever(), name="settling"),
            self.spawn(Watch(self._desk, lambda: self.parameters, self._now).run(), name="watch"),
        ]
        self._show()

    async def on_deactivate(self) -> None:
        """Listen no more; transports go on in people's hands."""
        for task in self._tasks_of_mine:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._chat is not None:
            await self._chat.close()
            self._chat = None

    async def on_cleanup(self) -> None:
        """Close the book."""
        if self._post is not None:
            await self._post.close()
            self._post = None
        if self._book is not None:
            self._book.close()
            self._book = None

    @capability(*CAPABILITY, worker="model", slots=200)
    async def transport_service(self, order: Order[TransportInput]) -> TransportOutput:
        """Samples carried from one place to another, by people."""
        self._pace.begin()
        try:
            # Before the job has a time of its own: what passes until time slows down is not its.
            await self._pace.ready()
            job = await self._job_of(order)
            return await self._answer(order, await self._over(order, job))
        finally:
            self._pace.end()

    async def _over(self, order: Order[TransportInput], job: TransportJob) -> TransportJob:
        """Return a transport when it is over; who asked hears how far it is."""
        self._served[order.request] = self._served.get(order.request, 0) + 1
        try:
            async for now in self._desk.changes(job):
                job = now
                words = f"job {job.number} {line_of(job)}"
                await order.feedback(_FRACTIONS.get(job.state), one_line(words))
            return job
        finally:
            self._served[order.request] -= 1
            if not self._served[order.request]:
                del self._served[order.request]
            # Delivered, cancelled, or given to another: the ledger says which.
            self._look_soon.set()

    @service("transport.jobs", when_inactive=True)
    async def jobs(self, arguments: JobsInput) -> JobList:
        """Transports, and how far they are."""
        book = self._ready
        past = book.past() if arguments.over else []
        return JobList(jobs=tuple([*past, *book.open_jobs()][-100:]))

    @service("transport.job", when_inactive=True)
    async def job(self, arguments: JobInput) -> JobHistory:
        """One transport, and all that happened to it."""
        found = self._ready.find(arguments.job)
        return JobHistory(job=found, events=self._ready.events(found.number)[-200:])

    @service("transport.chat")
    async def chat(self, arguments: NoArguments) -> ChatAddress:
        """Where people are listened to, and who may say hello."""
        host, port = self._chat.address if self._chat is not None else ("", 0)
        people = tuple(sorted(self._people.all()))
        return ChatAddress(host=host, port=port, tls=self._tls is not None, people=people)

    async def _job_of(self, order: Order[TransportInput]) -> TransportJob:
        """Return the transport of an order: that of an earlier attempt, or a new one.

        Raises:
            OrderError: The ledger says otherwise of the samples, or they are being carried.
        """
        known = self._ready.of_request(order.request)
        if known is not None:
            return self._desk.add(known)
        asked = order.parameters
        whole = self.parameters.check_origin == "whole"
        found = await self._patiently(lambda: check(self.lab, asked, whole=whole))
        for sample in asked.samples:
            other = self._ready.carrying(sample)
            if other is not None:
                raise OrderError(
                    f"{sample} is being carried: job {other.number}, {way_of(other)}",
                    where="samples",
                    remedy="ask again when it has arrived",
                )
        now = self._now()
        return self._desk.add(
            TransportJob(
                number=1,  # the book numbers it
                request=order.request,
                requester=str(order.requester),
                campaign=order.campaign,
                samples=asked.samples,
                origin=asked.origin,
                destination=asked.destination,
                instructions=one_line(asked.instructions),
                remark=found.remark,
                due=now + int((asked.within or self.parameters.within) * 1e9),
                created=now,
            )
        )

    async def _answer(self, order: Order[TransportInput], job: TransportJob) -> TransportOutput:
        order.simulated = job.simulated
        order.note(**notes_of(job))
        for step in await self._patiently(lambda: steps_of(self.lab, job)):
            order.sample(step)
        if job.state is not JobState.DELIVERED:
            raise failure_of(job)
        rating = rating_of(job)
        order.rate(success=rating.success, rating=rating.rating, reason=rating.reason)
        return output_of(job)

    async def _patiently(self, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask the ledger until it answers: nobody carries a sample for the ledger's sake."""
        while True:
            try:
                return await ask()
            except CallError as error:
                self.log.debug(f"the ledger is asked again: {error}")
                await asyncio.sleep(_AGAIN)

    async def _settle_for_ever(self) -> None:
        while True:
            for job in self._ready.unsettled():
                if job.request not in self._served:
                    await self._settle(job)
            self._show()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._look_soon.wait()
                    # What has just ended is on its way to the ledger.
                    await asyncio.sleep(_AGAIN)
            self._look_soon.clear()

    async def _settle(self, job: TransportJob) -> None:
        try:
            await self._settler.settle(job)
        except LabmeshError as error:
            self.log.debug(f"job {job.number} is not settled: {error}")

    def _told(self, happening: Happening) -> None:
        job = happening.job
        notification = Notification(
            id=f"{job.request}.{happening.what}.{job.reminders or len(job.codes)}",
            kind=happening.what,
            text=happening.words,
            job=job.number,
            request=str(job.request),
            samples=job.samples,
            origin=job.origin.text,
            destination=job.destination.text,
            state=job.state.value,
            person=job.offered_to or job.carrier or "",
            node=str(self.id),
        )
        self.log.info(happening.words, job=job.number, request=job.request)
        if self._chat is not None:
            self._chat.tell(happening)
        if self._post is not None:
            self._post.tell(notification)
        self.happened(
            "transport", happening.words, what=happening.what, who=happening.who, job=job.number,
            request=str(job.request), state=job.state.value, samples=list(job.samples),
        )  # fmt: skip
        if job.state in OVER and job.request not in self._served:
            self._look_soon.set()

    def _notifier_fares(self, name: str, trouble: str) -> None:
        if trouble:
            self.diagnose(
                f"notifier-{name}", Level.WARN, f"nobody was told by it: {trouble}"[:4000],
                remedy="transports go on; mend it, or take it out of the parameter notifiers",
            )  # fmt: skip
            self.log.warn(f"notifier {name}: {trouble}")
        else:
            self.diagnose(f"notifier-{name}", Level.OK, "it works")

    def _show(self) -> None:
        book = self._ready
        counts = {state.value: book.count(state) for state in JobState if state not in OVER}
        present = self._chat.present if self._chat is not None else []
        late = sum(1 for job in book.open_jobs() if job.escalated)
        words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        self.diagnose(
            "transports",
            Level.WARN if late else Level.OK,
            words or "nothing is to be carried",
            remedy="labmesh transport list; somebody must carry what is late" if late else "",
            late=late, present=len(present), **counts,
        )  # fmt: skip

    async def _ask_clock(self, service: str, arguments: JsonObject) -> JsonObject:
        clock = self.options.place.clock
        if clock is None:
            raise NotReadyError("this node follows no clock node", where=str(self.id))
        return await self.call(clock, service, arguments)

    def _limits(self) -> ChatLimits:
        return ChatLimits(self.parameters.max_clients, self.parameters.login_time)

    def _where(self) -> str:
        host, port = self._chat.address if self._chat is not None else ("", 0)
        return f"{host}:{port}" + (" (TLS)" if self._tls is not None else "")

    def _now(self) -> int:
        return self.clock.now()

    @property
    def _ready(self) -> Book:
        if self._book is None:
            raise LabmeshError("the node is not configured", where=str(self.id))
        return self._book


class _Rules:
    """The parameters, as they are at the moment."""

    def __init__(self, node: TransportNode) -> None:
        self._node = node

    @property
    def require_codes(self) -> bool:
        return self._node.parameters.require_codes

    @property
    def require_place(self) -> bool:
        return self._node.parameters.require_place


def _tls(parameters: TransportParameters) -> ssl.SSLContext | None:
    p = parameters
    if not p.certificate:
        if not is_loopback(p.address):
            raise ConfigurationError(
                f"PINs would travel readable to {p.address}",
                where="address",
                remedy="give the chat a certificate and a key, or listen on 127.0.0.1 and let "
                "people come by ssh",
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(p.certificate, p.key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the chat's certificate cannot be used: {error}", where=p.certificate
        ) from error
    return context
