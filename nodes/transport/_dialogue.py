"""What a person can say in the chat, and what it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from messages.location import Location
from messages.logistics import JobState, TransportJob
from nodes.transport._acts import ActError
from nodes.transport._desk import MINE, Desk
from nodes.transport._people import People, Person
from nodes.transport._places import place_of
from nodes.transport._words import line_of, one_line, task_of

NOWHERE: Final = "?"
"""In place of a place: nobody knows where the samples are."""

_FINALES: Final = re.compile(r"%DONE\s*;\s*([^;]+?)\s*(?:;\s*(.*))?", re.IGNORECASE)
"""FINALES 2's chat: ``%DONE;<request_uuid>[;<location>]``."""


@dataclass(slots=True)
class Answer:
    """What is said to one command.

    Attributes:
        words: The last line.
        lines: Lines before it, each with the values that a program gets instead.
        values: The same of the last line.
        leave: The connection ends.
        as_json: Whether lines are JSON from now on; None: as before.
    """

    words: str
    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    leave: bool = False
    as_json: bool | None = None


Verb = Callable[["Dialogue", Person, str], Answer]


class Dialogue:
    """Turns lines of people who have said who they are into acts.

    Args:
        desk: Where acts are done.
        people: Who may be given a transport.
    """

    def __init__(self, desk: Desk, people: People) -> None:
        self._desk = desk
        self._people = people

    def answer(self, person: Person, line: str) -> Answer:
        """Do what a line says.

        Raises:
            ActError: It cannot be done, or is no command; in words for the person.
        """
        finales = _FINALES.fullmatch(line)
        if finales is not None:
            job, place = self._desk.book.find(finales[1]), _place(finales[2] or "")
            job = self._desk.done(job, person, place, declared=True)
            return Answer(f"job {job.number} is {job.state}", values=_values(job))
        word, _, rest = line.partition(" ")
        verb = VERBS.get(word.lower())
        if verb is None and self._desk.may_be_code(person, line):
            return self.scan(person, line)
        if verb is None:
            raise ActError(f"{one_line(word, 40)} is no command", remedy="help lists them")
        return verb.does(self, person, rest.strip())

    def help(self, person: Person, rest: str) -> Answer:
        """List the commands."""
        lines: list[tuple[str, dict[str, Any]]] = [
            (f"{verb.usage:<32}{verb.says}", {}) for verb in VERBS.values()
        ]
        return Answer("a scanner may type a sample's code, or a place, by itself", lines)

    def list(self, person: Person, rest: str) -> Answer:
        """List transports."""
        jobs = self._desk.book.open_jobs()
        if rest == "mine":
            jobs = [j for j in jobs if person.name in (j.carrier, j.offered_to)]
        elif rest == "all":
            jobs = self._desk.book.past() + jobs
        elif rest:
            raise ActError(f"list {one_line(rest, 40)}?", remedy="list, list mine or list all")
        lines = [(f"job {job.number} {line_of(job)}", _values(job)) for job in jobs]
        count = f"{len(jobs)} jobs" if len(jobs) != 1 else "1 job"
        return Answer(count, lines)

    def show(self, person: Person, rest: str) -> Answer:
        """Show all of a transport."""
        job = self._job(rest)
        pairs = (
            ("state", line_of(job)), ("samples", ", ".join(job.samples)),
            ("read", ", ".join(job.codes)), ("from", job.origin.text),
            ("to", job.destination.text), ("how", job.instructions), ("note", job.remark),
            ("put down", job.place.text if job.place else ""), ("why", job.reason),
            ("request", str(job.request)),
        )  # fmt: skip
        lines: list[tuple[str, dict[str, Any]]] = [
            (f"  {name:<9}{one_line(text)}", {}) for name, text in pairs if text
        ]
        for event in self._desk.book.events(job.number):
            values = {"event": event.model_dump(mode="json")}
            lines.append((f"  {event.what:<13}{event.who}: {one_line(event.words)}", values))
        return Answer(f"job {job.number} is {job.state}", lines, _values(job))

    def take(self, person: Person, rest: str) -> Answer:
        """Take a transport."""
        job = self._desk.take(self._job(rest), person)
        note = f"; note: {job.remark}" if job.remark else ""
        return _said(job, f"job {job.number} is yours: {task_of(job)}{note}")

    def drop(self, person: Person, rest: str) -> Answer:
        """Give a transport back."""
        job = self._desk.drop(self._job(rest), person)
        return _said(job, f"job {job.number} is open again")

    def give(self, person: Person, rest: str) -> Answer:
        """Offer a transport to somebody."""
        number, _, name = rest.partition(" ")
        name = name.strip()
        if name not in self._people.all():
            raise ActError(f"nobody is called {one_line(name, 40)!r}", remedy="give JOB NAME")
        job = self._desk.give(self._job(number), person, name)
        return _said(job, f"job {job.number} is yours until {name} takes it")

    def scan(self, person: Person, rest: str) -> Answer:
        """Read a code."""
        if not rest:
            raise ActError("which code?", remedy="scan CODE")
        return _scanned(self._desk.scan(person, rest), rest)

    def pick(self, person: Person, rest: str) -> Answer:
        """Take a transport and read codes."""
        number, *codes = rest.split()[:101] or [""]
        job = self._job(number)
        for code in codes:
            job = self._desk.pick(job, person, code)
        return _scanned(job, "")

    def done(self, person: Person, rest: str) -> Answer:
        """Put a transport down."""
        number, _, place = rest.partition(";")
        job = self._desk.done(self._job(number), person, _place(place))
        there = (job.place or job.destination).text
        return _said(job, f"job {job.number} is {job.state} at {there}")

    def bring_back(self, person: Person, rest: str) -> Answer:
        """Bring a transport back."""
        number, _, reason = rest.partition(";")
        job = self._desk.bring_back(self._job(number), person, one_line(reason))
        return _said(job, f"job {job.number} is {job.state}, at {job.origin.text}")

    def problem(self, person: Person, rest: str) -> Answer:
        """Say why a transport is not possible."""
        number, _, more = rest.partition(";")
        reason, _, there = more.partition(";")
        reason, there = one_line(reason), there.strip()
        if not reason:
            raise ActError("why?", remedy="problem JOB; REASON, once picked up also ; PLACE or ?")
        lost = there == NOWHERE
        place = None if lost else _place(there)
        job = self._desk.problem(self._job(number), person, reason, place, lost=lost)
        return _said(job, f"job {job.number} is {job.state}: {reason}")

    def me(self, person: Person, rest: str) -> Answer:
        """Say who one is."""
        mine = [
            job for job in self._desk.book.open_jobs()
            if job.carrier == person.name and job.state in MINE
        ]  # fmt: skip
        jobs = ", ".join(str(job.number) for job in mine) or "none"
        return Answer(f"you are {person.name}; your jobs: {jobs}", values={"person": person.name})

    def json(self, person: Person, rest: str) -> Answer:
        """Speak JSON."""
        if rest not in ("on", "off"):
            raise ActError("json on, or json off?")
        return Answer(f"json {rest}", as_json=rest == "on")

    def leave(self, person: Person, rest: str) -> Answer:
        """Leave."""
        return Answer("goodbye; your jobs stay yours", leave=True)

    def _job(self, text: str) -> TransportJob:
        if not text.strip():
            raise ActError("which job?", remedy="name it by its number: list shows them")
        return self._desk.book.find(text)


@dataclass(frozen=True, slots=True)
class Command:
    """A verb of the chat."""

    does: Verb
    usage: str
    says: str


VERBS: Final = {
    "list": Command(Dialogue.list, "list [mine|all]", "what is to be carried"),
    "show": Command(Dialogue.show, "show JOB", "all about one job"),
    "take": Command(Dialogue.take, "take JOB", "you will do it"),
    "scan": Command(Dialogue.scan, "scan CODE", "a sample's code, or the destination's label"),
    "pick": Command(Dialogue.pick, "pick JOB CODE ...", "take, and the codes, in one line"),
    "done": Command(Dialogue.done, "done JOB[; PLACE]", "it is at the destination, or elsewhere"),
    "return": Command(Dialogue.bring_back, "return JOB[; REASON]", "it is back where it was"),
    "problem": Command(
        Dialogue.problem, "problem JOB; REASON[; PLACE]", "it cannot be done; PLACE ? if lost"
    ),
    "drop": Command(Dialogue.drop, "drop JOB", "you will not do it after all"),
    "give": Command(Dialogue.give, "give JOB NAME", "hand it over; NAME says take JOB"),
    "me": Command(Dialogue.me, "me", "who you are, and your jobs"),
    "json": Command(Dialogue.json, "json on|off", "answers for programs"),
    "help": Command(Dialogue.help, "help", "this"),
    "bye": Command(Dialogue.leave, "bye", "leave; what you carry stays yours"),
}
"""The commands, in the order of the help."""


def _said(job: TransportJob, words: str) -> Answer:
    return Answer(one_line(words, 900), values=_values(job))


def _scanned(job: TransportJob, code: str) -> Answer:
    if job.state is JobState.TAKEN:
        left = ", ".join(each for each in job.samples if each not in job.codes)
        read = f"{code} read; " if code else ""
        return _said(job, f"{read}job {job.number} still wants {left}")
    if job.state in (JobState.CARRIED, JobState.RECALLED):
        there = job.destination.text
        return _said(job, f"job {job.number} is picked up: bring it to {there}, then done "
                          f"{job.number}")  # fmt: skip
    return _said(job, f"job {job.number} is {job.state}")


def _values(job: TransportJob) -> dict[str, Any]:
    return {"job": job.model_dump(mode="json")}


def _place(text: str) -> Location | None:
    text = text.strip()
    place = place_of(text) if text else None
    if text and place is None:
        raise ActError("that is no place", remedy="write it as ADDRESS / ROOM / POSITION")
    return place
