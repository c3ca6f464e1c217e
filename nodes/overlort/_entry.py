"""One item of a step: from its tries to how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages.ledger import Status
from nodes.overlort._compiled import Step
from nodes.overlort._facts import SubRequest
from nodes.overlort._picture import Entry, Phase, Try
from nodes.overlort._template import render

_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Due:
    """An item whose next try is to be asked.

    Attributes:
        tries: Those before.
        at: Not before this (ns, the lab's time).
    """

    index: int
    item: Any
    tries: tuple[Try, ...]
    at: int


@dataclass(frozen=True, slots=True)
class _Judgement:
    good: bool
    why: str = ""
    remedy: str = ""
    retryable: bool = False


def settle(
    step: Step, index: int, item: Any, tries: list[Try], names: Mapping[str, Any], *, now: int
) -> Entry | Due:
    """Return how an item stands, or that its next try is due.

    Args:
        step: Its step.
        index: Its number.
        item: The item.
        tries: What was asked for it so far, in order.
        names: For the step's `expect`.
        now: The lab's time, ns.

    Raises:
        TemplateError: `expect` has no value.
    """
    retry = step.section.retry
    done, best = tuple(tries), _best(step, tries, names)
    if not tries:
        return Due(index, item, (), now)
    last = tries[-1]
    if last.sub is None:
        if best is not None:
            return Entry(index, item, Phase.DONE, done, best)
        return Entry(index, item, Phase.FAILED, done, why=last.refusal)
    if not last.sub.ended:
        phase = Phase.HELD if last.sub.status is Status.HELD else Phase.RUNNING
        return Entry(index, item, phase, done, why=last.sub.message if phase is Phase.HELD else "")
    found = _judge(step, last.sub, names)
    wanted = _poor(step, last.sub) if found.good else found.retryable
    if wanted and len(tries) < retry.tries:
        ended = last.sub.ended_at
        pause = int(retry.pause * _SECOND)
        return Due(index, item, done, now if ended is None else ended + pause)
    if best is not None:
        return Entry(index, item, Phase.DONE, done, best)
    return Entry(
        index, item, Phase.FAILED, done, why=found.why, remedy=found.remedy,
        retryable=found.retryable,
    )  # fmt: skip


def _best(step: Step, tries: list[Try], names: Mapping[str, Any]) -> SubRequest | None:
    """Return the best rated of the tries that count, the latest among equals."""
    good = [
        each.sub
        for each in tries
        if each.sub is not None and each.sub.ended and _judge(step, each.sub, names).good
    ]
    return max(reversed(good), key=_rating) if good else None


def _rating(sub: SubRequest) -> int:
    # What nobody rated is not worse than what was rated lowest, nor better.
    return sub.result.rating.rating if sub.result and sub.result.rating else 0


def _poor(step: Step, sub: SubRequest) -> bool:
    least = step.section.retry.rating_below
    rated = sub.result.rating if sub.result is not None else None
    return least is not None and rated is not None and rated.rating < least


def _judge(step: Step, sub: SubRequest, names: Mapping[str, Any]) -> _Judgement:
    result = sub.result
    if sub.status is Status.RESOLVED and result is not None:
        if step.expect is None:
            return _Judgement(good=True)
        seen = {
            **names,
            "data": result.data,
            "rating": result.rating.model_dump() if result.rating else None,
            "samples": [s.model_dump() for s in result.samples],
        }
        if render(step.expect, seen, (*step.place, "expect", "that")):
            return _Judgement(good=True)
        place = (*step.place, "expect", "otherwise")
        why = str(render(step.otherwise, seen, place)) if step.otherwise else ""
        return _Judgement(good=False, why=why, retryable=True)
    if sub.status is Status.FAILED and result is not None and result.failure is not None:
        failure = result.failure
        return _Judgement(
            good=False,
            why=f"{failure.where}: {failure.message}" if failure.where else failure.message,
            remedy=failure.remedy,
            retryable=failure.retryable,
        )
    words = sub.message or "no reason given"
    return _Judgement(
        good=False,
        why=words if sub.status is Status.FAILED else f"{sub.status.value}: {words}",
        # Nobody began it, so nothing was done; whatever a person ended stays ended.
        retryable=sub.status is Status.EXPIRED,
    )
