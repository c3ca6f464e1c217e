"""Cancels of requesters, decisions of persons, amendments of authors."""

from __future__ import annotations

from messages.ledger import (
    Cancel,
    Decision,
    EntryKind,
    ResultAmendment,
    ResultStatus,
    Status,
)
from nodes.broker._books import Books
from nodes.broker._door import Incoming
from nodes.broker._last_change import last_change
from nodes.broker._live import LiveRequest
from nodes.broker._refusal import Refusal
from nodes.broker._row import Row
from nodes.broker._samples import write_off
from nodes.broker._status import RESULT_TRANSITIONS


def take_cancel(books: Books, incoming: Incoming, cancel: Cancel) -> Row:
    """Retract a request; whoever has it in hand is told.

    An instrument that has begun is asked to stop, and has its say.

    Raises:
        Refusal: It has ended, is not known, is somebody else's, or is being cancelled already.
    """
    request = _live(books, str(cancel.request), incoming.author)
    if request.requester != incoming.author:
        raise Refusal(
            "author",
            f"request {request.id} is {request.requester}'s, not {incoming.author}'s",
            remedy="its requester may cancel it; a person may abandon it once it is held",
        )
    words = cancel.reason or "cancelled by its requester"
    if request.status is Status.CANCELING:
        raise Refusal("ended", f"request {request.id} is canceling already")
    if request.status is Status.RUNNING and request.order and request.order.instrument:
        return books.change(request, Status.CANCELING, words, cause=incoming)
    result = write_off(books, request, f"cancelled in mid-action: {words}")
    return books.change(request, Status.RETRACTED, words, cause=incoming, result=result)


def take_decision(books: Books, incoming: Incoming, decision: Decision) -> Row:
    """Release or abandon a held request.

    Raises:
        Refusal: It is not held.
    """
    request = _live(books, str(decision.request), incoming.author)
    if request.status is not Status.HELD:
        raise Refusal(
            "decision",
            f"request {request.id} is {request.status.value}; only a held one is decided",
        )
    release = decision.decision == "release"
    after = Status.PENDING if release else Status.ABANDONED
    words = f"{'released' if release else 'abandoned'} by {decision.person or incoming.author}"
    if decision.reason:
        words = f"{words}: {decision.reason}"
    result = None if release else write_off(books, request, words)
    return books.change(request, after, words, cause=incoming, result=result)


def take_amendment(books: Books, incoming: Incoming, amendment: ResultAmendment) -> Row:
    """Mark a result as amended or deleted.

    Raises:
        Refusal: It is not known, is somebody else's, or has been deleted.
    """
    identity = str(amendment.result)
    found = books.batch.result_states.get(identity)
    if found is None:
        stored = books.store.result(identity)
        if stored is None:
            raise Refusal("result", f"no result {identity} is known", where="result")
        found = (stored.status, stored.author)
    status, author = found
    if author != incoming.author:
        raise Refusal("author", f"result {identity} is {author}'s, not {incoming.author}'s")
    if amendment.status not in RESULT_TRANSITIONS[ResultStatus(status)]:
        raise Refusal(
            "result",
            f"a result cannot go from {status} to {amendment.status.value}",
            where="status",
        )
    row = books.append_message(EntryKind.RESULT_STATUS, incoming)
    books.batch.result_states[identity] = (amendment.status.value, author)
    return row


def _live(books: Books, identity: str, author: str) -> LiveRequest:
    request = books.live.get(identity)
    if books.guard.is_away(author) and books.guard.hides_request(identity):
        # Its requester may still take it back; to others of another site it is not there.
        if request is None or request.requester != author:
            raise Refusal("request", f"no request {identity} is known", where="request")
        return request
    if request is not None:
        return request
    ended = last_change(books, identity)
    if ended is None:
        raise Refusal("request", f"no request {identity} is known", where="request")
    raise Refusal("ended", f"request {identity} is {ended.status} already")
