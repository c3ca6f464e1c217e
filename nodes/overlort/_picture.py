"""How a workflow stands: what the engine makes of the facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from messages.ledger import Rating, Status
from messages.model import JsonObject
from messages.workflow import WorkflowVerdict
from nodes.overlort._facts import Submission, SubRequest


class Phase(StrEnum):
    """Where a step, or one item of it, stands."""

    WAITING = "waiting"
    """For another step, for a place among the parallel ones, for its pause."""
    RUNNING = "running"
    """Asked, and not over."""
    HELD = "held"
    """A person must decide about its sub-request."""
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its condition was not met."""
    NOT_BEGUN = "not_begun"
    """And never will be, since the workflow is given up."""

    @property
    def settled(self) -> bool:
        """Whether nothing follows."""
        return self not in (Phase.WAITING, Phase.RUNNING, Phase.HELD)


@dataclass(frozen=True, slots=True)
class Try:
    """One sub-request of an item.

    Attributes:
        number: From 1.
        sub: As the ledger has it, None where it was refused.
        refusal: The ledger's reason.
    """

    number: int
    id: UUID
    sub: SubRequest | None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a step; the only one where the step has no fan-out.

    Attributes:
        why: Why it failed, or what it waits for.
        remedy: What may be done about it.
        retryable: The same may succeed at another time.
        chosen: The sub-request whose result counts.
    """

    index: int
    item: Any
    phase: Phase
    tries: tuple[Try, ...] = ()
    chosen: SubRequest | None = None
    why: str = ""
    remedy: str = ""
    retryable: bool = False

    @property
    def status(self) -> str:
        """The word for it in expressions."""
        return {Phase.DONE: "resolved"}.get(self.phase, self.phase.value)

    @property
    def last(self) -> SubRequest | None:
        """The sub-request that says most: the one that counts, else the last."""
        if self.chosen is not None:
            return self.chosen
        return self.tries[-1].sub if self.tries else None

    @property
    def open(self) -> SubRequest | None:
        """The sub-request that is not over."""
        sub = self.tries[-1].sub if self.tries else None
        return sub if sub is not None and not sub.ended else None

    def record(self) -> JsonObject:
        """Return it as expressions see it."""
        result = self.chosen.result if self.chosen is not None else None
        last = self.last
        return {
            "status": self.status,
            "item": self.item,
            "index": self.index,
            "tries": len(self.tries),
            "message": self.why,
            "request": str(last.id) if last is not None else None,
            "worker": last.worker if last is not None else None,
            "result": str(result.id) if result is not None else None,
            "data": result.data if result is not None else None,
            "samples": [s.model_dump() for s in result.samples] if result is not None else [],
            "rating": result.rating.model_dump() if result and result.rating else None,
        }


@dataclass(frozen=True, slots=True)
class StepPicture:
    """How a step stands.

    Attributes:
        key: Its name; of a compensation ``STEP/compensate/N``.
        fans: Whether it has a fan-out.
        needs: Steps it came after.
        needed: So many items must come through.
        why: Why it failed, or what it waits for.
    """

    key: str
    quantity: str
    method: str
    phase: Phase
    fans: bool
    needs: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    needed: int = 1
    why: str = ""
    remedy: str = ""
    retryable: bool = False

    @property
    def fraction(self) -> float:
        """How much of it is over, 0 to 1; what will never be begun is not."""
        if self.phase in (Phase.DONE, Phase.SKIPPED):
            return 1.0
        over = sum(e.phase.settled and e.phase is not Phase.NOT_BEGUN for e in self.entries)
        return over / max(len(self.entries), 1)

    def record(self) -> Any:
        """Return it as expressions see it."""
        records = [entry.record() for entry in self.entries]
        if self.fans:
            return records
        if records:
            return records[0]
        return Entry(0, None, self.phase).record()


@dataclass(slots=True)
class Picture:
    """How a workflow stands, and what is to be done next.

    Attributes:
        steps: In the order in which they may go.
        undone: Compensations, as far as they are due.
        submit: Sub-requests that are due.
        cancel: Sub-requests to retract.
        verdict: Why the workflow is given up; to be written where the facts lack it.
        settled: Nothing is left to do: there is an answer, or a verdict.
        answer: The answer.
        rating: Of the answer.
        wake: When to look again (ns, the lab's time), where a pause is waited for.
    """

    steps: dict[str, StepPicture] = field(default_factory=dict)
    undone: list[StepPicture] = field(default_factory=list)
    submit: list[Submission] = field(default_factory=list)
    cancel: list[UUID] = field(default_factory=list)
    verdict: WorkflowVerdict | None = None
    settled: bool = False
    answer: JsonObject | None = None
    rating: Rating | None = None
    wake: int | None = None

    @property
    def fraction(self) -> float:
        """How much of the workflow is over, every step counting the same."""
        return sum(step.fraction for step in self.steps.values()) / max(len(self.steps), 1)

    @property
    def entries(self) -> list[tuple[StepPicture, Entry]]:
        """Every item of every step, compensations last."""
        steps = [*self.steps.values(), *self.undone]
        return [(step, entry) for step in steps for entry in step.entries]

    @property
    def held(self) -> list[tuple[StepPicture, SubRequest]]:
        """Sub-requests about which a person must decide."""
        return [
            (step, sub)
            for step, entry in self.entries
            if (sub := entry.open) is not None and sub.status is Status.HELD
        ]
