"""What happens because time passes."""

from __future__ import annotations

from messages.ledger import Status
from nodes.broker._books import Books
from nodes.broker._lose import lose
from nodes.broker._status import IN_HAND


def pass_time(books: Books, *, leases: bool) -> None:
    """Expire requests and leases, ask again those who declined.

    Args:
        books: What the ledger knows, its ``now`` set.
        leases: Whether leases may expire: not while the ledger itself hears nobody.
    """
    for identity in books.expiries.due(books.now.wall):
        request = books.live[identity]
        books.change(request, Status.EXPIRED, "its deadline passed before a worker began")
    if leases:
        for identity in books.leases.due(books.now.mono):
            request = books.live[identity]
            order = request.order
            if request.status in IN_HAND and order is not None:
                lose(books, request, f"{order.worker} gave no sign of life for {order.lease:g} s")
    for identity in books.wakes.due(books.now.mono):
        waiting = books.live.get(identity)
        if waiting is not None and waiting.status is Status.PENDING:
            books.enqueue(waiting)


def fresh_leases(books: Books) -> None:
    """Give every order a full lease: the ledger was deaf for a while."""
    for identity in books.leases.keys():  # noqa: SIM118 - not a mapping
        books.renew(books.live[identity])
