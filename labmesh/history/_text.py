"""A history for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from labmesh.history._types import Event, History, Life

Row = tuple[str, ...]


def tree_lines(history: History, when: Callable[[int], str]) -> Iterator[str]:
    """Yield a line a sample and a line an event, from the bottles down to what was made last.

    Args:
        history: Of a sample, whose line is marked.
        when: Says a time, ns, in words.
    """
    depths = history.generation()
    lives = history.ordered()
    rows = {life.sample: [_row(event, when) for event in life.events] for life in lives}
    every = [row for each in rows.values() for row in each]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for life in lives:
        indent = "   " * depths[life.sample]
        yield f"{indent}{_head(life, history)}"
        for row in rows[life.sample]:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield f"{indent}   {'  '.join(cells).rstrip()}"


def flags(event: Event) -> str:
    """Return in a word whether an event is real."""
    if event.simulated:
        return "simulated"
    return "from simulated data" if event.rests_on_simulated else ""


def title(event: Event) -> str:
    """Return what it is: the state's number and label, or what left the sample as it was."""
    if event.kind == "state":
        return f"{event.state} {event.label}"
    return "refused" if event.kind == "refused" else "unchanged"


def details(event: Event) -> str:
    """Return protocol, model and words, those that there are."""
    protocol = " ".join(filter(None, (event.protocol, event.protocol_hash[:12])))
    parts = (
        f"protocol {protocol}" if protocol else "",
        f"model {event.model}" if event.model else "",
        f"rated {event.rating}" if event.rating is not None else "",
        event.words,
    )
    return ", ".join(filter(None, parts))


def _head(life: Life, history: History) -> str:
    of = f"  made of {', '.join(life.parents)}" if life.parents else ""
    mark = "* " if life.sample == history.sample else ""
    return f"{mark}{life.sample}  {life.kind}{of}"


def _row(event: Event, when: Callable[[int], str]) -> Row:
    who = event.instrument or event.author
    return (
        when(event.at),
        title(event),
        event.location,
        f"{event.quantity}/{event.method} by {who}",
        flags(event),
        f"result {event.result!s}",
        details(event),
    )
