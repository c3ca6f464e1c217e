"""A workflow's story as rows for people, and as a document for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from messages.ledger import Status
from messages.model import JsonObject
from nodes.overlort._cost import cost_of, cost_of_all, critical_path, since
from nodes.overlort._facts import SubRequest
from nodes.overlort._picture import Entry, Phase, StepPicture
from nodes.overlort._read import Story
from nodes.overlort._words import step_words, trouble_of

_BAR = 30


@dataclass(frozen=True, slots=True)
class Line:
    """A step, or one item of it.

    Attributes:
        step: Its key.
        item: Number of the item, None for a step as a whole.
        status: Its phase, or the status of its open sub-request.
        tries: Sub-requests so far.
        lab: Seconds of the lab's time from begin to end, or to the newest news.
        wall: Wall seconds from begin to the last change.
        begun: When it was begun (ns, the lab's time).
        critical: Whether the end waits, or waited, for it.
        why: What it waits for, or why it failed.
    """

    step: str
    item: int | None
    what: str
    status: str
    tries: int
    worker: str
    begun: int | None
    lab: float | None
    wall: float | None
    cost: float
    critical: bool
    why: str
    request: str

    def document(self) -> JsonObject:
        """Return it for programs."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def lines_of(story: Story) -> list[Line]:
    """Return a line a step, and below a fan-out a line an item."""
    if story.picture is None:
        return []
    critical = dict(critical_path(story.picture))
    found: list[Line] = []
    for step in [*story.picture.steps.values(), *story.picture.undone]:
        found.append(_step_line(story, step, critical=step.key in critical))
        if step.fans:
            found += [
                _entry_line(story, step, entry, critical=critical.get(step.key) == entry.index)
                for entry in step.entries
            ]
    return found


def waits_of(story: Story) -> list[str]:
    """Return in words what a workflow waits for now, and what a person must do."""
    picture = story.picture
    if story.ended:
        return []
    if picture is None:
        return [f"its request is {story.view.status.value}: {story.view.message}".rstrip(": ")]
    trouble = trouble_of(picture)
    words = [] if trouble is None else [f"a person: {trouble[0]}; {trouble[1]}"]
    if picture.verdict is not None:
        words.append(f"given up ({picture.verdict.kind}): {picture.verdict.message}")
    moving = [
        step_words(s) for s in picture.steps.values() if s.phase in (Phase.RUNNING, Phase.HELD)
    ]
    asked = [
        f"{step.key} ({sub.status.value}{f' at {sub.worker}' if sub.worker else ''})"
        for step, entry in picture.entries
        if (sub := entry.open) is not None and not step.fans
    ]
    words += asked or moving
    due = sorted({each.key for each in picture.submit})
    if due:
        words.append(f"{', '.join(due)}: due, and not asked yet")
    return words


def document_of(story: Story) -> JsonObject:
    """Return all of it, for programs."""
    view, picture, workflow = story.view, story.picture, story.workflow
    found: JsonObject = {
        "request": str(view.id),
        "workflow": workflow.name if workflow else None,
        "capability": f"{view.quantity}/{view.method}",
        "status": view.status.value,
        "message": view.message,
        "campaign": view.campaign,
        "asked_by": view.author,
        "asked": view.stamp,
        "asked_wall": view.load_time,
        "changed_wall": view.changed,
        "lab_seconds": (story.now - since(picture, story.now)) / 1e9 if picture else 0.0,
        "fraction": 1.0 if view.status is Status.RESOLVED else picture.fraction if picture else 0.0,
        "waits_for": waits_of(story),
        "steps": [line.document() for line in lines_of(story)],
    }
    if picture is not None and workflow is not None:
        found["critical_path"] = [name for name, _ in critical_path(picture)]
        if workflow.prices.capabilities:
            found["cost"] = cost_of_all(workflow, picture, story.now)
            found["currency"] = workflow.prices.currency
        if picture.verdict is not None:
            found["verdict"] = picture.verdict.model_dump(mode="json")
    return found


def bar(fraction: float) -> str:
    """Return a fraction as a bar of `_BAR` characters."""
    full = round(_BAR * min(max(fraction, 0.0), 1.0))
    return f"[{'#' * full}{'.' * (_BAR - full)}] {fraction:.0%}"


def row_of(
    line: Line, *, prices: bool, duration: Callable[[float], str], when: Callable[[int], str]
) -> tuple[Any, ...]:
    """Return a line as a row of the table; ``duration`` and ``when`` put times into words."""
    name = line.step if line.item is None else f"  {line.item}"
    return (
        "*" if line.critical else "",
        name,
        line.what,
        line.status,
        line.tries or "",
        line.worker,
        "" if line.begun is None else when(line.begun),
        "" if line.lab is None else duration(line.lab),
        "" if line.wall is None else duration(line.wall),
        *((f"{line.cost:.2f}" if line.cost else "",) if prices else ()),
        line.request[:13],
        line.why[:100],
    )


def _step_line(story: Story, step: StepPicture, *, critical: bool) -> Line:
    subs = [sub for entry in step.entries for sub in _subs(entry)]
    one = step.entries[0] if step.entries and not step.fans else None
    status = _status(one, step.phase) if one is not None else step.phase.value
    if step.fans and step.entries:
        done = sum(entry.phase is Phase.DONE for entry in step.entries)
        status = f"{step.phase.value} {done}/{len(step.entries)}"
    last = one.last if one is not None else None
    return Line(
        step=step.key,
        item=None,
        what=f"{step.quantity}/{step.method}",
        status=status,
        tries=len(subs),
        worker=(last.worker or "") if last is not None else "",
        begun=min((s.begun_at for s in subs if s.begun_at), default=None),
        lab=_span(subs, story.now),
        wall=_wall(story, subs),
        cost=_cost(story, step, subs),
        critical=critical,
        why=step.why or (one.why if one is not None and one.phase is not Phase.DONE else ""),
        request=str(last.id) if last is not None else "",
    )


def _entry_line(story: Story, step: StepPicture, entry: Entry, *, critical: bool) -> Line:
    subs, last = list(_subs(entry)), entry.last
    return Line(
        step=step.key,
        item=entry.index,
        what="",
        status=_status(entry, entry.phase),
        tries=len(entry.tries),
        worker=(last.worker or "") if last is not None else "",
        begun=min((s.begun_at for s in subs if s.begun_at), default=None),
        lab=_span(subs, story.now),
        wall=_wall(story, subs),
        cost=_cost(story, step, subs),
        critical=critical,
        why="" if entry.phase is Phase.DONE else entry.why,
        request=str(last.id) if last is not None else "",
    )


def _status(entry: Entry, phase: Phase) -> str:
    sub = entry.open
    return sub.status.value if sub is not None else phase.value


def _subs(entry: Entry) -> Iterator[SubRequest]:
    yield from (each.sub for each in entry.tries if each.sub is not None)


def _span(subs: list[SubRequest], now: int) -> float | None:
    begun = [sub.begun_at for sub in subs if sub.begun_at]
    ends = [(sub.ended_at if sub.ended else now) or now for sub in subs if sub.begun_at]
    return max(max(ends) - min(begun), 0) / 1e9 if begun else None


def _wall(story: Story, subs: list[SubRequest]) -> float | None:
    begun = [story.begun[sub.id] for sub in subs if sub.id in story.begun]
    ends = [sub.changed_wall for sub in subs if sub.id in story.begun]
    return max(max(ends) - min(begun), 0) / 1e9 if begun else None


def _cost(story: Story, step: StepPicture, subs: list[SubRequest]) -> float:
    if story.workflow is None:
        return 0.0
    return sum(cost_of(story.workflow, step, sub, story.now) for sub in subs)
