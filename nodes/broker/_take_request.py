"""Requests at the door."""

from __future__ import annotations

from typing import Final

from messages.ledger import EntryKind, Request
from nodes.broker._books import Books
from nodes.broker._catalogue import Key, KnownCapability
from nodes.broker._door import Incoming
from nodes.broker._live import LiveRequest
from nodes.broker._refusal import Refusal
from nodes.broker._row import Row
from nodes.broker._samples import check_start
from nodes.broker._take_declaration import check_request_access

_LISTED: Final = 12
"""Most names in a refusal."""


def take_request(books: Books, incoming: Incoming, request: Request) -> Row:
    """Accept a request, or say why not.

    Raises:
        Refusal: It is confidential and from another site; no such capability, parameters out of its
            schema, no online offer that would take them (unless ``wait``), a deadline in the past,
            a sample in another state or in one that nobody can vouch for.
    """
    confidential = check_request_access(books, incoming)
    key = (request.quantity, request.method)
    capability = _capability(books, key)
    if not capability.parameters.accepts(request.parameters):
        raise Refusal(
            "parameters", capability.parameters.complaint(request.parameters, "parameters")
        )
    if request.expires is not None and request.expires <= books.now.wall:
        ago = (books.now.wall - request.expires) / 1e9
        raise Refusal(
            "expired",
            f"passed {ago:.3g} s before the request came",
            where="expires",
            remedy="it is wall time, ns UTC, by the ledger's clock: see that yours is right",
        )
    if not request.wait:
        _check_offers(books, key, request, confidential=confidential)
    start = request.from_state
    if start is not None:
        check_start(start.sample, books.sample(start.sample), start.state)
    row = books.append_message(EntryKind.REQUEST, incoming)
    books.admit(
        LiveRequest(
            id=incoming.id,
            offset=row.offset,
            key=key,
            requester=incoming.author,
            campaign=request.campaign,
            priority=request.priority,
            attempts=request.attempts,
            expires=request.expires,
            sample=start.sample if start else None,
            sample_state=start.state if start else 0,
        ),
        request.parameters,
    )
    return row


def _capability(books: Books, key: Key) -> KnownCapability:
    capability = books.catalogue.capabilities.get(key)
    name = "/".join(key)
    if capability is None:
        methods = sorted(m for q, m in books.catalogue.capabilities if q == key[0])
        known = f"methods of {key[0]}: {', '.join(methods)}" if methods else _quantities(books)
        raise Refusal("capability", f"nobody ever offered {name}", where="quantity", remedy=known)
    if not capability.active:
        raise Refusal(
            "capability", f"{name} is not active", where="quantity",
            remedy="start a node that offers it",
        )  # fmt: skip
    return capability


def _quantities(books: Books) -> str:
    known = sorted({quantity for quantity, _ in books.catalogue.capabilities})
    if not known:
        return "start a node that offers it"
    more = ", ..." if len(known) > _LISTED else ""
    return f"there are {', '.join(known[:_LISTED])}{more}"


def _check_offers(books: Books, key: Key, request: Request, *, confidential: bool) -> None:
    reasons: list[str] = []
    here = books.guard.here
    for standing in books.catalogue.offers(key):
        if confidential and books.guard.is_away(standing.node):
            why = f"not at site {here}, and the request is confidential"
        elif not standing.limitations.accepts(request.parameters):
            why = standing.limitations.complaint(request.parameters, "parameters")
        elif books.catalogue.online(standing.node):
            return
        else:
            why = books.catalogue.condition(standing.node)
        reasons.append(f"{standing.node}: {why}")
    words = " | ".join(sorted(reasons))[:3000]
    name = "/".join(key)
    raise Refusal(
        "offer",
        f"no offer of {name} fits ({words})" if reasons else f"nobody offers {name} at present",
        remedy="change the parameters, or set wait to let it wait for an offer",
    )
