"""Reading the ledger's present from its database."""

from __future__ import annotations

from sys import intern

from labmesh.tracing import trace_of
from messages.envelope import validate
from messages.ledger import Offer, Status
from nodes.broker._books import Books
from nodes.broker._catalogue import Key, KnownCapability, Standing
from nodes.broker._live import LiveRequest, Order
from nodes.broker._status import HAS_ORDER


def load(books: Books, *, confirmed: bool) -> None:
    """Fill empty books.

    Args:
        books: The books; presences and lifecycle states in them stay.
        confirmed: Whether the offers on record have been heard by this process. Those in ``books``
            that were stay so.
    """
    catalogue, compiled = books.catalogue, books.schemas
    catalogue.capabilities.clear()
    for body in books.store.capabilities():
        capability = KnownCapability(
            quantity=body["quantity"],
            method=body["method"],
            version=body["version"],
            description=body["description"],
            parameters=compiled.compile(body["parameters_schema"]),
            result=compiled.compile(body["result_schema"]),
            active=body["active"],
        )
        catalogue.capabilities[capability.key] = capability
    heard = {(s.node, s.key) for s in catalogue.all_offers() if s.confirmed}
    for standing in catalogue.all_offers():
        catalogue.withdraw(standing.node, standing.key)
    for body in books.store.offers():
        offer = validate(Offer, body["offer"], where="offer")
        limitations = compiled.compile(offer.limitations)
        standing = Standing(body["node"], offer, limitations)
        standing.confirmed = confirmed or (standing.node, standing.key) in heard
        catalogue.put(standing)
    _load_requests(books)


def _load_requests(books: Books) -> None:
    # Of many requests few differ in these: let them share what is equal.
    keys: dict[Key, Key] = {}
    for row in books.store.live():
        status = Status(row.status)
        order: Order | None = None
        if status in HAS_ORDER:
            order = Order(
                token=row.token,
                worker=row.worker,
                epoch=row.order_epoch,
                attempt=row.attempt,
                instrument=row.order_kind == "instrument",
                lease=row.order_lease,
            )
        books.restore(
            LiveRequest(
                id=row.uuid,
                offset=row.offset,
                key=keys.setdefault(key := (row.quantity, row.method), key),
                requester=intern(row.author),
                campaign=intern(row.campaign) if row.campaign else row.campaign,
                priority=row.priority,
                attempts=row.attempts,
                expires=row.expires,
                sample=row.sample,
                sample_state=row.sample_state or 0,
                status=status,
                begun=row.attempt - 1 if status is Status.RESERVED else row.attempt,
                order=order,
                since=row.load_time,
                trace=trace_of(row.uuid),
            )
        )
