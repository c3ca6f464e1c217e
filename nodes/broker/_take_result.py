"""Results, asked for or not, and what they do to samples."""

from __future__ import annotations

from messages.access import DECLARATION
from messages.errors import BodyError
from messages.ledger import Capability, EntryKind, Result, Status
from messages.sample_state import UNTOUCHED
from nodes.broker._books import Books
from nodes.broker._catalogue import Key, KnownCapability
from nodes.broker._door import Incoming
from nodes.broker._live import LiveRequest
from nodes.broker._refusal import Refusal
from nodes.broker._row import Row
from nodes.broker._samples import check_steps, doubt_sample, in_doubt, write_steps
from nodes.broker._schemas import Schema
from nodes.broker._take_declaration import (
    after_declaration,
    check_declaration,
    check_result_access,
)
from nodes.broker._take_progress import standing_order


def take_result(books: Books, incoming: Incoming, result: Result) -> Row:
    """Accept a result: its entry, its samples' states, the request's end or next attempt.

    Raises:
        Refusal: The order does not stand any more, the data break the capability's result schema,
            or a sample is in another state than the result expects.
    """
    key = (result.quantity, result.method)
    request: LiveRequest | None = None
    if result.request is not None and result.token is not None:
        request = standing_order(books, incoming, str(result.request), result.token)
        if request.key != key:
            raise Refusal(
                "result",
                f"the request asked for {'/'.join(request.key)}, the result is of {'/'.join(key)}",
                where="quantity",
            )
    check_result_access(books, incoming, result)
    capability = books.catalogue.capabilities.get(key) or _from_vocabulary(books, key)
    schema = capability.result if request is None else _promised(books, incoming.author, capability)
    if result.outcome == "resolved" and not schema.accepts(result.data):
        raise Refusal(
            "data",
            schema.complaint(result.data, "data"),
            remedy="the request stays with its worker: send a valid result, or a failed one",
        )
    check_declaration(books, incoming, result)
    samples = check_steps(books, result)
    if key not in books.catalogue.capabilities:
        books.catalogue.capabilities[key] = capability
        books.append(EntryKind.CAPABILITY, capability.body(), Capability, author=incoming.author)
    row = books.append_message(EntryKind.RESULT, incoming)
    books.batch.result_states[incoming.id] = ("original", incoming.author)
    write_steps(books, incoming, result, samples)
    if request is not None:
        books.batch.parties[row.offset] = request.requester
        _conclude(books, request, incoming, result)
    if key == DECLARATION:
        after_declaration(books)
    return row


def _conclude(books: Books, request: LiveRequest, incoming: Incoming, result: Result) -> None:
    worker, identity = incoming.author, incoming.id
    if request.status is Status.RESERVED:
        # Its ACCEPT is late or lost on the way; the result says that it began.
        books.change(request, Status.RUNNING, "begun, by its result", by=worker)
    if result.failure is None:
        books.change(request, Status.RESOLVED, f"answered by {worker}", by=worker, result=identity)
        return
    failure, canceled = result.failure, request.status is Status.CANCELING
    given_up = canceled or not failure.retryable
    told = _tells_of(result, request.sample) or result.provenance.notes.get(UNTOUCHED) is True
    if in_doubt(request) and given_up and not told:
        doubt_sample(books, request, identity)
    words = "; ".join(filter(None, (failure.message, failure.remedy)))
    if failure.where:
        words = f"{failure.where}: {words}"
    if failure.retryable and canceled:
        books.change(request, Status.RETRACTED, words, by=worker, result=identity)
    elif failure.retryable and request.begun < request.attempts:
        books.avoid(request, worker)
        words = f"attempt {request.begun} of {request.attempts} failed: {words}"
        books.change(request, Status.PENDING, words, by=worker, result=identity)
    else:
        books.change(request, Status.FAILED, words, by=worker, result=identity)


def _promised(books: Books, worker: str, capability: KnownCapability) -> Schema:
    """Return the schema a worker's results satisfy: of the version it offered.

    A newer version, perhaps a stranger's, does not spoil the orders under way.
    """
    standing = books.catalogue.offer(worker, capability.key)
    if standing is None or standing.offer.version >= capability.version:
        return capability.result
    return books.schemas.compile(standing.offer.result_schema)


def _tells_of(result: Result, sample: str | None) -> bool:
    return any(step.sample == sample for step in result.samples)


def _from_vocabulary(books: Books, key: Key) -> KnownCapability:
    """Return a capability nobody has offered yet; it becomes known, but not active."""
    found = books.vocabulary.get(key)
    if found is None:
        raise Refusal(
            "capability",
            f"nobody ever offered {'/'.join(key)}, and it is not of the common vocabulary",
            where="quantity",
            remedy="offer the capability once, so that its result schema is known",
        )
    parameters, result = found
    try:
        return KnownCapability(
            quantity=key[0],
            method=key[1],
            version=1,
            description="",
            parameters=books.schemas.compile(parameters),
            result=books.schemas.compile(result),
            active=False,
        )
    except BodyError as error:
        raise Refusal("capability", error.what, where="quantity") from None
