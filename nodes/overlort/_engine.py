"""What to do next: a pure function of the definition, the request, and what the ledger says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from messages.errors import LabmeshError
from messages.ledger import FINAL, FromState
from messages.model import JsonObject
from messages.workflow import WorkflowVerdict, step_id
from nodes.overlort._compiled import Ask, Compiled, Step
from nodes.overlort._entry import Due, settle
from nodes.overlort._facts import Facts, Submission, SubRequest, WorkflowRequest
from nodes.overlort._picture import Entry, Phase, Picture, StepPicture, Try
from nodes.overlort._rating import rated
from nodes.overlort._template import TemplateError, items_of, render

_LONGEST: Final = 3900
_SECOND: Final = 1_000_000_000


def _as_it_is(answer: JsonObject) -> JsonObject:
    return answer


class Engine:
    """The state machine of one workflow. It keeps nothing: every look begins with the facts.

    Args:
        compiled: The definition.
        request: What is to be answered.
        finish: Makes the answer fit its schema, or raises a LabmeshError.
    """

    def __init__(
        self,
        compiled: Compiled,
        request: WorkflowRequest,
        finish: Callable[[JsonObject], JsonObject] = _as_it_is,
    ) -> None:
        self._compiled = compiled
        self._request = request
        self._finish = finish

    def look(self, facts: Facts, *, now: int = 0, now_wall: int = 0) -> Picture:
        """Return how the workflow stands, and what is to be done.

        Args:
            facts: What the ledger says.
            now: The lab's time, ns: pauses between tries are of it.
            now_wall: Wall time, ns: `expires_after` counts from it.
        """
        return _Look(self._compiled, self._request, self._finish, facts, now, now_wall).take()


class _Look:
    """One look: from the facts to a picture."""

    def __init__(
        self,
        compiled: Compiled,
        request: WorkflowRequest,
        finish: Callable[[JsonObject], JsonObject],
        facts: Facts,
        now: int,
        now_wall: int,
    ) -> None:
        self._compiled = compiled
        self._request = request
        self._finish = finish
        self._facts = facts
        self._now = now
        self._now_wall = now_wall
        self._picture = Picture(verdict=facts.verdict)
        self._states = facts.states()
        self._names: dict[str, Any] = {
            "input": request.input,
            "workflow": {
                "name": compiled.workflow.name,
                "request": str(request.id),
                "campaign": request.campaign,
            },
            "let": {},
            "steps": {},
        }

    @property
    def _given_up(self) -> bool:
        return self._facts.verdict is not None

    def take(self) -> Picture:
        picture = self._picture
        try:
            for name, template in self._compiled.let.items():
                self._names["let"][name] = render(template, self._names, ("let", name))
        except TemplateError as error:
            self._fail("let", str(error), "", retryable=False)
        for name, step in self._compiled.steps.items():
            found = self._step(step)
            picture.steps[name] = found
            self._names["steps"][name] = found.record()
            if found.phase is Phase.FAILED:
                self._fail(name, found.why, found.remedy, retryable=found.retryable)
        if picture.verdict is None and all(s.phase.settled for s in picture.steps.values()):
            self._answer()
        if picture.verdict is not None:
            picture.submit.clear()
            self._give_up()
        return picture

    # One step.

    def _step(self, step: Step) -> StepPicture:
        before = [self._picture.steps[name] for name in sorted(step.needs)]
        if any(each.phase in (Phase.FAILED, Phase.NOT_BEGUN) for each in before):
            return self._picture_of(step, Phase.NOT_BEGUN)
        waits = [each.key for each in before if not each.phase.settled]
        if waits:
            phase = Phase.NOT_BEGUN if self._given_up else Phase.WAITING
            return self._picture_of(step, phase, why=f"waits for {', '.join(waits)}")
        try:
            items = self._items(step)
            needed = self._needed(step)
            entries = [self._entry(step, index, item) for index, item in enumerate(items)]
        except TemplateError as error:
            return self._picture_of(step, Phase.FAILED, why=str(error))
        return self._summed_up(step, self._in_turn(step, entries), needed)

    def _items(self, step: Step) -> list[Any]:
        if step.for_each is None:
            return [None]
        place = (*step.place, "for_each")
        return items_of(render(step.for_each, self._names, place), place)

    def _needed(self, step: Step) -> int | None:
        if step.at_least is None:
            return None
        place = (*step.place, "at_least")
        value = render(step.at_least, self._names, place)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise TemplateError(f"a number of items belongs here, not {value!r}", place)
        return int(value)

    def _entry(self, step: Step, index: int, item: Any) -> Entry | Due:
        names = self._with_item(step, index, item)
        if step.when is not None and not render(step.when, names, (*step.place, "when")):
            return Entry(index, item, Phase.SKIPPED, why="its condition is not met")
        return settle(
            step, index, item, list(self._tries(step.name, index, step.section.retry.tries)), names,
            now=self._now,
        )  # fmt: skip

    def _with_item(self, step: Step, index: int, item: Any) -> dict[str, Any]:
        return {**self._names, "item": item, "index": index} if step.for_each else self._names

    def _tries(self, key: str, index: int, most: int) -> Iterator[Try]:
        for number in range(1, most + 1):
            identity = step_id(self._request.id, key, index, number)
            sub = self._facts.requests.get(identity)
            refusal = self._facts.refusals.get(identity, "")
            if sub is None and not refusal:
                return
            yield Try(number, identity, sub, "" if sub is not None else refusal)

    def _in_turn(self, step: Step, entries: list[Entry | Due]) -> list[Entry]:
        """Ask what is due, as far as there is room, and return how every item stands."""
        limit = step.section.parallel or len(entries)
        room = limit - sum(isinstance(e, Entry) and e.open is not None for e in entries)
        found = []
        for each in entries:
            if isinstance(each, Entry):
                found.append(each)
                continue
            phase = Phase.NOT_BEGUN if self._given_up else Phase.WAITING
            why = ""
            if self._given_up:
                pass
            elif each.at > self._now:
                self._wake_at(each.at)
                why = "pauses before it is tried again"
            elif room <= 0:
                why = f"waits until fewer than {limit} are under way"
            else:
                try:
                    self._picture.submit.append(self._submission(step, each))
                    phase, room = Phase.RUNNING, room - 1
                except TemplateError as error:
                    phase, why = Phase.FAILED, str(error)
            found.append(Entry(each.index, each.item, phase, each.tries, why=why))
        return found

    def _submission(self, step: Step, due: Due) -> Submission:
        names = self._with_item(step, due.index, due.item)
        return self._asked(step, step.name, due.index, len(due.tries) + 1, names)

    def _asked(
        self, ask: Ask, key: str, index: int, number: int, names: Mapping[str, Any]
    ) -> Submission:
        section = ask.section
        after = section.expires_after
        return Submission(
            key=key,
            item=index,
            attempt=number,
            id=step_id(self._request.id, key, index, number),
            quantity=section.quantity,
            method=section.method,
            parameters=render(ask.parameters, names, (*ask.place, "parameters")),
            from_state=self._from_state(ask, names),
            expires=None if after is None else self._now_wall + int(after * _SECOND),
            priority=self._request.priority if section.priority is None else section.priority,
            attempts=section.attempts,
        )

    def _from_state(self, ask: Ask, names: Mapping[str, Any]) -> FromState | None:
        if ask.sample is None:
            return None
        place = (*ask.place, "from_state")
        sample = render(ask.sample, names, place)
        if not isinstance(sample, str) or not sample:
            raise TemplateError("the id of a sample belongs here", place)
        if ask.state is not None:
            state = render(ask.state, names, place)
        elif sample in self._states:
            state = self._states[sample]
        else:
            raise TemplateError(
                f"no result of this workflow tells of sample {sample}; say its state: "
                "{sample: ..., state: ...}",
                place,
            )
        return FromState(sample=sample, state=state)

    def _summed_up(self, step: Step, entries: list[Entry], needed: int | None) -> StepPicture:
        asked = [e for e in entries if e.phase is not Phase.SKIPPED]
        need = len(asked) if needed is None else needed
        done = sum(e.phase is Phase.DONE for e in entries)
        failed = [e for e in entries if e.phase is Phase.FAILED]
        if step.for_each is None and entries[0].phase is Phase.SKIPPED:
            return self._picture_of(step, Phase.SKIPPED, entries, 0, why=entries[0].why)
        if len(asked) - len(failed) < need:
            return self._failed(step, entries, need, failed)
        if all(e.phase.settled for e in entries):
            never = any(e.phase is Phase.NOT_BEGUN for e in entries)
            phase = Phase.NOT_BEGUN if never and done < need else Phase.DONE
            return self._picture_of(step, phase, entries, need)
        phases = {e.phase for e in entries}
        phase = next(p for p in (Phase.HELD, Phase.RUNNING, Phase.WAITING) if p in phases)
        return self._picture_of(step, phase, entries, need)

    def _failed(
        self, step: Step, entries: list[Entry], need: int, failed: list[Entry]
    ) -> StepPicture:
        first = failed[0] if failed else None
        if step.for_each is None and first is not None:
            return self._picture_of(
                step, Phase.FAILED, entries, need, why=first.why, remedy=first.remedy,
                retryable=first.retryable,
            )  # fmt: skip
        asked = sum(e.phase is not Phase.SKIPPED for e in entries)
        why = f"{asked - len(failed)} of {len(entries)} can come through, at least {need} must"
        if first is not None:
            why += f"; item {first.index}: {first.why}"
        remedy = first.remedy if first is not None else ""
        return self._picture_of(step, Phase.FAILED, entries, need, why=why, remedy=remedy)

    def _picture_of(
        self, step: Step, phase: Phase, entries: list[Entry] | None = None, needed: int = 1,
        **words: Any,
    ) -> StepPicture:  # fmt: skip
        return StepPicture(
            key=step.name,
            quantity=step.section.quantity,
            method=step.section.method,
            phase=phase,
            fans=step.for_each is not None,
            needs=tuple(name for name in self._compiled.steps if name in step.needs),
            entries=tuple(entries or ()),
            needed=needed,
            **words,
        )

    def _wake_at(self, at: int) -> None:
        self._picture.wake = min(at, self._picture.wake or at)

    # The end.

    def _fail(self, step: str, why: str, remedy: str, *, retryable: bool) -> None:
        if self._picture.verdict is None:
            self._picture.verdict = WorkflowVerdict(
                request=self._request.id,
                kind="failed",
                step=step,
                message=why[:_LONGEST],
                remedy=remedy[:_LONGEST],
                retryable=retryable,
            )

    def _answer(self) -> None:
        picture = self._picture
        try:
            answer = render(self._compiled.answer, self._names, ("answer",))
            picture.answer = self._finish(answer)
            picture.rating = rated(self._compiled, {**self._names, "answer": answer})
            picture.settled = True
        except LabmeshError as error:
            picture.answer = None
            self._fail("answer", str(error), "", retryable=False)

    def _give_up(self) -> None:
        """Cancel what is open; when all of it is at rest, compensate what was done."""
        picture = self._picture
        if not self._given_up:
            return
        known = self._facts.requests.values()
        undoing = {sub.id for step in self._undoing() for e in step.entries for sub in _subs(e)}
        still = [s for s in known if s.status not in FINAL and s.id not in undoing]
        picture.cancel = [sub.id for sub in still]
        picture.undone = self._undoing() if not still else []
        if not still:
            picture.submit = self._undo_next()
            picture.settled = all(step.phase.settled for step in picture.undone)

    def _undoing(self) -> list[StepPicture]:
        """Return the compensations that are due, in the order in which they go."""
        verdict = self._facts.verdict
        word = "cancel" if verdict is not None and verdict.kind == "cancelled" else "failure"
        found = []
        for step in reversed(list(self._compiled.steps.values())):
            entries = self._picture.steps[step.name].entries if self._picture.steps else ()
            for number, undo in enumerate(step.compensate):
                if word not in undo.section.upon:
                    continue
                key = f"{step.name}/compensate/{number}"
                undone = [self._undo(undo, key, e) for e in entries if e.phase is Phase.DONE]
                if undone:
                    section = undo.section
                    phase = next((e.phase for e in undone if not e.phase.settled), Phase.DONE)
                    found.append(
                        StepPicture(
                            key, section.quantity, section.method, phase, fans=step.for_each
                            is not None, needs=(step.name,), entries=tuple(undone),
                        )
                    )  # fmt: skip
        return found

    def _undo(self, undo: Ask, key: str, entry: Entry) -> Entry:
        tries = tuple(self._tries(key, entry.index, 1))
        if tries and (sub := tries[0].sub) is not None:
            if not sub.ended:
                return Entry(entry.index, entry.item, Phase.RUNNING, tries)
            done = sub.result is not None and sub.result.outcome == "resolved"
            phase = Phase.DONE if done else Phase.FAILED
            chosen = sub if done else None
            return Entry(entry.index, entry.item, phase, tries, chosen, sub.message)
        if tries:
            return Entry(entry.index, entry.item, Phase.FAILED, tries, why=tries[0].refusal)
        try:
            due = undo.when is None or render(undo.when, self._undo_names(entry), undo.place)
        except TemplateError as error:
            return Entry(entry.index, entry.item, Phase.FAILED, why=str(error))
        return Entry(entry.index, entry.item, Phase.WAITING if due else Phase.SKIPPED)

    def _undo_names(self, entry: Entry) -> dict[str, Any]:
        return {**self._names, "item": entry.item, "index": entry.index, "this": entry.record()}

    def _undo_next(self) -> list[Submission]:
        """Return the next compensation, unless one is under way: they go one after another."""
        entries = [(step, e) for step in self._picture.undone for e in step.entries]
        if any(e.phase is Phase.RUNNING for _, e in entries):
            return []
        for picture, entry in entries:
            if entry.phase is not Phase.WAITING:
                continue
            name, _, number = picture.key.partition("/compensate/")
            undo = self._compiled.steps[name].compensate[int(number)]
            done = next(e for e in self._picture.steps[name].entries if e.index == entry.index)
            try:
                names = self._undo_names(done)
                return [self._asked(undo, picture.key, entry.index, 1, names)]
            except TemplateError as error:
                self._note_failed(picture, entry, str(error))
        return []

    def _note_failed(self, picture: StepPicture, entry: Entry, why: str) -> None:
        """Mark a compensation that cannot even be asked."""
        failed = Entry(entry.index, entry.item, Phase.FAILED, why=why)
        entries = tuple(failed if e is entry else e for e in picture.entries)
        place = self._picture.undone.index(picture)
        phase = next((e.phase for e in entries if not e.phase.settled), Phase.DONE)
        self._picture.undone[place] = StepPicture(
            picture.key, picture.quantity, picture.method, phase, fans=picture.fans,
            needs=picture.needs, entries=entries,
        )  # fmt: skip


def _subs(entry: Entry) -> Iterator[SubRequest]:
    yield from (each.sub for each in entry.tries if each.sub is not None)
