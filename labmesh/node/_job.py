"""An order as its worker has it in hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import messages.ledger as wire
from labmesh.node._capability import BoundCapability
from labmesh.node._order import Order
from messages.errors import OrderError


@dataclass(slots=True, eq=False)
class Job:
    """An order in hand.

    Attributes:
        after: The attempt it supersedes, which must have ended first.
        void: Why the order does not stand any more, or None.
        asked: Why the ledger asked an instrument to stop, or None; the order stands meanwhile.
        answered: A result was sent: there is nothing more to say.
        accept: A model's ACCEPT that is held back for a moment.
        announced: The ledger has been, or is being, told that it begins.
        begun: The handler was called.
        ended: The handler is done; its result is on its way.
        stopping: The node told it to stop.
        aborted: Why it was broken off for good, or None.
    """

    order: wire.Order
    capability: BoundCapability
    after: asyncio.Task[None] | None = None
    task: asyncio.Task[None] | None = None
    handed: Order[Any] | None = None
    void: str | None = None
    asked: str | None = None
    answered: bool = False
    accept: asyncio.TimerHandle | None = None
    announced: bool = False
    begun: bool = False
    ended: bool = False
    stopping: bool = False
    aborted: OrderError | None = None

    @property
    def what(self) -> str:
        """Say in words what it is."""
        order = self.order
        return f"{order.quantity}/{order.method} for {order.requester}, request {order.request}"
