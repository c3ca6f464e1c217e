"""The worker's side of the ledger: takes orders, runs capabilities, sends results.

An instrument writes its intent to disk and waits for the ledger's word that the order is running
before it moves anything; a model begins at once. Both send signs of life every third of the lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import BaseModel

import messages.ledger as wire
from labmesh.mesh import Mesh
from labmesh.node._capability import BoundCapability, lost_to
from labmesh.node._job import Job
from labmesh.node._order import Attach, Order
from labmesh.node._outcome import Identity, Outcomes, sorry_of
from labmesh.node._travel import data_of
from labmesh.outbox import Outbox
from labmesh.store import InHand, NodeStore
from labmesh.streams import Resources
from labmesh.tracing import Attributes, message_attributes, request_attributes
from messages.envelope import Header, validate
from messages.errors import (
    LabmeshError,
    MessageError,
    OrderError,
    OrderVoidError,
    RefusedError,
    StoreError,
)
from messages.ledger import OrderCancel, Progress, ProgressKind, Result
from messages.node import NodeEvent
from messages.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("labmesh.worker")


_REMEMBERED: Final = 4096
"""Ended orders remembered, so that a redelivered one is not begun again."""

_HOLD_BACK: Final = 0.05
"""Wall seconds that a model has to be done before it says that it has begun: its result says so,
too, and half of the messages of a quick one are saved."""

_LAST_GRACE: Final = 1.0
"""Wall seconds that a handler has after it was told to stop for the second time."""


class Worker:
    """Serves a node's capabilities.

    Args:
        mesh: Who answers.
        outbox: Durable messages to the ledger.
        store: Intents.
        capabilities: What is served.
        identity: For provenance.
        refuses: Why the node begins no order now, or an empty text.
        attach: Keeps artifacts.
        resources: The node's named locks.
        works: Whether the node's work goes on; while it hangs no lease is renewed.
    """

    def __init__(
        self,
        mesh: Mesh,
        outbox: Outbox,
        store: NodeStore,
        capabilities: Mapping[tuple[str, str], BoundCapability],
        identity: Identity,
        refuses: Callable[[], str],
        attach: Attach,
        resources: Resources,
        works: Callable[[], bool],
    ) -> None:
        self._mesh = mesh
        self._outbox = outbox
        self._store = store
        self._capabilities = capabilities
        self._outcomes = Outcomes(identity, mesh.clock)
        self._refuses = refuses
        self._attach = attach
        self._resources = resources
        self._works = works
        self._jobs: dict[UUID, Job] = {}
        self._all: set[Job] = set()
        self._past: OrderedDict[UUID, int] = OrderedDict()
        self.done = 0
        self.failed = 0

    @property
    def busy(self) -> int:
        """Orders in hand."""
        return len(self._all)

    async def open(self) -> None:
        """Subscribe to orders from the ledger, and to none from anyone else."""
        topics, ledger = self._mesh.topics, self._outbox.ledger
        await self._mesh.on_message(
            topics.to_me("void", "+", author=ledger), OrderCancel, self._take_void
        )
        await self._mesh.on_message(
            topics.to_me("order", "+", author=ledger), wire.Order, self._take_order
        )

    async def stop(self, reason: str, *, patience: float = 3.0) -> None:
        """Break off what runs and tell the ledger, so that another attempt may follow at once.

        A result that is on its way already is waited for. What the ledger has not confirmed after
        ``patience`` seconds waits in the outbox for the node's next start. A handler that does not
        stop then is left behind, and named in the log.
        """
        waiting: set[asyncio.Task[None]] = set()
        for job in self._all:
            if job.task is None:
                continue
            waiting.add(job.task)
            if job.ended:
                continue
            job.stopping = True
            if not job.announced:
                decline = self._decline(job.order, reason)
                name = f"{self._mesh.me} decline {job.order.request}"
                waiting.add(asyncio.get_running_loop().create_task(decline, name=name))
            job.task.cancel(reason)
        for seconds in (patience, _LAST_GRACE):
            if waiting:
                _, waiting = await asyncio.wait(waiting, timeout=seconds)
            for task in waiting:
                task.cancel(reason)
        for job in self._all:
            if job.task in waiting and not job.ended:
                logger.error("order %s does not stop: %s", job.order.request, job.order.method)

    def begun(self) -> list[str]:
        """Say in words which orders have begun and not ended."""
        return [job.what for job in self._all if job.begun and not job.ended]

    def abort(self, error: OrderError) -> None:
        """Break off at once what has begun, instruments too; it fails with ``error``.

        What has not begun is declined. Nothing is waited for: a handler that does not end stays in
        hand until it does.
        """
        for job in self._all:
            if job.task is None or job.ended:
                continue
            if job.begun:
                job.aborted = error
            else:
                job.stopping = True
                if not job.announced:
                    self._mesh.background(self._decline(job.order, error.what), "decline")
            job.task.cancel(error.what)

    def _take_order(self, order: wire.Order, header: Header, topic: Topic) -> None:
        if self._past.get(order.request, -1) >= order.token:
            return
        known = self._jobs.get(order.request)
        if known is not None and known.order.token >= order.token:
            return
        capability = self._capabilities.get((order.quantity, order.method))
        why = "not served here" if capability is None else self._refuses()
        if capability is None or why:
            self._mesh.background(self._decline(order, why), "decline")
            return
        if known is not None:
            self._void(known, f"superseded by attempt {order.attempt}")
        job = Job(order, capability, after=known.task if known is not None else None)
        self._jobs[order.request] = job
        self._all.add(job)
        job.task = asyncio.get_running_loop().create_task(
            self._serve(job, header, topic), name=f"{self._mesh.me} order {order.request}"
        )
        job.task.add_done_callback(lambda task: self._ended(job, task))

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        if job.accept is not None:
            job.accept.cancel()
        self._all.discard(job)
        self._remember(job.order.request, job.order.token)
        if self._jobs.get(job.order.request) is job:
            del self._jobs[job.order.request]
        if job.asked is not None and not job.answered:
            asked = OrderCancel(request=job.order.request, token=job.order.token, reason=job.asked)
            self._mesh.background(self._stopped(asked), f"stopped {job.order.request}")
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("order %s: %s", job.order.request, error, exc_info=error)

    def _take_void(self, message: OrderCancel, header: Header, topic: Topic) -> None:
        job = self._jobs.get(message.request)
        if job is None and message.ask:
            if self._past.get(message.request) == message.token:
                # What it began has ended here; the ledger has not heard how.
                self._mesh.background(self._stopped(message), f"stopped {message.request}")
        elif job is None:
            self._remember(message.request, message.token)  # should the order come after it
        elif job.order.token <= message.token:
            if message.ask:
                self._ask(job, message.reason or "cancelled")
            else:
                self._void(job, message.reason or "retracted")

    def _remember(self, request: UUID, token: int) -> None:
        self._past[request] = max(token, self._past.get(request, -1))
        self._past.move_to_end(request)
        if len(self._past) > _REMEMBERED:
            self._past.popitem(last=False)

    def _ask(self, job: Job, reason: str) -> None:
        """Stop an instrument as its requester wishes, unless it may not be stopped just now."""
        if job.asked is not None or job.void is not None or job.ended:
            return
        job.asked = reason
        goes_on = job.handed.uninterruptible_because if job.handed is not None else None
        if goes_on is not None:
            self._mesh.background(self._go_on(job, goes_on), f"go on with {job.order.request}")
            return
        word = Progress(
            request=job.order.request, token=job.order.token, kind=ProgressKind.STOPPING,
            text=reason[:4000],
        )  # fmt: skip
        self._mesh.post(self._topic("progress", job.order.request), word, qos=1)
        self._void(job, reason)

    async def _go_on(self, job: Job, why: str) -> None:
        order = job.order
        logger.warning("order %s is not stopped: %s", order.request, why)
        word = Progress(
            request=order.request, token=order.token, kind=ProgressKind.GOES_ON, text=why[:4000]
        )
        with suppress(RefusedError):
            await self._outbox.send(self._topic("progress", order.request), word)
        job.asked = None  # it may be asked again

    async def _stopped(self, asked: OrderCancel) -> None:
        word = Progress(
            request=asked.request, token=asked.token, kind=ProgressKind.STOPPED,
            text=asked.reason[:4000],
        )  # fmt: skip
        with suppress(RefusedError):
            await self._outbox.send(self._topic("progress", asked.request), word)

    def _void(self, job: Job, reason: str) -> None:
        """Stop a model at once; an instrument stops itself at its next feedback, safely."""
        if job.void is not None:
            return
        logger.warning("order %s is void: %s", job.order.request, reason)
        job.void = reason
        if job.asked is None:
            event = NodeEvent(
                kind="void", text=f"order {job.order.request} is void: {reason}"[:4000],
                values={"request": str(job.order.request), "token": job.order.token,
                        "attempt": job.order.attempt},
            )  # fmt: skip
            self._mesh.post(self._mesh.topics.own("event", "void"), event, qos=1)
        if job.handed is not None:
            job.handed.void(reason)
        instrument = job.capability.spec.worker == "instrument"
        if job.task is not None and not (instrument and job.begun):
            job.task.cancel(reason)

    async def _decline(self, order: wire.Order, why: str) -> None:
        decline = Progress(
            request=order.request, token=order.token, kind=ProgressKind.DECLINE, text=why[:4000]
        )
        with suppress(RefusedError):
            await self._outbox.send(self._topic("progress", order.request), decline)

    async def _serve(self, job: Job, header: Header, topic: Topic) -> None:
        spec, order, tracer = job.capability.spec, job.order, self._mesh.tracer
        about = _known(order, header, topic) if tracer.recording else None
        with tracer.begin(
            "process order", "consumer", parent=header.trace, attributes=about
        ) as span:
            trace = span.traceparent
            with self._signs_of_life(job):
                waiting = tracer.begin("queue", parent=trace)
                if job.after is not None:
                    # Two attempts must never act side by side, resource or no resource.
                    await asyncio.wait([job.after])
                async with self._resources.hold(spec.resource):
                    waiting.end()
                    result = await self._perform(job, trace)
                job.ended = True
                if job.accept is not None:
                    job.accept.cancel()
                if result is None:
                    span.fail(job.void or "not begun")
                    await self._put_down(job)
                    return
                if result.failure is not None:
                    span.fail(result.failure.message)
                await self._send_result(job, result, trace)

    async def _perform(self, job: Job, trace: str) -> Result | None:
        """Run the handler and return its result; None when the order turned out void."""
        order = job.order
        begun = self._mesh.clock.now()
        try:
            if not await self._accept(job, trace):
                return None
        except asyncio.CancelledError:
            await self._put_down(job)  # nothing has moved
            if not self._told_to_stop(job) or not job.announced:
                raise
            stopped = OrderError("the node was stopped before it began", retryable=True)
            return self._outcomes.failed(job, {}, begun, stopped)
        job.begun = True
        begun = self._mesh.clock.now()
        try:
            parameters = validate(job.capability.parameters, order.parameters, where="parameters")
        except MessageError as error:
            return self._outcomes.failed(job, {}, begun, OrderError(error.what))
        handed: Order[BaseModel] = Order(order, parameters, self._report, self._attach)
        job.handed = handed
        try:
            with self._mesh.tracer.begin(f"run {order.quantity}/{order.method}", parent=trace):
                data = data_of(await job.capability.handler(handed), job.capability)
        except OrderVoidError as error:
            return (
                None
                if job.void is not None
                else self._outcomes.failed(job, handed.notes, begun, error)
            )
        except asyncio.CancelledError as error:
            if job.aborted is not None and (me := asyncio.current_task()) is not None:
                me.uncancel()
                return self._outcomes.failed(job, handed.notes, begun, job.aborted)
            if self._told_to_stop(job):
                # In order: the node knows that nothing goes on, so another may try; but a sample
                # that was in an instrument's hands is not what it was.
                touched = (
                    job.capability.spec.worker == "instrument" and order.from_state is not None
                )
                stopped = OrderError(
                    "the node was stopped before it was done", retryable=not touched
                )
                return self._outcomes.failed(job, handed.notes, begun, stopped)
            task = asyncio.current_task()
            if task is None or task.cancelling():
                await self._put_down(job)
                raise
            return self._outcomes.failed(
                job, handed.notes, begun, lost_to(error, job.capability.spec)
            )
        except OrderError as error:
            return self._outcomes.failed(job, handed.notes, begun, error)
        except Exception as error:
            logger.exception("order %s failed unexpectedly", order.request)
            return self._outcomes.failed(
                job, handed.notes, begun, lost_to(error, job.capability.spec)
            )
        return self._outcomes.resolved(job, data, begun)

    async def _accept(self, job: Job, trace: str) -> bool:
        """Tell the ledger; an instrument waits for its word. False: do not begin."""
        order = job.order
        if job.capability.spec.worker == "model":
            job.announced = True
            job.accept = asyncio.get_running_loop().call_later(
                _HOLD_BACK, self._accept_late, job, trace
            )
            return True
        what = f"{order.quantity}/{order.method} for {order.requester}"
        try:
            await self._store.take_in_hand(InHand(order.request, order.token, what))
        except StoreError as error:
            logger.error("order %s not begun: %s", order.request, error)
            await self._decline(order, f"cannot note down what it begins: {error.what}")
            return False
        job.announced = True
        try:
            await self._send_accept(order, trace)
        except RefusedError as error:
            logger.warning("order %s not begun: %s", order.request, error.what)
            return False
        return True

    def _accept_late(self, job: Job, trace: str) -> None:
        self._mesh.background(self._accept_meanwhile(job, trace), "accept")

    async def _accept_meanwhile(self, job: Job, trace: str) -> None:
        try:
            await self._send_accept(job.order, trace)
        except RefusedError as error:
            if not job.ended:
                self._void(job, error.what)

    async def _send_accept(self, order: wire.Order, trace: str) -> None:
        accept = Progress(request=order.request, token=order.token, kind=ProgressKind.ACCEPT)
        await self._send("accept", self._topic("progress", order.request), accept, trace)

    async def _put_down(self, job: Job) -> None:
        if job.capability.spec.worker == "instrument":
            try:
                await self._store.put_down(job.order.request)
            except StoreError as error:
                logger.error("order %s stays noted as in hand: %s", job.order.request, error)

    def _told_to_stop(self, job: Job) -> bool:
        """Tell whether a cancellation was the node's own `stop` of a standing order; take it."""
        task = asyncio.current_task()
        if not job.stopping or job.void is not None or task is None:
            return False
        task.uncancel()
        return True

    async def _send_result(self, job: Job, result: Result, trace: str) -> None:
        order, job.answered = job.order, True
        topic = self._mesh.topics.to("result", self._outbox.ledger, order.quantity, order.method)
        try:
            await self._send("result", topic, result, trace, durable=True, ends=order.request)
        except LabmeshError as error:
            self.failed += 1
            logger.error("result of order %s refused: %s", order.request, error)
            if job.void is None and (result.failure is None or isinstance(error, MessageError)):
                # The ledger would not have it as it is; it must still learn that the order ended.
                await self._send_sorry(order, topic, f"result refused: {error.what}", trace)
            await self._put_down(job)
        else:
            self.done += result.failure is None
            self.failed += result.failure is not None

    async def _send_sorry(self, order: wire.Order, topic: str, why: str, trace: str) -> None:
        """Send a failure with nothing in it that could be wrong."""
        sorry = sorry_of(order, why)
        with suppress(LabmeshError):
            await self._send("result", topic, sorry, trace, durable=True, ends=order.request)

    async def _send(
        self, what: str, topic: str, message: Progress | Result, trace: str, **options: Any
    ) -> None:
        """Send to the ledger, as a step that lasts until its receipt; errors as `Outbox.send`."""
        tracer = self._mesh.tracer
        about = _sending(topic, message) if tracer.recording else None
        with tracer.begin(f"send {what}", "producer", parent=trace, attributes=about) as span:
            await self._outbox.send(topic, message, trace=span.traceparent, **options)

    @contextmanager
    def _signs_of_life(self, job: Job) -> Iterator[None]:
        order, loop = job.order, asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def beat() -> None:
            nonlocal timer
            if self._works():
                word = Progress(
                    request=order.request, token=order.token, kind=ProgressKind.HEARTBEAT
                )
                self._mesh.post(self._topic("progress", order.request), word)
            timer = loop.call_later(order.lease / 3, beat)

        timer = loop.call_later(order.lease / 3, beat)
        try:
            yield
        finally:
            timer.cancel()

    async def _report(self, progress: Progress) -> None:
        if self._mesh.transport.connected:
            try:
                await self._mesh.send(self._topic("progress", progress.request), progress, qos=0)
            except LabmeshError as error:
                logger.debug("feedback not sent: %s", error)
        await asyncio.sleep(0)  # a handler that reports in a tight loop must let others have a turn

    def _topic(self, kind: str, request: UUID) -> str:
        return self._mesh.topics.to(kind, self._outbox.ledger, str(request))


def _known(order: wire.Order, header: Header, topic: Topic) -> Attributes:
    """Return what is to be said of an order's step."""
    return {
        **message_attributes("process", topic.name, header.id),
        **request_attributes(order.request, order.quantity, order.method, order.campaign),
        "labmesh.attempt": order.attempt,
        "labmesh.token": order.token,
    }


def _sending(topic: str, message: Progress | Result) -> Attributes:
    """Return what is to be said of a message to the ledger."""
    return {**message_attributes("send", topic), **request_attributes(message.request or "")}
