"""The life of transports, with the process killed at any point of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from messages.ids import new_id
from messages.location import Location
from messages.logistics import OVER, JobState, TransportJob
from nodes.transport._acts import ActError
from nodes.transport._book import Act, Book
from nodes.transport._people import Person
from tests.nodes.transport.jobs import ADA, BOB, HERE, ROBOT, THERE, DeskOf, new_job

PEOPLE = st.sampled_from([ADA, BOB, ROBOT])
CODES = st.sampled_from(["s-1", "s-2", "s-3", "stranger"])
PLACES = st.sampled_from([None, THERE, HERE, Location(address="dtu")])
S = JobState

ALLOWED: dict[JobState, set[JobState]] = {
    S.OPEN: {S.OPEN, S.TAKEN, S.CARRIED, S.DELIVERED, S.IMPOSSIBLE, S.CANCELLED},
    S.TAKEN: {S.TAKEN, S.OPEN, S.CARRIED, S.DELIVERED, S.IMPOSSIBLE, S.CANCELLED},
    S.CARRIED: {S.CARRIED, S.DELIVERED, S.RETURNED, S.IMPOSSIBLE, S.LOST, S.RECALLED},
    S.RECALLED: {S.RECALLED, S.CARRIED, S.CANCELLED, S.IMPOSSIBLE, S.LOST},
    S.CANCELLED: {S.CANCELLED, S.OPEN},
    S.DELIVERED: {S.DELIVERED}, S.RETURNED: {S.RETURNED}, S.IMPOSSIBLE: {S.IMPOSSIBLE},
    S.LOST: {S.LOST},
}  # fmt: skip


class Lives(RuleBasedStateMachine):
    """Several transports, several people, a node that dies; what was said is never unsaid."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a folder: thousands of syncs would be the disk's test.
        shm = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=shm if shm.is_dir() else None))
        self.before: dict[UUID, TransportJob] = {}
        self.announced: dict[UUID, int] = {}
        self._open()

    def _open(self) -> None:
        self.book = Book(self.folder / "transports.sqlite")
        self.made = DeskOf(self.book)
        self.desk = self.made.desk

    def teardown(self) -> None:
        self.book.close()
        shutil.rmtree(self.folder)

    @rule(target=requests, samples=st.sampled_from([("s-1",), ("s-1", "s-2"), ("s-3",)]))
    def ask(self, samples: tuple[str, ...]) -> UUID:
        job = self.desk.add(new_job(*samples, request=new_id()))
        assert job.number == len(self.before) + 1
        self.announced[job.request] = 1
        self._note(job)
        return job.request

    @rule()
    def die(self) -> None:
        """``kill -9``: nothing is closed; what was committed is there."""
        abandoned = self.book
        self._open()
        abandoned.close()

    @rule(request=requests)
    def given_out_again(self, request: UUID) -> None:
        """The ledger gives the order to the newborn: it finds its job, and nobody is asked anew."""
        known = self._job(request)
        self.made.told.clear()
        again = self.desk.add(new_job(*known.samples, request=request))
        assert again.number == known.number
        reopened = known.state is S.CANCELLED and known.picked_up is None
        offered = sum(each.what == "offered" for each in self.made.told)
        assert offered == reopened
        if not reopened and known.state is not S.RECALLED:
            assert again == known
        self._note(again)

    @rule(request=requests, who=PEOPLE)
    def take(self, request: UUID, who: Person) -> None:
        self._try(request, lambda job: self.desk.take(job, who))

    @rule(request=requests, who=PEOPLE)
    def drop(self, request: UUID, who: Person) -> None:
        self._try(request, lambda job: self.desk.drop(job, who))

    @rule(request=requests, who=PEOPLE, to=PEOPLE)
    def give(self, request: UUID, who: Person, to: Person) -> None:
        self._try(request, lambda job: self.desk.give(job, who, to.name))

    @rule(request=requests, who=PEOPLE, code=CODES)
    def pick(self, request: UUID, who: Person, code: str) -> None:
        self._try(request, lambda job: self.desk.pick(job, who, code))

    @rule(who=PEOPLE, code=st.one_of(CODES, st.just(THERE.text)))
    def scan(self, who: Person, code: str) -> None:
        try:
            self._note(self.desk.scan(who, code))
        except ActError:
            self._renote()

    @rule(request=requests, who=PEOPLE, place=PLACES, declared=st.booleans())
    def done(self, request: UUID, who: Person, place: Location | None, declared: bool) -> None:
        self._try(request, lambda job: self.desk.done(job, who, place, declared=declared))

    @rule(request=requests, who=PEOPLE)
    def bring_back(self, request: UUID, who: Person) -> None:
        self._try(request, lambda job: self.desk.bring_back(job, who, "the door is locked"))

    @rule(request=requests, who=PEOPLE, place=PLACES, lost=st.booleans())
    def problem(self, request: UUID, who: Person, place: Location | None, lost: bool) -> None:
        self._try(request, lambda job: self.desk.problem(job, who, "it broke", place, lost=lost))

    @rule(request=requests)
    def cancel(self, request: UUID) -> None:
        self._try(request, lambda job: self.desk.cancel(job, "not needed"))

    @rule(request=requests)
    def remind(self, request: UUID) -> None:
        job = self._job(request)
        if job.state not in OVER:
            self.desk.remind(job)
            self._note(self._job(request))

    @invariant()
    def the_book_has_it(self) -> None:
        """What the desk has said is in the file, as a fresh process reads it."""
        for request, job in self.before.items():
            assert self._job(request).model_copy(update=IGNORED) == job.model_copy(update=IGNORED)

    @invariant()
    def who_has_it_is_known(self) -> None:
        for job in self.book.open_jobs():
            assert (job.carrier is None) == (job.state is S.OPEN)
            held = job.state in (S.CARRIED, S.RECALLED)
            assert (job.picked_up is not None) == held
            assert held <= (set(job.codes) == set(job.samples) or job.declared)
            assert job.ended is None

    @invariant()
    def what_is_over_is_whole(self) -> None:
        for job in self.book.past():
            assert job.ended is not None
            moved = job.picked_up is not None
            assert (job.place is not None) == (moved and job.state is not S.LOST)
            if job.state in (S.DELIVERED, S.RETURNED, S.LOST):
                assert moved

    def _job(self, request: UUID) -> TransportJob:
        job = self.book.of_request(request)
        assert job is not None
        return job

    def _try(self, request: UUID, act: Act) -> None:
        known = self._job(request)
        try:
            job = act(known)
        except ActError:
            pass
        else:
            # An answer that got lost is asked for again, and changes nothing.
            events = len(self.book.events(job.number))
            if job.state is not S.OPEN:
                try:
                    again = act(job)
                except ActError:
                    again = job
                assert again.model_copy(update=IGNORED) == job.model_copy(update=IGNORED)
            assert len(self.book.events(job.number)) == events or job.state is S.OPEN
        self._renote()

    def _renote(self) -> None:
        for request in list(self.before):
            self._note(self._job(request))

    def _note(self, job: TransportJob) -> None:
        before = self.before.get(job.request)
        if before is not None:
            assert job.state in ALLOWED[before.state], (before.state, job.state)
            assert job.samples == before.samples
            assert (job.wrong_codes, job.number) >= (before.wrong_codes, before.number)
            if before.picked_up is not None:
                assert job.picked_up == before.picked_up
        self.before[job.request] = job


IGNORED = {"announced": False, "wrong_codes": 0, "reminders": 0}

Lives.TestCase.settings = settings(max_examples=15, stateful_step_count=40)
test_lives = Lives.TestCase


@pytest.fixture
def desk(tmp_path: Path) -> DeskOf:
    return DeskOf(Book(tmp_path / "transports.sqlite"))


def test_a_scanner_is_enough(desk: DeskOf) -> None:
    """Take, two vials, the label of the place: nothing else is typed."""
    job = desk.desk.add(new_job("s-1", "s-2"))
    with pytest.raises(ActError, match="first: take 1|s-1 is of job 1"):
        desk.desk.scan(ADA, "s-1")
    desk.desk.take(job, ADA)
    assert desk.desk.scan(ADA, "s-1").state is S.TAKEN
    with pytest.raises(ActError, match="s-9 does not belong to job 1, which is s-2"):
        desk.desk.scan(ADA, "s-9")
    assert desk.desk.scan(ADA, "s-2").state is S.CARRIED
    done = desk.desk.scan(ADA, "KIT / autobass")
    assert (done.state, done.place, done.wrong_codes) == (S.DELIVERED, THERE, 1)
    assert [each.what for each in desk.told] == [
        "offered", "taken", "scanned", "wrong_code", "picked_up", "delivered",
    ]  # fmt: skip


def test_nobody_acts_on_what_another_has(desk: DeskOf) -> None:
    job = desk.desk.take(desk.desk.add(new_job()), ADA)
    acts: tuple[Callable[[], TransportJob], ...] = (
        lambda: desk.desk.take(job, BOB),
        lambda: desk.desk.pick(job, BOB, "vial-3"),
        lambda: desk.desk.done(job, BOB, None, declared=True),
        lambda: desk.desk.problem(job, BOB, "no", None, lost=False),
        lambda: desk.desk.give(job, BOB, "bob"),
    )
    for act in acts:
        with pytest.raises(ActError, match="job 1 is with ada"):
            act()
    desk.desk.give(job, ADA, "bob")
    assert desk.desk.book.find("1").carrier == "ada", "it is Ada's until Bob has taken it"
    assert desk.desk.take(desk.desk.book.find("1"), BOB).carrier == "bob"


def test_what_is_asked_of_people_is_asked(desk: DeskOf) -> None:
    desk.rules.require_codes = desk.rules.require_place = True
    job = desk.desk.take(desk.desk.add(new_job()), ADA)
    with pytest.raises(ActError, match="codes of the samples have not been read"):
        desk.desk.done(job, ADA, None, declared=True)
    job = desk.desk.pick(job, ADA, "vial-3")
    with pytest.raises(ActError, match="where have you put it down"):
        desk.desk.done(job, ADA, None)
    assert desk.desk.done(job, ADA, THERE).state is S.DELIVERED


def test_a_damaged_book_is_said(tmp_path: Path) -> None:
    from messages.errors import ConfigurationError

    (tmp_path / "transports.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigurationError, match="ask around first"):
        Book(tmp_path / "transports.sqlite")
