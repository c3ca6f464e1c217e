"""The step journal: what an instrument is about to do is on the disk before it does it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Literal
from uuid import UUID

from labmesh.instrument._file import InstrumentFile
from labmesh.instrument._step import SELECT, Step
from labmesh.instrument._supplies import Supplies
from messages.errors import LabmeshError, StepDoneError, StepInDoubtError
from messages.model import JsonObject

Outcome = Literal["done", "not_done"]
"""How a step in doubt ended, by the word of a person who has looked."""

_ENDED: Final = "UPDATE step SET state = ?, result = ?, words = ?, ended = ? WHERE id = ?"


class OpenStep:
    """A step that is under way.

    Attributes:
        id: Its number in the journal.
    """

    def __init__(self, identity: int) -> None:
        self.id = identity
        self.noted: JsonObject = {}
        self.undone: str | None = None

    def result(self, **values: Any) -> None:
        """Note what was measured and done; may be called several times."""
        self.noted.update(values)

    def not_done(self, why: str) -> None:
        """Say that nothing was done (the device refused): the step is not in doubt, if it fails."""
        self.undone = why or "not done"


class StepJournal:
    """The journal of one instrument, in its file.

    Args:
        file: The file.
        now: Time of the experiment (ns).
        supplies: Where steps book what they use.
        dry_run: Steps are marked so, count for dry runs alone, and book nothing.
        changed: Called when a step has come to be in doubt, or was resolved.
    """

    def __init__(
        self,
        file: InstrumentFile,
        now: Callable[[], int],
        supplies: Supplies,
        *,
        dry_run: bool = False,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = file
        self._now = now
        self._supplies = supplies
        self._dry_run = dry_run
        self._changed = changed
        self._open: set[int] = set()

    @asynccontextmanager
    async def step(
        self,
        request: UUID,
        key: str,
        *,
        kind: str,
        once: bool,
        intent: Mapping[str, Any] | None = None,
        books: Mapping[str, float] | None = None,
    ) -> AsyncIterator[OpenStep]:
        """Write the intent through to the disk, run the block, write its result.

        A block that raises leaves a step of ``once`` in doubt, unless it has said `not_done`;
        others count as failed and may be repeated.

        Args:
            request: The request; all attempts at it share its steps.
            key: Which step of the request's plan, the same in every attempt.
            kind: What is done.
            once: Never repeat it: what was done before raises `StepDoneError`.
            intent: What is to be done, with everything that a person would need to know.
            books: Supplies that it uses, by name, booked in one transaction with the intent.

        Raises:
            StepDoneError: It was done before; has the result of then.
            StepInDoubtError: It was begun before and nobody knows how it ended.
            SupplyShortError: A supply does not suffice; nothing was written.
            StoreError: The file cannot be written; nothing was begun.
        """
        begin = asyncio.ensure_future(
            asyncio.to_thread(self._begin, request, key, kind, once, intent or {}, books or {})
        )
        try:
            open_step = await asyncio.shield(begin)
        except asyncio.CancelledError:
            # Nothing was done yet, and the journal shall say so.
            await asyncio.wait([begin])
            if begin.exception() is None:
                await self._end(begin.result(), "not_done", "cancelled before it began")
            raise
        if books:
            self._supplies.changed()
        try:
            yield open_step
        except BaseException as error:
            await self._fail(open_step, error, once=once)
            raise
        await self._end(open_step, "done", "")

    def done(self, request: UUID, key: str) -> JsonObject | None:
        """Return the result of a step that was done, or None: for plans that skip what is done."""
        step = self._last(request, key)
        return step.result if step is not None and step.state == "done" else None

    def steps(self, request: UUID) -> list[Step]:
        """Return all steps of a request, the oldest first."""
        return self._find("request = ?", str(request))

    def recent(self, count: int = 100) -> list[Step]:
        """Return the last steps, the newest first."""
        rows: list[Any] = self._file.rows(f"{SELECT} ORDER BY id DESC LIMIT ?", count)
        return [Step.of(row) for row in rows]

    def in_doubt(self) -> list[Step]:
        """Return the steps of ``once`` that were begun and of which nobody knows how they ended."""
        found = self._find("state = 'begun' AND once = 1 AND dry_run = 0")
        return [step for step in found if step.id not in self._open]

    def under_way(self) -> list[Step]:
        """Return the steps that are under way in this process."""
        return [step for step in self._find("state = 'begun'") if step.id in self._open]

    def resolve(
        self, step: Step | int, outcome: Outcome, *, by: str, words: str = "",
        result: JsonObject | None = None,
    ) -> Step:  # fmt: skip
        """Note how a step in doubt ended, by the word of a person who has looked.

        ``not_done`` gives back what it had booked, and the step may be done; with ``done`` a
        resumed plan goes on after it.

        Args:
            step: The step, or its number.
            outcome: How it ended.
            by: The person.
            words: What was seen.
            result: What the plan goes on with where it was done, as the step would have noted it.

        Raises:
            LabmeshError: No such step is in doubt, or nobody is named.
        """
        number = step if isinstance(step, int) else step.id
        if not by.strip():
            raise LabmeshError("name the person who has looked", where=f"step {number}")
        if number not in {each.id for each in self.in_doubt()}:
            raise LabmeshError(
                f"step {number} is not in doubt", remedy="instrument.journal lists those that are"
            )
        with self._file.transaction() as db:
            db.execute(
                "UPDATE step SET state = ?, result = ?, words = ?, ended = ?, resolved_by = ? "
                "WHERE id = ?",
                (outcome, json.dumps(result or {}), words, self._now(), by.strip(), number),
            )
            if outcome == "not_done":
                self._supplies.give_back_step(db, number, by.strip())
        self._changed()
        self._supplies.changed()
        return self._find("id = ?", number)[0]

    def close_others(self) -> None:
        """Count as failed what a former process had begun and may be repeated; after its start."""
        with self._file.transaction() as db:
            db.execute(
                "UPDATE step SET state = 'failed', words = 'the process ended', ended = ? "
                "WHERE state = 'begun' AND (once = 0 OR dry_run = 1)", (self._now(),),
            )  # fmt: skip

    def _begin(
        self, request: UUID, key: str, kind: str, once: bool, intent: Mapping[str, Any],
        books: Mapping[str, float],
    ) -> OpenStep:  # fmt: skip
        with self._file.transaction() as db:
            before = self._last(request, key)
            if before is not None and once:
                _refuse_repetition(before)
            cursor = db.execute(
                "INSERT INTO step (request, key, kind, once, dry_run, intent, state, result, words,"
                " begun, resolved_by) VALUES (?, ?, ?, ?, ?, ?, 'begun', '{}', '', ?, '')",
                (str(request), key, kind, once, self._dry_run, json.dumps(intent, default=str),
                 self._now()),
            )  # fmt: skip
            number = int(cursor.lastrowid or 0)
            self._supplies.book_in(db, books, for_=request, step=number)
            self._open.add(number)
        return OpenStep(number)

    async def _fail(self, step: OpenStep, error: BaseException, *, once: bool) -> None:
        words = f"{type(error).__name__}: {error}".removesuffix(": ")
        if step.undone is not None:
            await self._end(step, "not_done", step.undone)
        elif once:
            await self._end(step, "begun", words)
            self._changed()
        else:
            await self._end(step, "failed", words)

    async def _end(self, step: OpenStep, state: str, words: str) -> None:
        """Write how a step ended; whoever is cancelled meanwhile waits for it."""

        def write() -> None:
            with self._file.transaction() as db:
                ended = None if state == "begun" else self._now()
                noted = json.dumps(step.noted, default=str)
                db.execute(_ENDED, (state, noted, words, ended, step.id))
                if state == "not_done":
                    self._supplies.give_back_step(db, step.id, "")

        writing = asyncio.ensure_future(asyncio.to_thread(write))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise
        finally:
            self._open.discard(step.id)

    def _last(self, request: UUID, key: str) -> Step | None:
        found = self._find(
            "request = ? AND key = ? AND dry_run = ?", str(request), key, self._dry_run
        )
        return found[-1] if found else None

    def _find(self, condition: str, *values: object) -> list[Step]:
        rows: list[Any] = self._file.rows(f"{SELECT} WHERE {condition} ORDER BY id", *values)
        return [Step.of(row) for row in rows]


def _refuse_repetition(before: Step) -> None:
    if before.state == "done":
        raise StepDoneError(
            f"{before} was done before", where=before.key, result=before.result,
            remedy="a resumed plan goes on after it",
        )  # fmt: skip
    if before.state == "begun":
        raise StepInDoubtError(
            f"{before} was begun before and nobody knows how it ended",
            where=before.key,
            remedy="look at the instrument, then tell it with instrument.resolve",
        )
