"""The desk: every change of a transport goes over it into the book, and to who wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from messages.location import Location
from messages.logistics import OVER, JobState, TransportJob
from nodes.transport import _acts as acts
from nodes.transport._acts import ActError
from nodes.transport._book import Act, Book
from nodes.transport._people import Person
from nodes.transport._places import lies_in
from nodes.transport._words import one_line, task_of

MINE: Final = (JobState.TAKEN, JobState.CARRIED, JobState.RECALLED)
"""States in which a transport is in somebody's hands."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that has happened to a transport, and is in the book.

    Attributes:
        job: As it is now.
        what: ``offered``, ``taken``, ``scanned``, ``picked_up``, ``wrong_code``, ``dropped``,
            ``handed_over``, ``delivered``, ``returned``, ``impossible``, ``lost``, ``cancelled``,
            ``recalled``, ``wanted_again``, ``reminder`` or ``escalation``.
        who: The person, or the node.
        words: One line for people.
    """

    job: TransportJob
    what: str
    who: str
    words: str


class Rules(Protocol):
    """What the node's parameters say of acts."""

    @property
    def require_codes(self) -> bool:
        """Whether a pick-up takes every code."""
        ...

    @property
    def require_place(self) -> bool:
        """Whether a delivery says where."""
        ...


class Desk:
    """Acts of people on transports.

    Args:
        book: Where they are written down.
        now: The mesh's time, ns.
        rules: What is asked of people.
        told: Called after every change; must not block or raise.
        me: Who speaks for the node.
    """

    def __init__(
        self,
        book: Book,
        now: Callable[[], int],
        rules: Rules,
        told: Callable[[Happening], None],
        me: str,
    ) -> None:
        self.book = book
        self._now = now
        self._rules = rules
        self._told = told
        self._me = me
        self._news: dict[int, asyncio.Event] = {}

    # What people do.

    def take(self, job: TransportJob, person: Person) -> TransportJob:
        """See `acts.take`."""
        what = "handed_over" if job.offered_to == person.name else "taken"
        words = f"{person.name} does job {job.number}: {task_of(job)}"
        return self._do(job, lambda j: acts.take(j, person.name, self._now()), person.name,
                        what, words)  # fmt: skip

    def drop(self, job: TransportJob, person: Person) -> TransportJob:
        """See `acts.drop`."""
        words = f"{person.name} has given back job {job.number}: {task_of(job)}"
        return self._do(job, lambda j: acts.drop(j, person.name), person.name, "dropped", words)

    def give(self, job: TransportJob, person: Person, to: str) -> TransportJob:
        """See `acts.give`."""
        words = f"{person.name} asks {to} to take over job {job.number}: take {job.number}"
        return self._do(job, lambda j: acts.give(j, person.name, to), person.name, "handing_over",
                        words)  # fmt: skip

    def pick(self, job: TransportJob, person: Person, code: str) -> TransportJob:
        """See `acts.scan`; a code that does not belong is counted, and refused."""

        def act(each: TransportJob) -> TransportJob:
            return acts.scan(each, person.name, code, self._now(), simulated=person.simulated)

        if code not in job.samples and job.carrier in (None, person.name):
            words = one_line(f"{person.name}: {acts.wrong_code(job, code)}")
            self._do(job, acts.wrong, person.name, "wrong_code", words)
        complete = set(job.codes) | {code} >= set(job.samples)
        what = "picked_up" if complete else "scanned"
        words = f"{person.name} has picked up job {job.number}" if complete else f"{code} read"
        return self._do(job, act, person.name, what, words)

    def scan(self, person: Person, code: str) -> TransportJob:
        """Take what a scanner types: a sample to pick up, or the place where it is put down.

        Raises:
            ActError: It is neither for this person.
        """
        mine = [job for job in self.book.open_jobs() if job.carrier == person.name]
        taken = [job for job in mine if job.state is JobState.TAKEN]
        for job in taken:
            if code in job.samples:
                return self.pick(job, person, code)
        there = [
            job for job in mine
            if job.state in (JobState.CARRIED, JobState.RECALLED) and _is_place(code, job)
        ]  # fmt: skip
        if len(there) > 1:
            numbers = ", ".join(str(job.number) for job in there)
            raise ActError(f"jobs {numbers} all go there", remedy="say which: done JOB")
        if there:
            return self.done(there[0], person, there[0].destination)
        for job in mine:
            if code in job.samples:
                return job
        for job in self.book.open_jobs():
            if code in job.samples and job.state is JobState.OPEN:
                raise ActError(f"{code} is of job {job.number}", remedy=f"first: take {job.number}")
        if taken:
            return self.pick(taken[0], person, code)
        raise ActError(f"{one_line(code, 80)} is of no job of yours", remedy="list shows the jobs")

    def may_be_code(self, person: Person, line: str) -> bool:
        """Tell whether a line that is no command may be what a scanner has typed."""
        jobs = self.book.open_jobs()
        if any(line in job.samples or _is_place(line, job) for job in jobs):
            return True
        waits = any(job.carrier == person.name and job.state is JobState.TAKEN for job in jobs)
        return waits and " " not in line

    def done(
        self, job: TransportJob, person: Person, place: Location | None, *, declared: bool = False
    ) -> TransportJob:
        """See `acts.deliver`; ``declared`` takes the person's word for the pick-up, too."""
        if declared and job.state in (JobState.OPEN, JobState.TAKEN):
            if self._rules.require_codes:
                raise ActError(
                    "the codes of the samples have not been read",
                    remedy=f"take {job.number}, then scan each of them",
                )
            job = self._do(
                job,
                lambda j: acts.declare(j, person.name, self._now(), simulated=person.simulated),
                person.name, "picked_up",
                f"{person.name} says that job {job.number} was picked up; no code was read",
            )  # fmt: skip
        if place is None and self._rules.require_place and job.state is JobState.CARRIED:
            raise ActError(
                "where have you put it down?",
                remedy=f"scan the place's label, or: done {job.number}; {job.destination.text}",
            )
        there = (place or job.destination).text
        what = "cancelled" if job.state is JobState.RECALLED else "delivered"
        words = f"{person.name} has put down job {job.number} at {there}"
        return self._do(job, lambda j: acts.deliver(j, person.name, place, self._now()),
                        person.name, what, words)  # fmt: skip

    def bring_back(self, job: TransportJob, person: Person, reason: str) -> TransportJob:
        """See `acts.bring_back`."""
        what = "cancelled" if job.state is JobState.RECALLED else "returned"
        words = one_line(f"{person.name} has brought back job {job.number}: {reason}".rstrip(": "))
        return self._do(job, lambda j: acts.bring_back(j, person.name, reason, self._now()),
                        person.name, what, words)  # fmt: skip

    def problem(
        self, job: TransportJob, person: Person, reason: str, place: Location | None, *, lost: bool
    ) -> TransportJob:
        """See `acts.give_up` and `acts.lose`."""
        words = one_line(f"{person.name}: job {job.number} is not possible: {reason}")
        if lost and job.state in (JobState.CARRIED, JobState.RECALLED):
            return self._do(job, lambda j: acts.lose(j, person.name, reason, self._now()),
                            person.name, "lost", words)  # fmt: skip
        return self._do(
            job, lambda j: acts.give_up(j, person.name, reason, place, self._now()),
            person.name, "impossible", words,
        )  # fmt: skip

    # What the node does.

    def add(self, job: TransportJob) -> TransportJob:
        """Write a transport down, and offer it; or find the one of its request."""
        job, new = self.book.add(job, task_of(job))
        words = f"job {job.number} is wanted again: {task_of(job)}"
        job = self._do(job, acts.want_again, self._me, "wanted_again", words)
        if new or (not job.announced and job.state is JobState.OPEN):
            self.announce(job)
        return job

    def announce(self, job: TransportJob) -> None:
        """Tell people of a transport that nobody has taken, and note that they were told."""
        self._tell(Happening(job, "offered", self._me, f"job {job.number}: {task_of(job)}"))
        self.book.mark(job.number, announced=True)

    def cancel(self, job: TransportJob, reason: str) -> TransportJob:
        """Take a transport back; who has its samples is asked where they go."""
        reason = one_line(reason)
        in_hand = job.state is JobState.CARRIED
        words = f"job {job.number} is cancelled: {reason}"
        if in_hand:
            words += f"; {job.carrier}, bring it back and say return {job.number}, "
            words += f"or done {job.number}; PLACE"
        return self._do(job, lambda j: acts.cancel(j, reason, self._now()), self._me,
                        "recalled" if in_hand else "cancelled", words)  # fmt: skip

    def remind(self, job: TransportJob) -> None:
        """Remind people of a transport on which nothing has happened."""
        whom = job.carrier or "everybody"
        words = f"reminder for {whom}: job {job.number} is {job.state}: {task_of(job)}"
        self._do(job, lambda j: j.model_copy(update={"reminders": j.reminders + 1}), self._me,
                 "reminder", words)  # fmt: skip

    def escalate(self, job: TransportJob) -> None:
        """Tell others of a transport that is late."""
        with_whom = f"with {job.carrier}" if job.carrier else "with nobody"
        words = f"job {job.number} is late, {job.state} {with_whom}: {task_of(job)}"
        self._do(job, lambda j: j.model_copy(update={"escalated": True}), self._me, "escalation",
                 words)  # fmt: skip

    def settled(self, job: TransportJob) -> None:
        """Note that the ledger has what became of a transport."""
        self.book.mark(job.number, settled=True)

    async def changes(self, job: TransportJob) -> AsyncIterator[TransportJob]:
        """Yield a transport as it is now, and after every change, until it is over."""
        while True:
            event = self._news.setdefault(job.number, asyncio.Event())
            job = self.book.find(str(job.number))
            yield job
            if job.state in OVER:
                self._news.pop(job.number, None)
                return
            await event.wait()

    def _do(self, job: TransportJob, act: Act, who: str, what: str, words: str) -> TransportJob:
        def fresh(before: TransportJob) -> TransportJob:
            after = act(before)
            moved = after.state is not before.state or after.carrier != before.carrier
            return after.model_copy(update={"reminders": 0}) if moved else after

        after, changed = self.book.act(
            job.number, fresh, at=self._now(), who=who, what=what, words=words
        )
        if changed:
            self._tell(Happening(after, what, who, words))
        return after

    def _tell(self, happening: Happening) -> None:
        event = self._news.pop(happening.job.number, None)
        if event is not None:
            event.set()
        self._told(happening)


def _is_place(code: str, job: TransportJob) -> bool:
    return job.destination.text.casefold() == " ".join(code.split()).casefold()


def reached(job: TransportJob) -> bool:
    """Tell whether a transport's samples are at the destination, or at a place in it."""
    return job.place is not None and lies_in(job.place.text, job.destination.text)
