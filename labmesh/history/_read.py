"""Reading a history from a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from labmesh.history._events import events_of
from labmesh.history._gather import KINDS, Gathered
from labmesh.history._types import Event, History, Life, Span
from labmesh.record import Record
from messages.errors import LabmeshError

Tell = Callable[[int, int], None]

MOST: Final = 1000
"""Samples of a history; a lot from which thousands of cells were made has more."""


async def read_history(
    record: Record, sample: str, span: Span, *, tell: Tell = lambda _done, _total: None
) -> History:
    """Return the history of a sample.

    Args:
        record: Where it is told; read once from its first entry to its last.
        sample: Whose.
        span: Which part of it.
        tell: Told of the progress.

    Raises:
        LabmeshError: There is no such sample, or more than `MOST` hang together.
    """
    gathered = Gathered()
    last, _ = await record.head()
    async for entry in record.entries(0, last, KINDS):
        gathered.take(entry)
        if entry.offset % 100 == 0:
            tell(entry.offset, last + 1)
    if sample not in gathered.states:
        raise LabmeshError(
            f"the record has no sample {sample}", remedy="labmesh sample list names them"
        )
    parents = {each: gathered.parents(each) for each in gathered.states}
    children: dict[str, list[str]] = {each: [] for each in gathered.states}
    for child, of in parents.items():
        for parent in of:
            children[parent].append(child)
    back = _reached(sample, parents) if span.back else ()
    forward = _reached(sample, children) if span.forward else ()
    history = History(sample, back=back, forward=forward)
    shown = {sample, *back, *forward}
    for each in (*reversed(back), sample, *forward):
        kept = tuple(child for child in children[each] if child in shown)
        events = events_of(each, gathered, kept)
        history.lives[each] = Life(
            sample=each,
            kind=str(gathered.states[each][0].body["kind"]),
            parents=parents[each],
            children=tuple(children[each]),
            events=tuple(event for event in events if _within(event, span)),
        )
    return history


def _reached(start: str, following: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return everything that is reached from a sample, the nearest first."""
    found: dict[str, None] = {}
    edge = [start]
    while edge:
        edge = list(dict.fromkeys(n for each in edge for n in following[each] if n not in found))
        found |= dict.fromkeys(edge)
        if len(found) > MOST:
            raise LabmeshError(
                f"more than {MOST} samples hang together",
                where=start,
                remedy="--back or --forward alone, or labmesh sample list --made-of",
            )
    return tuple(found)


def _within(event: Event, span: Span) -> bool:
    early = span.since is not None and event.at < span.since
    late = span.until is not None and event.at > span.until
    return not early and not late
