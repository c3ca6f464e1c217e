"""Where a history's samples and events stand in a picture: a lane a sample, a column an event."""

from __future__ import annotations

from dataclasses import dataclass

from labmesh.history._types import Event, History, Life

Step = tuple[int, int, int]
"""Time, generation and state: what a column of the picture stands for."""


@dataclass(frozen=True, slots=True)
class Dot:
    """An event in the picture.

    Attributes:
        x: Column; events at one time stand above one another.
        y: Lane, 0 at the top.
        event: What it is.
        sample: Whose.
    """

    x: int
    y: int
    event: Event
    sample: str


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it.

    Attributes:
        lives: From top to bottom.
        dots: In time.
        times: ns, of each column.
        births: From the parent's dot to the child's first.
    """

    lives: tuple[Life, ...]
    dots: tuple[Dot, ...]
    times: tuple[int, ...]
    births: tuple[tuple[Dot, Dot], ...]


def layout(history: History) -> Layout:
    """Lay a history out.

    Columns stand for moments at equal distances: between two of them may lie a second or a month,
    which the axis says.
    """
    lives = [life for life in history.ordered() if life.events]
    lanes = {life.sample: number for number, life in enumerate(lives)}
    depths = history.generation()

    def step(life: Life, event: Event) -> Step:
        # Of one moment, what is taken stands before what is made of it, and each state by itself.
        return event.at, depths[life.sample], -1 if event.state is None else event.state

    steps = sorted({step(life, event) for life in lives for event in life.events})
    columns = {found: number for number, found in enumerate(steps)}
    dots = [
        Dot(columns[step(life, event)], lanes[life.sample], event, life.sample)
        for life in lives
        for event in life.events
    ]
    firsts = {life.sample: _first(dots, life.sample) for life in lives}
    births = [
        (parent, firsts[life.sample])
        for life in lives
        for name in life.parents
        if name in lanes and (parent := _last_before(dots, name, firsts[life.sample])) is not None
    ]
    return Layout(
        tuple(lives), tuple(sorted(dots, key=lambda dot: (dot.x, dot.y))),
        tuple(at for at, *_ in steps), tuple(births),
    )  # fmt: skip


def _first(dots: list[Dot], sample: str) -> Dot:
    return min((dot for dot in dots if dot.sample == sample), key=lambda dot: dot.x)


def _last_before(dots: list[Dot], sample: str, child: Dot) -> Dot | None:
    own = [dot for dot in dots if dot.sample == sample]
    before = [dot for dot in own if dot.event.at <= child.event.at]
    return max(before, key=lambda dot: dot.x, default=None)
