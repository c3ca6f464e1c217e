"""Results, asked for or not, and what they do to samples."""

from __future__ import annotations

from messages.errors import BodyError
from messages.ledger import (
    Capability,
    EntryKind,
    Result,
    SampleState,
    SampleStep,
    Status,
)
from messages.model import JsonObject
from nodes.broker._books import Books
from nodes.broker._catalogue import Key, KnownCapability
from nodes.broker._door import Incoming
from nodes.broker._live import LiveRequest
from nodes.broker._refusal import Refusal
from nodes.broker._row import Row
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
    capability = books.catalogue.capabilities.get(key) or _from_vocabulary(books, key)
    if result.outcome == "resolved" and not capability.result.accepts(result.data):
        raise Refusal(
            "data",
            capability.result.complaint(result.data, "data"),
            remedy="the request stays with its worker: send a valid result, or a failed one",
        )
    states = _check_samples(books, result.samples)
    if key not in books.catalogue.capabilities:
        books.catalogue.capabilities[key] = capability
        books.append(EntryKind.CAPABILITY, capability.body(), Capability, author=incoming.author)
    row = books.append_message(EntryKind.RESULT, incoming)
    books.batch.result_states[incoming.id] = ("original", incoming.author)
    books.batch.sample_states.update(states)
    for step in result.samples:
        books.append(
            EntryKind.SAMPLE, _state(step, incoming, result), SampleState, author=incoming.author
        )
    if request is not None:
        books.batch.parties[row.offset] = request.requester
        _conclude(books, request, incoming, result)
    return row


def _conclude(books: Books, request: LiveRequest, incoming: Incoming, result: Result) -> None:
    worker, identity = incoming.author, incoming.id
    if request.status is Status.RESERVED:
        # Its ACCEPT is late or lost on the way; the result says that it began.
        books.change(request, Status.RUNNING, "begun, by its result", by=worker)
    if result.failure is None:
        books.change(request, Status.RESOLVED, "", by=worker, result=identity)
        return
    failure = result.failure
    words = "; ".join(filter(None, (failure.message, failure.remedy)))
    if failure.where:
        words = f"{failure.where}: {words}"
    if failure.retryable and request.begun < request.attempts:
        books.avoid(request, worker)
        words = f"attempt {request.begun} of {request.attempts} failed: {words}"
        books.change(request, Status.PENDING, words, by=worker, result=identity)
    else:
        books.change(request, Status.FAILED, words, by=worker, result=identity)


def _check_samples(books: Books, steps: tuple[SampleStep, ...]) -> dict[str, int]:
    """Return the samples' new last states, or refuse: compare, and swap with the entry."""
    states: dict[str, int] = {}
    for index, step in enumerate(steps):
        where = f"samples.{index}"
        last = states.get(step.sample)
        if last is None:
            last = books.sample_state(step.sample)
        expected = -1 if step.expects_state is None else step.expects_state
        if last is None and step.expects_state is not None:
            raise Refusal("sample", f"sample {step.sample!r} is not known", where=f"{where}.sample")
        if last is not None and last != expected:
            wanted = "to be new" if step.expects_state is None else f"in state {expected}"
            raise Refusal(
                "sample",
                f"sample {step.sample!r} is in state {last}; it was expected {wanted}",
                where=f"{where}.expects_state",
            )
        if step.state != expected + 1:
            raise Refusal(
                "sample",
                f"the next state of {step.sample!r} is {expected + 1}, not {step.state}",
                where=f"{where}.state",
            )
        states[step.sample] = step.state
    return states


def _state(step: SampleStep, incoming: Incoming, result: Result) -> JsonObject:
    return {
        "sample": step.sample,
        "kind": step.kind,
        "state": step.state,
        "label": step.label,
        "parents": list(step.parents),
        "location": step.location,
        "properties": step.properties,
        "result": incoming.id,
        "request": str(result.request) if result.request else None,
        "at": incoming.header.stamp,
    }


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
