"""What a transport that is over means to who asked for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from messages.errors import OrderError
from messages.ledger import Rating
from messages.logistics import JobState, TransportJob, TransportOutput
from nodes.transport._desk import reached
from nodes.transport._words import samples_of


def output_of(job: TransportJob) -> TransportOutput:
    """Return where the samples are and who carried them, of a transport that moved them."""
    return TransportOutput(
        success=reached(job),
        samples=job.samples,
        actual_new_location=job.place or job.origin,
        executant=job.carrier or "nobody",
        picked_up=_when(job.picked_up),
        delivered=_when(job.ended),
        scanned=job.picked_up is not None and not job.declared,
    )


def rating_of(job: TransportJob) -> Rating:
    """Rate a transport: 5 on time with every code read, less for each thing that was not so."""
    if not reached(job):
        there = job.place.text if job.place else "an unknown place"
        return Rating(success=False, rating=1, reason=f"put down at {there}"[:4000])
    late = job.due is not None and job.ended is not None and job.ended > job.due
    minus = [
        words
        for words, so in (
            ("nobody read the samples' codes", job.declared),
            ("it came late", late),
            (f"{job.wrong_codes} wrong codes were read", job.wrong_codes > 0),
        )
        if so
    ]
    # Identity that nobody checked is worse than a delay or a mistake that was noticed.
    points = 5 - 2 * job.declared - late - (job.wrong_codes > 0)
    words = "; ".join(minus) or "on time, every sample's code was read"
    return Rating(success=True, rating=points, reason=words)


def failure_of(job: TransportJob) -> OrderError:
    """Return why a transport that was not delivered has failed."""
    who = job.carrier or "nobody"
    words = {
        JobState.RETURNED: f"{who} brought {samples_of(job)} back",
        JobState.IMPOSSIBLE: f"{who} could not carry {samples_of(job)}",
        JobState.LOST: f"{who} does not know where {samples_of(job)} is",
        JobState.CANCELLED: f"it was cancelled, {samples_of(job)} is at "
        + (job.place.text if job.place else "the origin"),
    }[job.state]
    lost = job.state is JobState.LOST
    first = job.samples[0]
    return OrderError(
        f"{words}: {job.reason}" if job.reason else words,
        where=f"job {job.number}",
        remedy=f"find it, then: labmesh sample resolve {first} --label LABEL --reason ..."
        if lost else "",
    )  # fmt: skip


def notes_of(job: TransportJob) -> dict[str, Any]:
    """Return what belongs to the result's provenance."""
    notes = {
        "job": job.number,
        "state": job.state.value,
        "carrier": job.carrier,
        "codes_read": list(job.codes),
        "wrong_codes": job.wrong_codes,
        "declared": job.declared,
        "asked": _when(job.created),
        "taken": _when(job.taken),
        "picked_up": _when(job.picked_up),
        "ended": _when(job.ended),
        "remark": job.remark,
        "reason": job.reason,
        "simulated_courier": job.simulated or None,
    }
    return {
        name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for name, value in notes.items()
        if value not in (None, "", [])
    }


def _when(nanoseconds: int | None) -> datetime | None:
    return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds / 1e9, UTC)
