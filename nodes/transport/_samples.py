"""What the ledger says of samples before they are carried, and what it is told afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from labmesh.client import LabClient
from messages.envelope import validate
from messages.errors import CallRefusedError, OrderError
from messages.ledger import SampleStep
from messages.logistics import JobState, TransportInput, TransportJob
from messages.query import SampleLine
from nodes.transport._places import lies_in, may_be_same, same_address

UNKNOWN: Final = "unknown"
"""Label of the state of a sample for which nobody can vouch."""


_PATIENCE: Final = 2.0
"""Wall seconds for an answer of the ledger, which is asked again."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of the samples of an order.

    Attributes:
        remark: What the ledger says that differs, for who carries; empty where nothing does.
    """

    remark: str


async def look_up(lab: LabClient, sample: str) -> SampleLine:
    """Return a sample as it stands.

    Raises:
        OrderError: The ledger knows none of that name.
        CallError: The ledger does not answer.
    """
    try:
        reply = await lab.query("query.sample", {"id": sample}, timeout=_PATIENCE)
    except CallRefusedError as error:
        if error.code != "not_found":
            raise
        raise OrderError(
            f"the ledger knows no sample {sample}",
            where="samples",
            remedy="labmesh sample list shows those there are",
        ) from error
    found = reply["sample"]
    fields = {name: found[name] for name in SampleLine.model_fields if name in found}
    return validate(SampleLine, fields, where="sample")


async def check(lab: LabClient, asked: TransportInput, *, whole: bool) -> Checked:
    """Compare an order with what the ledger says of its samples.

    Args:
        lab: The ledger.
        asked: The order.
        whole: Refuse where any part of the origin differs, not the address alone.

    Raises:
        OrderError: A sample is not known, its state is, it is elsewhere, or there already.
        CallError: The ledger does not answer.
    """
    origin, destination = asked.origin.text, asked.destination.text
    if len(set(asked.samples)) < len(asked.samples):
        raise OrderError("a sample is named twice", where="samples")
    if origin.casefold() == destination.casefold():
        raise OrderError(f"origin and destination are both {origin}", where="destination")
    elsewhere: dict[str, list[str]] = {}
    for sample in asked.samples:
        found = await look_up(lab, sample)
        if found.label == UNKNOWN:
            raise OrderError(
                f"nobody knows the state of {sample}: the last one is {UNKNOWN}",
                where="samples",
                remedy=f"look at it, then: labmesh sample resolve {sample} --label LABEL "
                "--reason ...",
            )
        there = found.location.strip()
        if not there:
            elsewhere.setdefault("nothing", []).append(sample)
            continue
        if may_be_same(there, origin):
            continue
        if lies_in(there, destination):
            raise OrderError(
                f"{sample} is there already: the ledger says {there}", where="destination"
            )
        if whole or not same_address(there, origin):
            raise OrderError(
                f"{sample} is not at {origin}: the ledger says {there}",
                where="origin",
                remedy="ask with that origin, or tell the ledger where it really is",
            )
        elsewhere.setdefault(there, []).append(sample)
    words = [
        f"the ledger says {there} of {', '.join(names[:4])}"
        + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        for there, names in elsewhere.items()
    ]
    return Checked("; ".join(words)[:1000])


async def steps_of(lab: LabClient, job: TransportJob) -> tuple[SampleStep, ...]:
    """Return the next state of each sample of a transport that is over.

    The label is that of the state before, for carrying changes nothing but the place; of samples
    that were lost it is ``unknown``. Without steps: the samples never left.

    Raises:
        OrderError: The ledger knows a sample no more.
        CallError: The ledger does not answer.
    """
    if job.picked_up is None:
        return ()
    steps = []
    for sample in job.samples:
        last = await look_up(lab, sample)
        lost = job.state is JobState.LOST
        back = job.place == job.origin and job.state is not JobState.DELIVERED
        there = job.place.text if job.place is not None else ""
        if back and may_be_same(last.location, there):
            there = last.location  # it was said there more exactly
        steps.append(
            SampleStep(
                sample=sample,
                kind=last.kind,
                state=last.state + 1,
                expects_state=last.state,
                label=UNKNOWN if lost else last.label,
                location=there,
                properties=_properties(job, back=back),
            )
        )
    return tuple(steps)


def _properties(job: TransportJob, *, back: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "moved": True,
        "from": job.origin.text,
        "by": job.carrier or "",
        "scanned": not job.declared,
    }
    if back:
        properties["returned"] = True
    if job.state is JobState.LOST:
        properties["lost"] = job.reason
    if job.simulated:
        properties["simulated"] = True
    return properties
