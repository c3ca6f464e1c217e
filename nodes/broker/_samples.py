"""Sample states: no forks, no gaps, and none that stands although nobody can vouch for it."""

from __future__ import annotations

from uuid import UUID

from messages.envelope import pack, unpack
from messages.ledger import EntryKind, Failure, Result, SampleState, SampleStep, Status
from messages.model import JsonObject
from messages.sample_state import INSPECTION, UNKNOWN, resolve_command
from nodes.broker._books import Books, SampleNow
from nodes.broker._door import Incoming
from nodes.broker._live import LiveRequest
from nodes.broker._refusal import Refusal


def check_start(sample: str, last: SampleNow | None, state: int) -> None:
    """Refuse to begin from a state that is not the sample's last, or that is ``unknown``.

    Raises:
        Refusal: The sample is not known, in another state, or waits for a person.
    """
    if last is None:
        raise Refusal(
            "sample", f"sample {sample!r} is not known", where="from_state.sample",
            remedy="a result gives birth to a sample",
        )  # fmt: skip
    if last.state != state:
        raise Refusal(
            "sample",
            f"sample {sample!r} is in state {last.state}, not {state}",
            where="from_state.state",
            remedy=resolve_command(sample)
            if last.label == UNKNOWN
            else "begin from its last state",
        )
    if last.label == UNKNOWN:
        raise Refusal(
            "sample",
            f"sample {sample!r} is in state {state}, {UNKNOWN}: nobody can vouch for it",
            where="from_state.state",
            remedy=f"look at it, then say what it is: {resolve_command(sample)}",
        )


def check_steps(books: Books, result: Result) -> dict[str, SampleNow]:
    """Return the samples as they would be after a result's steps, or refuse all of them.

    Raises:
        Refusal: A step does not begin from its sample's last state, leaves a gap, would make
            the sample another thing, or leads away from ``unknown`` without a person's word.
    """
    after: dict[str, SampleNow] = {}
    for index, step in enumerate(result.samples):
        where = f"samples.{index}"
        last = after.get(step.sample) or books.sample(step.sample)
        expected = -1 if step.expects_state is None else step.expects_state
        if last is None and step.expects_state is not None:
            raise Refusal("sample", f"sample {step.sample!r} is not known", where=f"{where}.sample")
        if last is not None and last.state != expected:
            wanted = "to be new" if step.expects_state is None else f"in state {expected}"
            raise Refusal(
                "sample",
                f"sample {step.sample!r} is in state {last.state}; it was expected {wanted}",
                where=f"{where}.expects_state",
            )
        if step.state != expected + 1:
            raise Refusal(
                "sample",
                f"the next state of {step.sample!r} is {expected + 1}, not {step.state}",
                where=f"{where}.state",
            )
        _check_nature(step, last, where)
        if last is not None and last.label == UNKNOWN != step.label:
            _check_person(step, result, where)
        after[step.sample] = SampleNow(step.kind, step.state, step.location, step.label)
    return after


def _check_person(step: SampleStep, result: Result, where: str) -> None:
    """Only a person's word leads away from ``unknown``: an inspection that nobody ordered."""
    person, about = result.data.get("person"), result.data.get("sample")
    if (
        result.request is None
        and (result.quantity, result.method) == INSPECTION
        and result.outcome == "resolved"
        and about == step.sample
        and isinstance(person, str)
        and person.strip()
    ):
        return
    raise Refusal(
        "sample",
        f"sample {step.sample!r} is in state {step.expects_state}, {UNKNOWN}: "
        "only a person can say what it is",
        where=f"{where}.expects_state",
        remedy=f"look at it, then {resolve_command(step.sample)}",
    )


def _check_nature(step: SampleStep, last: SampleNow | None, where: str) -> None:
    """What a sample is and what it was made of is said once, at its birth."""
    if last is not None and step.kind != last.kind:
        raise Refusal(
            "sample",
            f"sample {step.sample!r} is of kind {last.kind}, not {step.kind}",
            where=f"{where}.kind",
            remedy="give what became of it an id of its own, with this sample as its parent",
        )
    if last is not None and step.parents:
        raise Refusal(
            "sample",
            f"sample {step.sample!r} was born before; parents belong to its birth",
            where=f"{where}.parents",
            remedy="give what became of it an id of its own, with all of its parents",
        )
    if step.sample in step.parents:
        raise Refusal(
            "sample", f"sample {step.sample!r} is its own parent", where=f"{where}.parents"
        )


def write_steps(
    books: Books, incoming: Incoming, result: Result, after: dict[str, SampleNow]
) -> None:
    """Append the entries of a result's steps, which were checked."""
    books.batch.samples.update(after)
    for step in result.samples:
        body = {
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
        books.append(EntryKind.SAMPLE, body, SampleState, author=incoming.author)


def in_doubt(request: LiveRequest) -> bool:
    """Tell whether nobody can vouch for a request's sample if the request ended now.

    So it is once an instrument has begun: a model touches nothing.
    """
    order = request.order
    begun = request.status in (Status.RUNNING, Status.CANCELING, Status.HELD)
    return request.sample is not None and order is not None and order.instrument and begun


def doubt_sample(books: Books, request: LiveRequest, result: str) -> None:
    """Append the state ``unknown`` to a request's sample, whatever its last state is.

    Args:
        books: What the ledger knows.
        request: A request with a sample.
        result: The result that left the sample so.
    """
    last = books.sample(request.sample) if request.sample is not None else None
    if request.sample is None or last is None:
        raise ValueError(f"request {request.id} has no sample")
    now = SampleNow(last.kind, last.state + 1, last.location, UNKNOWN)
    books.batch.samples[request.sample] = now
    body = {
        "sample": request.sample,
        "kind": now.kind,
        "state": now.state,
        "label": UNKNOWN,
        "parents": [],
        "location": now.location,
        "properties": {},
        "result": result,
        "request": request.id,
        "at": books.now.stamp,
    }
    books.append(EntryKind.SAMPLE, body, SampleState)


def write_off(books: Books, request: LiveRequest, why: str) -> str | None:
    """Note what a request leaves behind that ends although no result came of it.

    Where its sample is in doubt the ledger writes a failed result of its own, so that every state
    of a sample has a result that made it.

    Args:
        books: What the ledger knows.
        request: A request that is about to be abandoned or retracted.
        why: In words.

    Returns:
        The uuid of the ledger's result, or None where nothing is in doubt.
    """
    order = request.order
    if order is None or not in_doubt(request):
        return None
    failure = Failure(
        message=f"{why}; what {order.worker} had done by then is not known"[:4000],
        remedy=f"look at sample {request.sample}, then {resolve_command(str(request.sample))}",
    )
    result = Result(
        request=UUID(request.id),
        token=order.token,
        quantity=request.key[0],
        method=request.key[1],
        parameters={},
        outcome="failed",
        failure=failure,
        campaign=request.campaign,
    )
    row = books.append(EntryKind.RESULT, _plain(result), Result)
    books.batch.result_states[row.uuid] = ("original", books.me)
    books.batch.parties[row.offset] = request.requester
    doubt_sample(books, request, row.uuid)
    return row.uuid


def _plain(message: Result) -> JsonObject:
    return dict(unpack(pack(message.model_dump())))
