"""The live table at the bottom of a terminal."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from labmesh.launch._live import Live, Row, cut, layout, span
from messages.node import Milestone
from tests.labmesh.launch.test_execution import program, write
from tests.support import Processes
from tests.support.terminal import Screen, Terminal

LABMESH = Path(sys.executable).with_name("labmesh")
TALK = "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; sleep 0.03; done; "


def tables(lines: list[str]) -> int:
    return sum(line.startswith("process ") for line in lines)


async def test_on_a_real_terminal(processes: Processes, tmp_path: Path) -> None:
    wait = "while ! test -e {0}; do sleep 0.02; done; "
    file = write(
        tmp_path,
        program("talker", TALK + wait.format("go1") + TALK + wait.format("go2") + TALK
                + "exec sleep 99")
        + program("brief", "true"),
    )  # fmt: skip
    terminal = Terminal(100, 30)
    modes = terminal.modes
    running = await terminal.run(processes, LABMESH, "launch", file, env={"TERM": "xterm"})
    try:
        # The table is last, once, and up to date; the lines are above it, whole and in order.
        await terminal.until(
            lambda lines: any(re.match(r"talker .* line 9$", line) for line in lines[-3:])
        )
        *log, head, talker, brief, _ = terminal.screen.lines
        assert head.split() == ["process", "state", "pid", "up", "last", "line"]
        assert talker.split()[1] == "running"
        assert brief.split() == ["brief", "exited"]
        assert [line for line in log if "line" in line] == [
            f"[talker] line {n}" for n in range(1, 10)
        ]
        assert "\x1b[1m[launch] \x1b[0mstarted talker" in terminal.raw
        # Whatever the width, also when it changes while lines come.
        for go, columns in (("go1", 45), ("go2", 24)):
            terminal.resize(columns, 12)
            (tmp_path / go).touch()
            said = 18 if go == "go1" else 27

            def all_said(lines: list[str], said: int = said) -> bool:
                return sum("[talker] line" in line for line in lines) == said

            await terminal.until(lambda lines: all_said(lines) and tables(lines) == 1)
            assert tables(terminal.screen.lines) == 1
            assert all(len(line) < columns for line in terminal.screen.lines[-3:])
        terminal.type("\x03")
        assert await running.wait() == 130
        await terminal.until(lambda lines: any("ended: Ctrl-C" in line for line in lines))
        assert tables(terminal.screen.lines) == 0
        assert terminal.screen.lines[-2:] == ["[launch] ended: Ctrl-C (exit code 130)", ""]
        assert terminal.screen.cursor[1] == 0
        assert terminal.modes == modes
        assert "\x1b[?25l" not in terminal.raw  # the cursor was never hidden
    finally:
        terminal.close()


@pytest.mark.parametrize(("flags", "kind"), [(["--no-live"], "xterm"), ([], "dumb")])
async def test_without_it_there_are_only_lines(
    processes: Processes, tmp_path: Path, flags: list[str], kind: str
) -> None:
    file = write(tmp_path, program("one", "echo hello"))
    terminal = Terminal()
    try:
        running = await terminal.run(processes, LABMESH, "launch", file, *flags, env={"TERM": kind})
        assert await running.wait() == 0
        await terminal.until(lambda lines: any("ended:" in line for line in lines))
        assert "\x1b[J" not in terminal.raw
        assert "[one] hello" in terminal.screen.lines
    finally:
        terminal.close()


class Shown:
    """A live view on an emulated terminal."""

    def __init__(self, columns: int, lines: int, rows: list[Row]) -> None:
        self.size = (columns, lines)
        self.rows = rows
        self.screen = Screen(columns)
        self.out = io.StringIO()
        console = Console(file=self.out, force_terminal=True, width=500, soft_wrap=True)
        self.live = Live(self.out, console, lambda: self.rows, lambda: self.size)

    def draw(self, *, table: bool = True) -> list[str]:
        self.live.draw(table=table)
        self.screen.feed(self.out.getvalue().replace("\n", "\r\n"))
        self.out.seek(0)
        self.out.truncate()
        return self.screen.lines


async def test_a_node_s_progress_is_a_bar() -> None:
    shown = Shown(80, 24, [Row("fit", "active", 12, 0, 0, "a line")])
    shown.live.milestone("fit", Milestone(task="campaign", done=5, total=10, text="half"))
    assert shown.draw()[-2].endswith("campaign ━━━━━━━━━━────────── 5/10 half")
    shown.live.close()


async def test_other_threads_may_speak() -> None:
    shown = Shown(80, 24, [Row("one", "active", 12, 0)])
    await asyncio.to_thread(shown.live.line, Text("from afar"))
    async with asyncio.timeout(30):
        while "from afar" not in shown.out.getvalue():
            await asyncio.sleep(0.01)
    shown.live.close()


async def test_many_processes_leave_room_for_lines() -> None:
    rows = [Row(f"node{n}", "active", n, 0) for n in range(40)]
    rows[30] = Row("node30", "failed")
    shown = Shown(60, 20, rows)
    lines = shown.draw()
    assert len(lines) == 10
    assert any(line.split() == ["node30", "failed"] for line in lines)
    assert lines[-2] == "and 33 active"
    shown.live.close()


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(5, 120),
            st.lists(st.text(st.characters(categories=["L", "N"]), max_size=150), max_size=3),
            st.integers(0, 6),
        ),
        min_size=1,
        max_size=8,
    )
)
async def test_every_line_once_and_the_table_last(
    changes: list[tuple[int, list[str], int]],
) -> None:
    """Whatever the width becomes between two draws, nothing is lost and nothing left over."""
    shown = Shown(80, 24, [])
    said: list[str] = []
    for columns, lines, count in changes:
        shown.size = (columns, 24)
        shown.screen.columns = columns
        shown.rows = [Row(f"node{n}", "active", n, 0, 0, "x" * 30) for n in range(count)]
        for line in lines:
            plain = "".join(c for c in line if cell_len(c) == 1)
            said.append(f"|{plain}|")
            shown.live.line(Text(f"|{plain}|"))
        shown.draw()
    table = [line for line in shown.screen.lines if not line.startswith("|")]
    assert len(table) <= count + 2
    shown.draw(table=False)
    assert [line for line in shown.screen.lines if line] == said
    shown.live.close()


@given(st.integers(1, 200), st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_no_line_is_wider_than_the_terminal(width: int, words: list[str]) -> None:
    cells = [(cut(word, 40), "active", "123", "3m", "", word) for word in words]
    for line in layout(("process", "state", "pid", "up", "again", "last line"), cells, width):
        assert cell_len(line.plain) <= width
        assert "\n" not in line.plain


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5s"), (185, "3m05s"), (7800, "2h10m"), (357_000, "4d3h"), (-3, "0s")]
)
def test_span(seconds: int, text: str) -> None:
    assert span(0, seconds * 1_000_000_000) == text
