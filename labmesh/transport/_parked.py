"""Messages of a resumed session that came before their handler."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from labmesh.transport._acks import Ticket
from labmesh.transport._api import Delivery
from labmesh.transport._dispatch import deliver_to, subscription_id
from labmesh.transport._route import Route
from messages.topics import matches

log = logging.getLogger("labmesh.transport")

GRACE: Final = 30.0
"""Seconds after a session was resumed in which a handler may still turn up."""


class Parked:
    """Keeps messages unacknowledged until a handler wants them or the grace is over.

    A process that resumes a session gets what it missed before it could subscribe, some of it in
    one piece with the CONNACK. To acknowledge that would lose it; to keep it for ever would block
    the connection.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._messages: list[tuple[Delivery, Ticket, tuple[int, ...]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to keep messages."""
        self.clear()
        self._timer = asyncio.get_running_loop().call_later(GRACE, self._give_up)

    def keep(self, delivery: Delivery, ticket: Ticket, subscriptions: tuple[int, ...]) -> bool:
        """Keep a message; return false when it is too late for that."""
        if self._timer is None:
            return False
        self._messages.append((delivery, ticket, subscriptions))
        return True

    def offer(self, route: Route) -> None:
        """Hand a new handler what it wants."""
        messages, self._messages = self._messages, []
        own = subscription_id(route.pattern)
        for delivery, ticket, subscriptions in messages:
            meant = not subscriptions or own in subscriptions
            if meant and matches(route.pattern, delivery.topic):
                deliver_to(route, delivery, ticket)
                ticket.release()
            else:
                self._messages.append((delivery, ticket, subscriptions))

    def clear(self) -> None:
        """Forget the messages unacknowledged: their connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._messages = []

    def _give_up(self) -> None:
        messages = self._messages
        self.clear()
        for delivery, ticket, _ in messages:
            log.warning("%s: nobody here wants %s", self._name, delivery.topic)
            ticket.release()
