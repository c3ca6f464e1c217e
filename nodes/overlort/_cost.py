"""What a workflow cost, how long it took, and which of its steps that hangs on."""

from __future__ import annotations

from typing import Any, Final

from messages.model import JsonObject
from messages.query import ResultView
from messages.reproducibility import RESTS_ON_SIMULATED
from nodes.overlort._definition import Workflow
from nodes.overlort._facts import SubRequest
from nodes.overlort._picture import Entry, Phase, Picture, StepPicture

_HOUR: Final = 3600e9


def cost_of(workflow: Workflow, step: StepPicture, sub: SubRequest, now: int) -> float:
    """Return what a sub-request cost so far, in the workflow's currency.

    Args:
        workflow: Says the prices.
        step: Whose it is.
        sub: One that has not begun costs nothing.
        now: The lab's time, ns: until then one is counted that is not over.
    """
    price = workflow.prices.capabilities.get(f"{step.quantity}/{step.method}")
    if price is None or sub.attempt < 1:
        return 0.0
    begun = sub.begun_at
    ended = sub.ended_at if sub.ended else now
    hours = 0.0 if begun is None or ended is None else max(ended - begun, 0) / _HOUR
    return price.each + price.hour * hours


def cost_of_all(workflow: Workflow, picture: Picture, now: int) -> float:
    """Return what a workflow cost so far, every try and compensation included."""
    return sum(
        cost_of(workflow, step, each.sub, now)
        for step, entry in picture.entries
        for each in entry.tries
        if each.sub is not None
    )


def since(picture: Picture, otherwise: int) -> int:
    """Return when the first sub-request was asked (ns, the lab's time).

    The request itself is stamped by its requester, whose clock may be another.
    """
    asked = (t.sub.asked for _, entry in picture.entries for t in entry.tries if t.sub)
    return min((at for at in asked if at), default=otherwise)


def ended_at(entry: Entry) -> int:
    """Return when an item was over (ns, the lab's time), 0 where it is not known."""
    return max((each.sub.ended_at or 0 for each in entry.tries if each.sub), default=0)


def critical_path(picture: Picture) -> list[tuple[str, int]]:
    """Return the steps, each with the number of one item, that the end waits or waited for.

    Backwards from the step that ended last, or is not over: of what it needed, that which ended
    last; of a fan-out its last item.
    """
    asked = {k: s for k, s in picture.steps.items() if any(e.tries for e in s.entries)}
    if not asked:
        return []
    path: list[tuple[str, int]] = []
    name: str | None = max(asked, key=lambda k: (_until(asked[k]), list(asked).index(k)))
    while name is not None:
        step = asked[name]
        entries = [entry for entry in step.entries if entry.tries]
        last = max(entries, key=_entry_until)
        path.append((name, last.index))
        before = [key for key in step.needs if key in asked]
        name = max(before, key=lambda k: _until(asked[k])) if before else None
    return path[::-1]


_OPEN: Final = 2**63
"""Later than everything: what is not over."""


def _entry_until(entry: Entry) -> int:
    return ended_at(entry) if entry.phase.settled else _OPEN


def _until(step: StepPicture) -> int:
    return max((_entry_until(entry) for entry in step.entries if entry.tries), default=0)


def summed_up(workflow: Workflow, picture: Picture, now: int) -> dict[str, Any]:
    """Return a workflow's notes for the provenance of its result."""
    subs = [each.sub for _, entry in picture.entries for each in entry.tries if each.sub]
    results = [sub.result for sub in subs if sub.result is not None]
    # What a part of the answer declares as made up is so in the answer, too.
    said = [r.provenance.notes.get("synthetic") for r in results]
    synthetic = [word for each in said for word in (each if isinstance(each, list) else [each])]
    lost = [
        f"{step.key}: {entry.why}"
        for step in picture.undone
        for entry in step.entries
        if entry.phase is Phase.FAILED
    ]
    notes: JsonObject = {
        RESTS_ON_SIMULATED: any(map(_simulated, results)) or None,
        "workflow": workflow.name,
        "workflow_sha256": workflow.sha256,
        "requests": len(subs),
        "duration": max(now - since(picture, now), 0) / 1e9,
        "critical_path": [name for name, _ in critical_path(picture)],
        "simulated_parts": sorted(
            {f"{r.quantity}/{r.method}" for r in results if r.provenance.simulated}
        ),
        "synthetic": list(dict.fromkeys(word for word in synthetic if isinstance(word, str))),
        "not_compensated": lost,
    }
    if workflow.prices.capabilities:
        notes["cost"] = round(cost_of_all(workflow, picture, now), 6)
        notes["currency"] = workflow.prices.currency
    return {key: value for key, value in notes.items() if value not in (None, [], "")}


def _simulated(result: ResultView) -> bool:
    """Whether a part of the answer was simulated, or was made from what was."""
    provenance = result.provenance
    return provenance.simulated or provenance.notes.get(RESTS_ON_SIMULATED) is True
