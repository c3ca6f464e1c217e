"""The live view: a table of processes that stays at the bottom while lines scroll above it.

One write a change, between the marks of a synchronised update (terminals that do not know them
ignore them), so that nothing flickers. No mode of the terminal is changed: whatever ends the
launch, the terminal is as it was.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from messages.node import Milestone

_DELAY: Final = 0.05
"""Seconds between a change and its showing: what comes in between is one write."""

_TICK: Final = 1.0
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_BAR: Final = 20
_STYLES: Final = {
    "active": "green", "running": "green", "failed": "bold red", "respawning": "bold yellow",
    "exited": "dim", "stopped": "dim", "planned": "dim",
}  # fmt: skip
_QUIET: Final = frozenset({"active", "running", "exited", "stopped", "planned"})


@dataclass(frozen=True, slots=True)
class Row:
    """What the table shows of a process; ``since`` is ns UTC."""

    label: str
    state: str
    pid: int | None = None
    since: int | None = None
    restarts: int = 0
    last_line: str = ""


class Live:
    """Draws on a terminal. Lives within a running event loop.

    Args:
        out: The terminal.
        console: Turns texts into what the terminal understands.
        rows: Gives the processes as they are.
        size: Gives columns and lines; by default as the terminal says.
    """

    def __init__(
        self,
        out: IO[str],
        console: Console,
        rows: Callable[[], Sequence[Row]],
        size: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        self._out = out
        self._console = console
        self._rows = rows
        self._size = size or self._terminal_size
        self._pending: list[Text] = []
        self._drawn: list[int] = []
        self._milestones: dict[str, Milestone] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._open = True
        self.touch()

    def line(self, text: Text) -> None:
        """Show a line above the table."""
        self._pending.append(text)
        self.touch()

    def milestone(self, label: str, milestone: Milestone) -> None:
        """Show the progress of a process in place of its last line."""
        self._milestones[label] = milestone
        self.touch()

    def touch(self) -> None:
        """Draw again soon: something has changed. Any thread may say so."""
        if not self._open:
            return
        if threading.get_ident() != self._thread:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self.touch)
            return
        due = self._loop.time() + _DELAY
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._due)

    def close(self) -> None:
        """Show what is left to be shown, and take the table away."""
        if not self._open:
            return
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        self.draw(table=False)

    def draw(self, *, table: bool = True) -> None:
        """Write the lines that wait, and the table as it is now."""
        columns, lines = self._size()
        wanted = self._table(columns - 1, lines) if table else []
        parts = [_BEGIN, self._erase(columns)]
        pending, self._pending = self._pending, []
        with self._console.capture() as captured:
            for text in pending:
                self._console.print(text)
        parts.append(captured.get())
        with self._console.capture() as captured:
            for text in wanted:
                self._console.print(text)
        parts += [captured.get(), _END]
        self._drawn = [cell_len(text.plain) for text in wanted]
        self._out.write("".join(parts))
        self._out.flush()

    def _due(self) -> None:
        self._timer = None
        try:
            self.draw()
        except (OSError, ValueError):
            self._open = False  # the terminal is gone; the log files remain
            return
        self._timer = self._loop.call_later(_TICK, self._due)

    def _erase(self, columns: int) -> str:
        """Return what erases the table, which a narrower terminal has broken into more lines.

        The cursor rests on an empty line below it: wherever the lines break, it stays there, and
        so do the terminal's own ^C, and the prompt should the launch be killed.
        """
        if not self._drawn:
            return ""
        rows = sum(max(1, -(-width // max(1, columns))) for width in self._drawn)
        return f"\r\x1b[{rows}A\x1b[J"

    def _terminal_size(self) -> tuple[int, int]:
        try:
            columns, lines = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            columns = lines = 0
        return columns or 80, lines or 24

    def _table(self, width: int, lines: int) -> list[Text]:
        rows = list(self._rows())
        most = max(1, lines // 2 - 2)
        if width < 8 or lines < 4 or not rows:
            return []
        hidden: list[Row] = []
        if len(rows) > most:
            loud = sorted(rows, key=lambda row: row.state in _QUIET)[: most - 1]
            hidden = [row for row in rows if row not in loud]
            rows = [row for row in rows if row in loud]
        cells = [
            (
                row.label,
                row.state,
                "" if row.pid is None else str(row.pid),
                "" if row.pid is None or row.since is None else span(row.since),
                str(row.restarts) if row.restarts else "",
                self._last(row),
            )
            for row in rows
        ]
        table = layout(("process", "state", "pid", "up", "again", "last line"), cells, width)
        if hidden:
            states = Counter(row.state for row in hidden).most_common()
            more = ", ".join(f"{count} {state}" for state, count in states)
            table.append(Text(cut(f"and {more}", width), style="dim"))
        return table

    def _last(self, row: Row) -> str:
        milestone = self._milestones.get(row.label)
        if milestone is None:
            return row.last_line
        total = "?" if milestone.total is None else str(milestone.total)
        done = f"{milestone.done}/{total} {milestone.text}".rstrip()
        share = min(1.0, milestone.done / milestone.total) if milestone.total else 0.0
        bar = "━" * round(share * _BAR) + "─" * (_BAR - round(share * _BAR))
        return f"{milestone.task} {bar} {done}"


def layout(head: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[Text]:
    """Return a table as lines of at most ``width`` columns.

    The last column gets what is left; where the terminal is narrow, the ones before it go, the
    rightmost first, and at last the names are cut.
    """
    widths = [max(cell_len(row[i]) for row in (head, *cells)) for i in range(len(head) - 1)]
    kept = [i for i, row in enumerate(zip(*cells, strict=True)) if i < 2 or any(row)]
    kept = [i for i in kept if i < len(head) - 1]
    while len(kept) > 2 and sum(widths[i] + 2 for i in kept) + 10 > width:
        kept.pop()
    if sum(widths[i] + 2 for i in kept) > width:
        widths[0] = max(1, width - widths[1] - 4)
    lines = []
    for index, row in enumerate((head, *cells)):
        text = Text(no_wrap=True, style="dim" if index == 0 else "")
        for i in kept:
            style = _STYLES.get(row[i], "yellow") if i == 1 and index else ""
            text.append(set_cell_size(cut(row[i], widths[i]), widths[i]) + "  ", style=style)
        left = width - cell_len(text.plain)
        text.append(cut(row[-1], left) if left > 0 else "")
        text.truncate(width)
        text.rstrip()
        lines.append(text)
    return lines


def cut(text: str, width: int) -> str:
    """Return plain text that fits into ``width`` columns: no control characters, an ellipsis."""
    plain = Text.from_ansi(text).plain.replace("\t", " ")
    plain = "".join(character for character in plain if character.isprintable())
    if cell_len(plain) <= width:
        return plain
    return set_cell_size(plain, max(0, width - 1)).rstrip() + "…" if width > 0 else ""


def span(since: int, now: int | None = None) -> str:
    """Return how long ago a point in time (ns UTC) was: ``7s``, ``3m05s``, ``2h10m``, ``4d3h``."""
    seconds = max(0, ((time.time_ns() if now is None else now) - since) // 1_000_000_000)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02}m"
    return f"{seconds // 86400}d{seconds % 86400 // 3600}h"
