"""What the ledger tells of its work as it goes on: for traces, and for metrics.

A step per message that begins with its validation and ends with the commit of its batch; below it
one for the validation and one for the commit, and one for each order that is given in the batch.
"""

from __future__ import annotations

import time
from typing import Protocol

from labmesh.tracing import Span, Tracer, message_attributes, request_attributes, trace_of
from messages.ids import NodeId
from messages.ledger import Progress, Request, Result
from messages.topics import Topics
from nodes.broker._books import Books
from nodes.broker._door import Incoming


class Watch:
    """Hands traces on, and does nothing else. Called in the ledger's thread."""

    def taking(self, incoming: Incoming) -> str:
        """Begin with a message; return the traceparent of what follows from it, or nothing."""
        return incoming.header.trace

    def taken(self, why: str) -> None:
        """Say that the message has been taken, or refused for a reason."""

    def writing(self) -> None:
        """Say that the batch is about to be written."""

    def written(self, books: Books, commands: int) -> None:
        """Say that a batch of so many messages and commands is written."""

    def undone(self) -> None:
        """Say that the batch was not written; its messages are taken again."""


class Meter(Protocol):
    """Counts batches."""

    def batch(self, books: Books, commands: int, seconds: float) -> None:
        """Count a batch that took ``seconds`` to be written."""
        ...


class ActiveWatch(Watch):
    """Records spans, counts batches, or both.

    Args:
        topics: Of the ledger.
        tracer: Records spans, or not.
        meter: Counts, where there is one.
    """

    def __init__(self, topics: Topics, tracer: Tracer, meter: Meter | None) -> None:
        self._topics = topics
        self._tracer = tracer
        self._meter = meter
        self._steps: list[Span] = []
        self._validating: Span | None = None
        self._began = 0

    def taking(self, incoming: Incoming) -> str:
        """Begin a step where the message belongs to a trace, as every request does."""
        trace = incoming.header.trace
        if not trace and isinstance(incoming.message, Request):
            trace = trace_of(incoming.id)
        if not self._tracer.recording or not trace:
            return trace
        step = self._tracer.begin(
            f"process {_word(incoming)}", "consumer", parent=trace, attributes=_known(incoming)
        )
        self._steps.append(step)
        self._validating = self._tracer.begin("validate", parent=step.traceparent)
        return step.traceparent

    def taken(self, why: str) -> None:
        """End the validation."""
        step, self._validating = self._validating, None
        if step is not None:
            if why:
                step.fail(why)
                self._steps[-1].fail(why)
            step.end()

    def writing(self) -> None:
        """Note the time."""
        self._began = time.time_ns()

    def written(self, books: Books, commands: int) -> None:
        """End every step of the batch, and show the orders that it gives."""
        now = time.time_ns()
        if self._meter is not None:
            self._meter.batch(books, commands, (now - self._began) / 1e9)
        steps, self._steps = self._steps, []
        wrote = {"labmesh.entries": len(books.batch.rows), "labmesh.messages": commands}
        for step in steps:
            self._tracer.begin(
                "commit", parent=step.traceparent, at=self._began, attributes=wrote
            ).end(now)
            step.end(now)
        if self._tracer.recording:
            self._show_orders(books, now)

    def undone(self) -> None:
        """Forget the batch's steps."""
        self._steps.clear()

    def _show_orders(self, books: Books, now: int) -> None:
        batch = books.batch
        for offset, (worker, order) in batch.orders.items():
            topic = self._topics.to("order", NodeId.parse(worker), str(order.request))
            waited = books.live[str(order.request)].since if str(order.request) in books.live else 0
            step = self._tracer.begin(
                "dispatch order",
                "producer",
                parent=batch.traces.get(offset, ""),
                at=self._began,
                attributes={
                    **message_attributes("send", topic),
                    **request_attributes(
                        order.request, order.quantity, order.method, order.campaign
                    ),
                    "labmesh.worker": worker,
                    "labmesh.attempt": order.attempt,
                    "labmesh.offset": offset,
                    "labmesh.waited": (books.now.wall - waited) / 1e9 if waited else None,
                },
            )
            batch.traces[offset] = step.traceparent
            step.end(now)


def _word(incoming: Incoming) -> str:
    message = incoming.message
    return message.kind.value if isinstance(message, Progress) else incoming.topic.kind


def _known(incoming: Incoming) -> dict[str, str | int | float | bool | None]:
    message, topic = incoming.message, incoming.topic
    known = dict(message_attributes("process", topic.name, incoming.id))
    known["labmesh.author"] = incoming.author
    if isinstance(message, Request):
        known |= request_attributes(incoming.id, message.quantity, message.method, message.campaign)
    elif isinstance(message, Result):
        known |= request_attributes(
            message.request or "", message.quantity, message.method, message.campaign
        )
    elif request := getattr(message, "request", None):
        known |= request_attributes(request)
    return known
