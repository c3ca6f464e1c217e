"""A worker's words about its order before the result."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from messages.ledger import OrderCancel, Progress, ProgressKind, Status
from nodes.broker._books import Books
from nodes.broker._door import Incoming
from nodes.broker._last_change import last_change
from nodes.broker._live import LiveRequest, Order
from nodes.broker._refusal import Refusal
from nodes.broker._row import Row
from nodes.broker._samples import write_off
from nodes.broker._status import HAS_ORDER

_SIGNS_OF_LIFE: Final = frozenset(
    {ProgressKind.HEARTBEAT, ProgressKind.FEEDBACK, ProgressKind.STOPPING}
)


def take_progress(books: Books, incoming: Incoming, progress: Progress) -> Row | None:
    """Begin, give back, stop, go on, or renew a lease (nothing is journalled then: None).

    Raises:
        Refusal: The order is not this worker's any more. A heartbeat is never refused: its sender
            is told that the order is void.
    """
    if progress.kind in _SIGNS_OF_LIFE:
        _sign_of_life(books, incoming, progress)
        return None
    request = standing_order(books, incoming, str(progress.request), progress.token)
    if progress.kind is ProgressKind.ACCEPT:
        if request.status is Status.RUNNING:
            raise Refusal("token", f"order {progress.token} is running already")
        if request.status in (Status.HELD, Status.CANCELING):
            held = request.status is Status.HELD
            why = "held for a person to decide" if held else "canceling"
            raise Refusal("token", f"order {progress.token} is {why}", remedy="do not begin it")
        return books.change(request, Status.RUNNING, progress.text or "accepted", cause=incoming)
    if progress.kind is ProgressKind.GOES_ON:
        if request.status is not Status.CANCELING:
            raise Refusal(
                "token", f"order {progress.token} is {request.status.value}, not canceling"
            )
        words = f"not stopped: {progress.text or 'it may not be stopped now'}"
        return books.change(request, Status.RUNNING, words, cause=incoming)
    if progress.kind is ProgressKind.STOPPED:
        if request.status is Status.RESERVED:
            raise Refusal("token", f"order {progress.token} has not begun")
        words = progress.text or "cancelled by its requester"
        result = write_off(books, request, f"cancelled in mid-action: {words}")
        return books.change(request, Status.RETRACTED, words, cause=incoming, result=result)
    if request.status is not Status.RESERVED:
        raise Refusal(
            "token",
            f"order {progress.token} is {request.status.value}, too late to decline",
            remedy="send a failed result",
        )
    books.avoid(request, incoming.author)
    return books.change(
        request, Status.PENDING, progress.text or f"{incoming.author} declined", cause=incoming
    )


def standing_order(books: Books, incoming: Incoming, request_id: str, token: int) -> LiveRequest:
    """Return the request whose order stands with this author and token.

    Raises:
        Refusal: There is none; both tokens are named.
    """
    request = books.live.get(request_id)
    order = request.order if request is not None else None
    if request is None or order is None:
        raise _fenced(books, request_id, token)
    if order.token != token:
        age = "is old" if token < order.token else "has not been given out"
        raise Refusal(
            "token",
            f"token {token} {age}: order {order.token} of attempt {order.attempt} stands, "
            f"with {order.worker}",
        )
    if order.worker != incoming.author:
        raise Refusal("author", f"order {token} is with {order.worker}, not {incoming.author}")
    return request


def _fenced(books: Books, request_id: str, token: int) -> Refusal:
    """Say why a token does not count although no other order stands."""
    last, live = last_change(books, request_id), books.live.get(request_id)
    known = last.token if last is not None else None
    had = "none has been given out" if known is None else f"the last one was {known}"
    if live is not None:
        return Refusal(
            "token",
            f"token {token} is void: the request is {live.status.value} and no order stands; {had}",
        )
    if last is not None:
        return Refusal("ended", f"request {request_id} is {last.words()}; token {token}, {had}")
    return Refusal("request", f"no request {request_id} is known", where="request")


def _sign_of_life(books: Books, incoming: Incoming, progress: Progress) -> None:
    request = books.live.get(str(progress.request))
    order = request.order if request is not None else None
    if request is None or order is None or not _same(order, incoming, progress):
        void = OrderCancel(
            request=UUID(str(progress.request)),
            token=progress.token,
            reason="the order does not stand any more",
        )
        books.batch.voids.append((incoming.author, void))
        return
    if request.status is Status.HELD and incoming.header.epoch == order.epoch:
        # Lost only to us: the very process that began is still at it.
        books.change(request, Status.RUNNING, f"{order.worker} was heard again", by=order.worker)
    if request.status in HAS_ORDER and request.status is not Status.HELD:
        books.renew(request)
    if request.status is Status.CANCELING and progress.kind is not ProgressKind.STOPPING:
        # Asked again with each sign of life: the first time may not have reached it.
        ask = OrderCancel(
            request=UUID(request.id), token=order.token, reason="cancelled by its requester",
            ask=True,
        )  # fmt: skip
        books.batch.voids.append((order.worker, ask))


def _same(order: Order, incoming: Incoming, progress: Progress) -> bool:
    return order.worker == incoming.author and order.token == progress.token
