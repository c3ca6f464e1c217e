"""Dispatch: each free slot to the request whose turn it is."""

from __future__ import annotations

from messages.ledger import Status
from nodes.broker._books import Books
from nodes.broker._catalogue import Catalogue, Key, Standing
from nodes.broker._live import LiveRequest, Order


def dispatch(books: Books) -> None:
    """Reserve whatever can be reserved now."""
    while books.dirty:
        key = books.dirty.pop()
        while _serve_one(books, key):
            pass


def choose(
    catalogue: Catalogue, request: LiveRequest, free: list[Standing], now: float
) -> Standing | None:
    """Return the offer for a request: the least busy, then the one that has waited longest."""
    best: Standing | None = None
    best_rank: tuple[float, int, str] | None = None
    for standing in free:
        if standing.limitations.hash not in request.fits:
            continue
        if request.avoid.get(standing.node, now) > now:
            continue
        where = (standing.node, standing.key)
        rank = (
            catalogue.busy[where] / standing.offer.slots,
            catalogue.last_served.get(where, -1),
            standing.node,
        )
        if best_rank is None or rank < best_rank:
            best, best_rank = standing, rank
    return best


def _serve_one(books: Books, key: Key) -> bool:
    """Deal with the request whose turn it is; return whether another may follow."""
    free = books.catalogue.free(key)
    if not free:
        return False
    limits = {standing.limitations.hash for standing in free}
    for request in books.queue.in_order(key, lambda fits: not limits.isdisjoint(fits)):
        books.queue.pop(request)
        _deal(books, request, free)
        return True
    return False


def _deal(books: Books, request: LiveRequest, free: list[Standing]) -> None:
    if request.sample is not None:
        if request.sample in books.sample_in_hand:
            books.waiting_for_sample[request.sample].append(request)
            return
        last = books.sample_state(request.sample)
        if last != request.sample_state:
            words = (
                f"sample {request.sample} has moved on to state {last}; "
                f"the request begins from {request.sample_state}"
            )
            books.change(request, Status.FAILED, words)
            return
    now = books.now.mono
    chosen = choose(books.catalogue, request, free, now)
    if chosen is None:
        # Every free offer has declined it of late: ask again when the first of them may be asked.
        waits = (request.avoid.get(s.node, now) for s in free)
        books.wakes.set(request.id, min(at for at in waits if at > now))
        return
    order = Order(
        token=-1,
        worker=chosen.node,
        epoch=books.catalogue.epoch(chosen.node),
        attempt=request.begun + 1,
        instrument=chosen.offer.worker == "instrument",
        lease=chosen.offer.lease,
    )
    books.queue.served(request)
    books.catalogue.last_served[chosen.node, chosen.key] = books.head.offset + 1
    books.change(request, Status.RESERVED, f"given to {chosen.node}", give_to=(chosen, order))
