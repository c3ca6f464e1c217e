"""One handler on one filter."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from labmesh.transport._acks import Ticket
from labmesh.transport._api import Delivery, Handler, TransportStats

log = logging.getLogger("labmesh.transport")

QUEUE: Final = 10_000
"""QoS 0 messages that wait for a coroutine handler. QoS 1 is bounded by the Receive Maximum."""

_REMEMBERED: Final = 4096
"""Topics with a live message that a route remembers, to know a replayed value as old."""


class Route:
    """A live subscription: runs its handler, keeps order, contains its errors."""

    def __init__(
        self,
        pattern: str,
        handler: Handler,
        *,
        qos: int,
        manual_ack: bool,
        name: str,
        stats: TransportStats,
        cancel: Callable[[Route], None],
    ) -> None:
        self._pattern = pattern
        self._handler = handler
        self.qos = qos
        self.manual_ack = manual_ack
        self.active = True
        self._name = name
        self._stats = stats
        self._cancel = cancel
        self._coroutine = _is_coroutine_function(handler)
        self._queue: deque[tuple[Delivery, Ticket | None, Awaitable[None] | None]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._replayed: set[str] = set()
        self._live: dict[str, None] = {}

    @property
    def pattern(self) -> str:
        """The topic filter."""
        return self._pattern

    async def cancel(self) -> None:
        """Stop delivering; the handler may finish the message it has in hand. Idempotent."""
        if self.active:
            self._drop_queue()
            self._cancel(self)

    async def stop(self) -> None:
        """Stop delivering and cancel the handler in mid-message."""
        self._drop_queue()
        task = self._task
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])

    def wants(self, delivery: Delivery) -> bool:
        """Tell whether this is news here, and remember it.

        A retained value is replayed to everyone whose filter matches when anyone subscribes. Who
        has had a message of that topic since the subscription was made has had this value too.
        """
        topic = delivery.topic
        if delivery.retain:
            if topic in self._replayed or topic in self._live:
                return False
            self._replayed.add(topic)
        elif topic not in self._live:
            self._live[topic] = None
            if len(self._live) > _REMEMBERED:
                del self._live[next(iter(self._live))]
        return True

    def forget_replay(self) -> None:
        """Take the next retained value of every topic as news."""
        self._replayed.clear()
        self._live.clear()

    def take(self, delivery: Delivery, ticket: Ticket | None) -> None:
        """Run the handler on ``delivery``, or queue it; release ``ticket`` when it is done."""
        if self._coroutine:
            if not delivery.qos and len(self._queue) >= QUEUE:
                self._stats.dropped += 1
                return
            self._enqueue(delivery, ticket, None)
            return
        try:
            result = self._handler(delivery)
        except Exception as error:  # noqa: BLE001 - anything a handler raises stays here
            self._failed(delivery, error)
        else:
            if result is not None:
                self._enqueue(delivery, ticket, result)
                return
        if ticket is not None:
            ticket.release()

    def _enqueue(
        self, delivery: Delivery, ticket: Ticket | None, result: Awaitable[None] | None
    ) -> None:
        self._queue.append((delivery, ticket, result))
        if self._task is None:
            name = f"{self._name} handler of {self._pattern}"
            self._task = asyncio.get_running_loop().create_task(self._work(), name=name)

    async def _work(self) -> None:
        try:
            while self._queue:
                delivery, ticket, result = self._queue.popleft()
                try:
                    result = result if result is not None else self._handler(delivery)
                    if result is not None:
                        await result
                except Exception as error:  # noqa: BLE001 - as in `take`
                    self._failed(delivery, error)
                if ticket is not None:
                    ticket.release()
        finally:
            self._task = None

    def _drop_queue(self) -> None:
        self.active = False
        while self._queue:
            _, ticket, result = self._queue.popleft()
            if inspect.iscoroutine(result):
                result.close()
            if ticket is not None:
                ticket.release()

    def _failed(self, delivery: Delivery, error: Exception) -> None:
        self._stats.handler_errors += 1
        log.error(
            "handler %s of %s failed on %s (%d bytes)",
            getattr(self._handler, "__qualname__", self._handler),
            self._pattern,
            delivery.topic,
            len(delivery.payload),
            exc_info=error,
        )


def _is_coroutine_function(handler: Handler) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004 - an object with an async __call__
    )
