"""What becomes of an order whose worker is lost."""

from __future__ import annotations

from messages.ledger import Status
from nodes.broker._books import Books
from nodes.broker._live import LiveRequest


def lose(books: Books, request: LiveRequest, why: str) -> None:
    """Take a request back from a lost worker.

    What had not begun may be begun by another; a model's work is repeated while attempts are left;
    nobody but a person decides about an instrument that vanished in mid-action.
    """
    order = request.order
    if order is None:
        return
    if request.status is Status.RESERVED:
        books.avoid(request, order.worker)
        books.change(request, Status.PENDING, f"{why} before it began")
    elif order.instrument:
        books.change(
            request, Status.HELD, f"{why} in mid-action: look at the instrument, then decide"
        )
    elif request.begun < request.attempts:
        books.avoid(request, order.worker)
        books.change(request, Status.PENDING, f"{why} during attempt {request.begun}")
    else:
        books.change(
            request, Status.FAILED, f"{why} during the last of {request.attempts} attempts"
        )
