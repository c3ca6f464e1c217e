"""Acknowledgements of one connection, sent in the order the messages came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class AckQueue:
    """What came by one connection and is not yet acknowledged (MQTT 5 section 4.6).

    A packet identifier means nothing on the next connection, so each connection has its own queue;
    once closed, late words are ignored and the MQTT broker redelivers.
    """

    def __init__(self, send: Callable[[int], None]) -> None:
        self._send = send
        self._tickets: deque[Ticket] = deque()
        self._closed = False

    def expect(self, mid: int) -> Ticket:
        """Return the ticket of the message ``mid`` that has just arrived."""
        ticket = Ticket(self, mid)
        self._tickets.append(ticket)
        return ticket

    def close(self) -> None:
        """Send nothing any more."""
        self._closed = True
        self._tickets.clear()

    def settle(self) -> None:
        """Acknowledge from the front whatever is finished."""
        tickets = self._tickets
        while tickets and not tickets[0].holders and not self._closed:
            self._send(tickets.popleft().mid)


class Ticket:
    """One message; acknowledged when nobody holds it any more."""

    __slots__ = ("_queue", "holders", "mid")

    def __init__(self, queue: AckQueue, mid: int) -> None:
        self._queue = queue
        self.mid = mid
        self.holders = 1

    def hold(self) -> None:
        """Wait for one more `release`."""
        self.holders += 1

    def release(self) -> None:
        """Say that one holder is done."""
        self.holders -= 1
        if not self.holders:
            self._queue.settle()


class Release:
    """A callable that releases a ticket at most once: what ``Delivery.ack`` is."""

    __slots__ = ("_ticket",)

    def __init__(self, ticket: Ticket) -> None:
        self._ticket: Ticket | None = ticket

    def __call__(self) -> None:
        """Release, the first time."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.release()
