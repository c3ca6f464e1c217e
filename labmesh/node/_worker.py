"""The worker's side of the ledger: takes orders, runs capabilities, sends results.

An instrument writes its intent to disk and waits for the ledger's word that the order is running
before it moves anything; a model begins at once. Both send signs of life every third of the lease.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel

import messages.ledger as wire
from labmesh.mesh import Mesh
from labmesh.node._capability import BoundCapability, lost_to
from labmesh.node._order import Order
from labmesh.outbox import Outbox
from labmesh.store import InHand, NodeStore
from messages.envelope import Header, pack, unpack, validate
from messages.errors import (
    LabmeshError,
    MessageError,
    OrderError,
    OrderVoidError,
    RefusedError,
)
from messages.ids import new_id
from messages.ledger import Failure, OrderCancel, Progress, ProgressKind, Provenance, Result
from messages.model import JsonObject
from messages.topics import Topic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger("labmesh.worker")


@dataclass(slots=True)
class _Job:
    order: wire.Order
    capability: BoundCapability
    task: asyncio.Task[None] | None = None
    handed: Order[Any] | None = None
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """What provenance says of the node on every result."""

    software: str
    instrument: str
    parameters: Callable[[], JsonObject]


class Worker:
    """Serves a node's capabilities.

    Args:
        mesh: Who answers.
        outbox: Durable messages to the ledger.
        store: Intents.
        capabilities: What is served.
        identity: For provenance.
        active: Whether the node takes orders now.
    """

    def __init__(
        self,
        mesh: Mesh,
        outbox: Outbox,
        store: NodeStore,
        capabilities: Mapping[tuple[str, str], BoundCapability],
        identity: Identity,
        active: Callable[[], bool],
    ) -> None:
        self._mesh = mesh
        self._outbox = outbox
        self._store = store
        self._capabilities = capabilities
        self._identity = identity
        self._active = active
        self._jobs: dict[UUID, _Job] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.done = 0
        self.failed = 0

    @property
    def busy(self) -> int:
        """Orders in hand."""
        return len(self._jobs)

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

        What the ledger has not confirmed after ``patience`` seconds waits in the outbox for the
        node's next start.
        """
        jobs = [job for job in self._jobs.values() if job.task is not None]
        tasks = [job.task for job in jobs if job.task is not None]
        for job in jobs:
            if not job.begun:
                self._mesh.background(self._decline(job.order, reason), "decline")
        for task in tasks:
            task.cancel(reason)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel(reason)
            await asyncio.gather(*late, return_exceptions=True)

    def _take_order(self, order: wire.Order, header: Header, topic: Topic) -> None:
        known = self._jobs.get(order.request)
        if known is not None and known.order.token >= order.token:
            return
        capability = self._capabilities.get((order.quantity, order.method))
        if capability is None or not self._active():
            why = "not served here" if capability is None else "the node is not active"
            self._mesh.background(self._decline(order, why), "decline")
            return
        if known is not None:
            self._void(known, f"superseded by attempt {order.attempt}")
        job = _Job(order, capability)
        self._jobs[order.request] = job
        job.task = asyncio.get_running_loop().create_task(
            self._serve(job, header.trace), name=f"{self._mesh.me} order {order.request}"
        )
        job.task.add_done_callback(lambda task: self._ended(job, task))

    def _ended(self, job: _Job, task: asyncio.Task[None]) -> None:
        if self._jobs.get(job.order.request) is job:
            del self._jobs[job.order.request]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("order %s: %s", job.order.request, error, exc_info=error)

    def _take_void(self, message: OrderCancel, header: Header, topic: Topic) -> None:
        job = self._jobs.get(message.request)
        if job is not None and job.order.token <= message.token:
            self._void(job, message.reason or "retracted")

    def _void(self, job: _Job, reason: str) -> None:
        """Stop a model at once; an instrument stops itself at its next feedback, safely."""
        logger.warning("order %s is void: %s", job.order.request, reason)
        if job.handed is not None:
            job.handed.void(reason)
        instrument = job.capability.spec.worker == "instrument"
        if job.task is not None and not (instrument and job.begun):
            job.task.cancel(reason)

    async def _decline(self, order: wire.Order, why: str) -> None:
        with suppress(RefusedError):
            await self._outbox.send(
                self._topic("progress", order.request),
                Progress(
                    request=order.request, token=order.token, kind=ProgressKind.DECLINE, text=why
                ),
            )

    async def _serve(self, job: _Job, trace: str) -> None:
        order, spec = job.order, job.capability.spec
        async with self._signs_of_life(job):
            lock = self._locks.setdefault(spec.resource or f"{spec.key}", asyncio.Lock())
            if spec.resource:
                async with lock:
                    result = await self._perform(job, trace)
            else:
                result = await self._perform(job, trace)
            if result is not None:
                await self._send_result(order, result, trace)
            else:
                await self._store.put_down(order.request)

    async def _perform(self, job: _Job, trace: str) -> Result | None:
        """Run the handler and return its result; None when the order turned out void."""
        order = job.order
        if not await self._accept(job, trace):
            return None
        job.begun = True
        begun = self._mesh.clock.now()
        try:
            parameters = validate(job.capability.parameters, order.parameters, where="parameters")
        except MessageError as error:
            return self._failure(job, {}, begun, OrderError(error.what))
        handed: Order[BaseModel] = Order(order, parameters, self._report)
        job.handed = handed
        try:
            output = await job.capability.handler(handed)
            data = unpack(pack(output.model_dump()))
        except OrderVoidError:
            return None
        except asyncio.CancelledError:
            # Shutting down in order: the node knows that nothing goes on, so another may try.
            task = asyncio.current_task()
            if handed._void is not None or task is None:  # noqa: SLF001
                raise
            task.uncancel()
            stopped = OrderError("the node was stopped before it was done", retryable=True)
            return self._failure(job, handed.notes, begun, stopped)
        except OrderError as error:
            return self._failure(job, handed.notes, begun, error)
        except Exception as error:
            logger.exception("order %s failed unexpectedly", order.request)
            return self._failure(job, handed.notes, begun, lost_to(error))
        self.done += 1
        return Result(
            request=order.request,
            token=order.token,
            quantity=order.quantity,
            method=order.method,
            outcome="resolved",
            data=data,
            provenance=self._provenance(job, handed.notes, begun),
            campaign=order.campaign,
            **handed.story(),
        )

    async def _accept(self, job: _Job, trace: str) -> bool:
        """Tell the ledger; an instrument waits for its word. False: do not begin."""
        order = job.order
        accept = Progress(request=order.request, token=order.token, kind=ProgressKind.ACCEPT)
        sending = self._outbox.send(self._topic("progress", order.request), accept, trace=trace)
        if job.capability.spec.worker == "model":
            self._mesh.background(self._accept_later(job, sending), "accept")
            return True
        what = f"{order.quantity}/{order.method} for {order.requester}"
        await self._store.take_in_hand(InHand(order.request, order.token, what))
        try:
            await sending
        except RefusedError as error:
            logger.warning("order %s not begun: %s", order.request, error.what)
            await self._store.put_down(order.request)
            return False
        return True

    async def _accept_later(self, job: _Job, sending: Any) -> None:
        try:
            await sending
        except RefusedError as error:
            self._void(job, error.what)

    async def _send_result(self, order: wire.Order, result: Result, trace: str) -> None:
        topic = self._mesh.topics.to("result", self._outbox.ledger, order.quantity, order.method)
        identity = new_id()
        try:
            await self._outbox.send(
                topic,
                result,
                id=identity,
                durable=True,
                trace=trace,
                stored=lambda: self._store.put_down(order.request),
            )
        except LabmeshError as error:
            self.failed += 1
            logger.error("result of order %s refused: %s", order.request, error)
            if result.outcome == "resolved":
                # The ledger would not have it as it is; it must still learn that the order ended.
                failure = Failure(message=f"result refused: {error.what}"[:4000])
                sorry = result.model_copy(
                    update={
                        "outcome": "failed", "failure": failure, "data": {},
                        "samples": (), "rating": None,
                    }
                )  # fmt: skip
                with suppress(LabmeshError):
                    await self._outbox.send(topic, sorry, durable=True, trace=trace)

    def _failure(self, job: _Job, notes: JsonObject, begun: int, error: OrderError) -> Result:
        self.failed += 1
        order = job.order
        logger.warning("order %s failed: %s", order.request, error)
        story = job.handed.story() if job.handed else {"parameters": order.parameters}
        return Result(
            request=order.request,
            token=order.token,
            quantity=order.quantity,
            method=order.method,
            outcome="failed",
            failure=Failure(
                message=error.what[:4000],
                where=error.where[:4000],
                remedy=error.remedy[:4000],
                retryable=error.retryable,
            ),
            provenance=self._provenance(job, notes, begun),
            campaign=order.campaign,
            **story,
        )

    def _provenance(self, job: _Job, notes: JsonObject, begun: int) -> Provenance:
        return Provenance(
            software=self._identity.software,
            host=socket.gethostname(),
            instrument=self._identity.instrument,
            simulated=job.capability.spec.simulated,
            parameters=self._identity.parameters(),
            begun=begun,
            ended=self._mesh.clock.now(),
            notes=unpack(pack(notes)),
        )

    @asynccontextmanager
    async def _signs_of_life(self, job: _Job) -> AsyncIterator[None]:
        async def beat() -> None:
            word = Progress(
                request=job.order.request, token=job.order.token, kind=ProgressKind.HEARTBEAT
            )
            while True:
                await asyncio.sleep(job.order.lease / 3)
                self._mesh.post(self._topic("progress", job.order.request), word)

        task = asyncio.get_running_loop().create_task(
            beat(), name=f"{self._mesh.me} heartbeat {job.order.request}"
        )
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _report(self, progress: Progress) -> None:
        self._mesh.post(self._topic("progress", progress.request), progress)

    def _topic(self, kind: str, request: UUID) -> str:
        return self._mesh.topics.to(kind, self._outbox.ledger, str(request))
