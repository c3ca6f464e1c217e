"""What nodes say of themselves: offers, presence, lifecycle."""

from __future__ import annotations

from typing import Final

from messages.errors import BodyError
from messages.ledger import Capability, EntryKind, Offer, OfferChange, Status
from messages.node import Lifecycle, Presence
from nodes.broker._books import Books
from nodes.broker._catalogue import Key, KnownCapability, Standing
from nodes.broker._lose import lose
from nodes.broker._refusal import Refusal

_PARTING: Final = 2.0
"""Wall seconds that a node which said goodbye has for its last results to arrive; they come by
another connection and may be overtaken."""

_AT_ONCE: Final = 500
"""Requests whose parameters are read together."""

_LARGEST: Final = 2**31 - 1
"""Of the integer columns for an offer's version and slots."""


def take_offer(books: Books, node: str, offer: Offer) -> None:
    """Take an offer: entries only for what is new.

    Raises:
        Refusal: A schema is none or could take for ever, or differs from the active capability's at
            the same version; a number is beyond what a database's integer holds.
    """
    key = (offer.quantity, offer.method)
    for name, number in (("version", offer.version), ("slots", offer.slots)):
        if number > _LARGEST:
            raise Refusal("offer", f"{number} is more than {_LARGEST}", where=name)
    try:
        parameters = books.schemas.compile(offer.parameters_schema)
        result = books.schemas.compile(offer.result_schema)
        limitations = books.schemas.compile(offer.limitations)
    except BodyError as error:
        words = f"{error.what} (offer of {'/'.join(key)})"
        raise Refusal("offer", words, remedy=error.remedy) from None
    known = books.catalogue.capabilities.get(key)
    if known is not None and known.active and offer.version <= known.version:
        _check_same(offer, known, parameters.hash, result.hash)
    else:
        capability = KnownCapability(
            quantity=offer.quantity,
            method=offer.method,
            version=offer.version,
            description=offer.description,
            parameters=parameters,
            result=result,
            active=True,
        )
        books.catalogue.capabilities[key] = capability
        books.append(EntryKind.CAPABILITY, capability.body(), Capability, author=node)
        _drop_misfits(books, capability)
    standing = books.catalogue.offer(node, key)
    if standing is None or standing.offer != offer:
        body = {
            "node": node, "quantity": key[0], "method": key[1], "offer": offer.model_dump()
        }  # fmt: skip
        books.append(EntryKind.OFFER, body, OfferChange, author=node)
    limits = set(books.catalogue.limits(key))
    books.catalogue.put(Standing(node, offer, limitations))
    if not limits.issuperset(books.catalogue.limits(key)):
        books.requeue(key)
    books.dirty.add(key)


def withdraw_offer(books: Books, node: str, key: Key) -> None:
    """A node withdrew an offer. Orders it has stay with it."""
    if books.catalogue.withdraw(node, key) is None:
        return
    body = {"node": node, "quantity": key[0], "method": key[1], "offer": None}
    books.append(EntryKind.OFFER, body, OfferChange, author=node)


def withdraw_unconfirmed(books: Books) -> None:
    """Withdraw the offers of an earlier time that nobody has repeated since the ledger's start."""
    for standing in books.catalogue.all_offers():
        if not standing.confirmed:
            withdraw_offer(books, standing.node, standing.key)


def take_presence(books: Books, node: str, presence: Presence) -> None:
    """A node came, left or was lost."""
    if not books.catalogue.hear(node, presence):
        return
    for identity in sorted(books.by_worker.get(node, ())):
        request = books.live[identity]
        order = request.order
        if order is None:
            continue
        if presence.state == "online":
            if presence.epoch > order.epoch and request.status is not Status.HELD:
                lose(books, request, f"{node} started anew")
        elif request.status is Status.RESERVED:
            lose(books, request, f"{node} is {presence.state}")
        elif request.status is Status.RUNNING and presence.state == "offline":
            books.leases.set(identity, books.now.mono + _PARTING)
    mark_node(books, node)


def take_link(books: Books, topic: str, payload: bytes) -> None:
    """The link of a site may have broken or come back: what its nodes said counts or not.

    What waits at a node beyond a broken link is given to another; what runs there has its lease.
    """
    catalogue = books.catalogue
    catalogue.links.take(topic, payload)
    for node, reached in catalogue.newly_reached().items():
        for identity in sorted(books.by_worker.get(node, ())):
            request = books.live[identity]
            if request.status is Status.RESERVED and not reached:
                lose(books, request, f"{node} is {catalogue.condition(node)}")
        mark_node(books, node)


def take_lifecycle(books: Books, node: str, lifecycle: Lifecycle | None) -> None:
    """A node changed its lifecycle state, or cleared it."""
    books.catalogue.set_state(node, lifecycle.state if lifecycle else None)
    mark_node(books, node)


def mark_node(books: Books, node: str) -> None:
    """Look anew at what a node could serve."""
    books.dirty |= books.catalogue.offers_of(node)


def _check_same(offer: Offer, known: KnownCapability, parameters: str, result: str) -> None:
    name = f"{offer.quantity}/{offer.method}"
    if offer.version < known.version:
        raise Refusal(
            "offer",
            f"{name} is at version {known.version}, the offer is of version {offer.version}",
            where="version",
            remedy="update the node's package",
        )
    for field, ours, theirs in (
        ("parameters_schema", known.parameters.hash, parameters),
        ("result_schema", known.result.hash, result),
    ):
        if ours != theirs:
            raise Refusal(
                "offer",
                f"differs from that of {name} version {known.version} as first offered",
                where=field,
                remedy="raise the capability's version, or run the same version on every node",
            )


def _drop_misfits(books: Books, capability: KnownCapability) -> None:
    """End what waits and does not satisfy a capability's new schema."""
    waiting = [
        request
        for request in books.live.values()
        if request.key == capability.key and request.status is Status.PENDING
    ]
    for start in range(0, len(waiting), _AT_ONCE):
        some = waiting[start : start + _AT_ONCE]
        for request, parameters in zip(some, books.parameters_of(some), strict=True):
            if not capability.parameters.accepts(parameters):
                why = capability.parameters.complaint(parameters, "parameters")
                words = f"does not satisfy version {capability.version} of the capability: {why}"
                books.change(request, Status.FAILED, words)
