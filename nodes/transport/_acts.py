"""What people do with a transport: from one state of it to the next, without any file or network.

Each act takes a `TransportJob` and returns the next one, or the same object where it has been done
already (an answer that got lost is asked for again). What is not possible raises `ActError`.
"""

from __future__ import annotations

from typing import Final

from messages.errors import LabmeshError
from messages.location import Location
from messages.logistics import OVER, JobState, TransportJob

_REASON: Final = 500
"""Characters of a reason that are kept."""


class ActError(LabmeshError):
    """A person cannot do this with a transport now; the words are for that person."""


def take(job: TransportJob, person: str, now: int) -> TransportJob:
    """Say that one will do it; or take what its carrier hands over."""
    if job.carrier == person and job.state in (JobState.TAKEN, JobState.CARRIED, JobState.RECALLED):
        return job
    if job.state is JobState.OPEN:
        return job.model_copy(update={"state": JobState.TAKEN, "carrier": person, "taken": now})
    if job.state not in OVER and job.offered_to == person:
        return job.model_copy(update={"carrier": person, "offered_to": None, "taken": now})
    raise ActError(_not_yours(job))


def drop(job: TransportJob, person: str) -> TransportJob:
    """Give back what one has taken and not picked up."""
    if job.state is JobState.OPEN:
        return job
    _need_mine(job, person)
    if job.state is not JobState.TAKEN:
        raise ActError(
            f"you have the samples of job {job.number} in hand",
            remedy="done, return, give or problem",
        )
    return job.model_copy(
        update={
            "state": JobState.OPEN, "carrier": None, "offered_to": None, "taken": None, "codes": ()
        }
    )  # fmt: skip


def give(job: TransportJob, person: str, to: str) -> TransportJob:
    """Offer what one has to somebody else; it stays one's own until they take it."""
    _need_mine(job, person)
    if to == person:
        raise ActError(f"job {job.number} is yours already")
    if job.offered_to == to:
        return job
    return job.model_copy(update={"offered_to": to})


def scan(job: TransportJob, person: str, code: str, now: int, *, simulated: bool) -> TransportJob:
    """Read a sample's code at the pick-up; after the last one the samples are in hand.

    Raises:
        ActError: The code belongs to no sample of this job (`wrong` counts that).
    """
    if code not in job.samples:
        raise ActError(wrong_code(job, code), remedy="put it back, and look for the right one")
    if job.state is JobState.OPEN:
        job = take(job, person, now)
    _need_mine(job, person)
    if job.state is not JobState.TAKEN or code in job.codes:
        return job
    codes = (*job.codes, code)
    if set(codes) != set(job.samples):
        return job.model_copy(update={"codes": codes})
    return job.model_copy(
        update={
            "codes": codes, "state": JobState.CARRIED, "picked_up": now, "simulated": simulated
        }
    )  # fmt: skip


def wrong(job: TransportJob) -> TransportJob:
    """Count a code that belongs to another sample."""
    return job.model_copy(update={"wrong_codes": job.wrong_codes + 1})


def declare(job: TransportJob, person: str, now: int, *, simulated: bool) -> TransportJob:
    """Say that one has picked the samples up, without having read every code."""
    if job.state is JobState.OPEN:
        job = take(job, person, now)
    _need_mine(job, person)
    if job.state is not JobState.TAKEN:
        return job
    return job.model_copy(
        update={
            "state": JobState.CARRIED, "picked_up": now, "declared": True, "simulated": simulated
        }
    )  # fmt: skip


def deliver(job: TransportJob, person: str, place: Location | None, now: int) -> TransportJob:
    """Put the samples down, at the destination unless ``place`` says where."""
    if job.state is JobState.DELIVERED and job.carrier == person:
        return job
    _need_in_hand(job, person)
    if job.state is JobState.RECALLED:
        if place is None:
            raise ActError(
                f"job {job.number} was cancelled on the way",
                remedy=f"say where you put the samples: done {job.number}; PLACE, "
                f"or return {job.number}",
            )
        return _end(job, JobState.CANCELLED, now, place)
    return _end(job, JobState.DELIVERED, now, place or job.destination)


def bring_back(job: TransportJob, person: str, reason: str, now: int) -> TransportJob:
    """Put the samples back where they were."""
    if job.state is JobState.RETURNED and job.carrier == person:
        return job
    _need_in_hand(job, person)
    state = JobState.CANCELLED if job.state is JobState.RECALLED else JobState.RETURNED
    return _end(job, state, now, job.origin, reason)


def give_up(
    job: TransportJob, person: str, reason: str, place: Location | None, now: int
) -> TransportJob:
    """Say that it cannot be done, and where the samples are if one had them."""
    if job.state is JobState.IMPOSSIBLE and job.carrier in (None, person):
        return job
    if job.state is JobState.OPEN:
        job = take(job, person, now)
    if job.state is JobState.TAKEN:
        _need_mine(job, person)
        return _end(job, JobState.IMPOSSIBLE, now, None, reason)
    _need_in_hand(job, person)
    if place is None:
        raise ActError(
            "where are the samples now?",
            remedy=f"problem {job.number}; REASON; PLACE, or ? for the place if nobody knows",
        )
    return _end(job, JobState.IMPOSSIBLE, now, place, reason)


def lose(job: TransportJob, person: str, reason: str, now: int) -> TransportJob:
    """Say that nobody knows where, or how, the samples are."""
    if job.state is JobState.LOST and job.carrier == person:
        return job
    _need_in_hand(job, person)
    return _end(job, JobState.LOST, now, None, reason)


def cancel(job: TransportJob, reason: str, now: int) -> TransportJob:
    """Nobody wants it any more: it ends, or its carrier is asked where the samples go."""
    if job.state in OVER or job.state is JobState.RECALLED:
        return job
    if job.state is JobState.CARRIED:
        return job.model_copy(update={"state": JobState.RECALLED, "reason": reason[:_REASON]})
    return _end(job, JobState.CANCELLED, now, None, reason)


def want_again(job: TransportJob) -> TransportJob:
    """Take back a cancellation: of what is on its way, or of what never left."""
    if job.state is JobState.RECALLED:
        return job.model_copy(update={"state": JobState.CARRIED, "reason": ""})
    if job.state is not JobState.CANCELLED or job.picked_up is not None:
        return job
    return job.model_copy(
        update={
            "state": JobState.OPEN, "carrier": None, "taken": None, "codes": (), "ended": None,
            "reason": "", "announced": False, "settled": False, "escalated": False,
        }
    )  # fmt: skip


def wrong_code(job: TransportJob, code: str) -> str:
    """Say that a code does not belong to a job."""
    wanted = ", ".join(each for each in job.samples if each not in job.codes) or "complete"
    return f"{code} does not belong to job {job.number}, which is {wanted}"


def _end(
    job: TransportJob, state: JobState, now: int, place: Location | None, reason: str = ""
) -> TransportJob:
    return job.model_copy(
        update={
            "state": state, "ended": now, "place": place, "offered_to": None,
            "reason": (reason or job.reason)[:_REASON],
        }
    )  # fmt: skip


def _need_mine(job: TransportJob, person: str) -> None:
    if job.state in OVER or job.carrier != person:
        raise ActError(_not_yours(job))


def _need_in_hand(job: TransportJob, person: str) -> None:
    _need_mine(job, person)
    if job.state not in (JobState.CARRIED, JobState.RECALLED):
        left = ", ".join(each for each in job.samples if each not in job.codes)
        raise ActError(
            f"you have not picked up job {job.number} yet", remedy=f"scan what is missing: {left}"
        )


def _not_yours(job: TransportJob) -> str:
    if job.state is JobState.OPEN:
        return f"nobody has taken job {job.number} yet: take {job.number}"
    if job.state in OVER:
        where = f" at {job.place.text}" if job.place is not None else ""
        why = f": {job.reason}" if job.reason else ""
        return f"job {job.number} is over, {job.state}{where}{why}"
    return f"job {job.number} is with {job.carrier}"
