"""Requests that have not ended, as the ledger holds them in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from messages.ledger import Status
from nodes.broker._catalogue import Key


@dataclass(slots=True)
class Order:
    """Who has a request in hand, under which terms."""

    token: int
    worker: str
    epoch: int
    attempt: int
    instrument: bool
    lease: float


@dataclass(slots=True, eq=False)
class LiveRequest:
    """A request that has not ended. Its parameters are kept elsewhere: they may be large."""

    id: str
    offset: int
    key: Key
    requester: str
    campaign: str | None
    priority: int
    attempts: int
    expires: int | None
    sample: str | None
    sample_state: int
    status: Status = Status.PENDING
    begun: int = 0
    """Attempts that began."""
    order: Order | None = None
    fits: frozenset[str] | None = None
    """Hashes of the limitations its parameters satisfy, as of the last look; None before."""
    queued: bool = False
    """Whether it waits in the queue."""
    avoid: dict[str, float] = field(default_factory=dict)
    """Nodes that declined or were lost, and until when (monotonic) they are not asked again."""
    declined: int = 0
    since: int = 0
    """When it was accepted, ns UTC by the ledger's clock."""
    trace: str = ""
    """Traceparent of the last step that was taken for it."""
