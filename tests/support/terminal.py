"""A terminal for tests: a real pseudo-terminal, and an emulator that knows what it shows.

The emulator knows text, line ends, colours, cursor up and erase to the end, and reflows what it
shows when its width changes, as most terminals do. Anything else fails.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.processes import Processes, Running

_CONTROL = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")

_ON_TERMINAL = """\
import fcntl, os, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
for stream in range(3):
    os.dup2(fd, stream)
os.close(fd)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Screen:
    """What a terminal of ``columns`` shows, with everything that has scrolled away above it."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._lines = [""]
        self._line = 0
        self._at = 0
        self._rest = ""

    @property
    def lines(self) -> list[str]:
        """The lines, however often they are broken."""
        return [line.rstrip() for line in self._lines]

    @property
    def cursor(self) -> tuple[int, int]:
        """The line and the column of the cursor."""
        return self._line, self._at

    def feed(self, text: str) -> None:
        """Show text."""
        text = self._rest + text
        self._rest = ""
        index = 0
        while index < len(text):
            if text[index] == "\x1b":
                match = _CONTROL.match(text, index)
                if match is None:
                    assert len(text) - index < 12, repr(text[index : index + 20])
                    self._rest = text[index:]
                    return
                self._control(*match.groups())
                index = match.end()
                continue
            self._character(text[index])
            index += 1

    def _character(self, character: str) -> None:
        if character == "\r":
            self._at -= self._at % self.columns
        elif character == "\n":
            self._down()
        else:
            assert character.isprintable(), repr(character)
            line = self._lines[self._line].ljust(self._at)
            self._lines[self._line] = line[: self._at] + character + line[self._at + 1 :]
            self._at += 1

    def _down(self) -> None:
        column = self._at % self.columns
        if self._at - column + self.columns < len(self._lines[self._line]):
            self._at += self.columns
            return
        self._line += 1
        if self._line == len(self._lines):
            self._lines.append("")
        self._at = column

    def _control(self, private: str, numbers: str, what: str) -> None:
        if what == "m" or (private and numbers == "2026"):
            return
        assert not private, (numbers, what)
        if what == "A":
            for _ in range(int(numbers or 1)):
                self._up()
        else:
            assert (what, numbers) == ("J", ""), (what, numbers)
            self._lines[self._line] = self._lines[self._line][: self._at]
            del self._lines[self._line + 1 :]

    def _up(self) -> None:
        if self._at >= self.columns:
            self._at -= self.columns
        elif self._line:
            column = self._at
            self._line -= 1
            rows = max(1, -(-len(self._lines[self._line]) // self.columns))
            self._at = (rows - 1) * self.columns + column


class Terminal:
    """A pseudo-terminal with a program on it."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.screen = Screen(columns)
        self.raw = ""
        self._master, self._slave = pty.openpty()
        self.resize(columns, lines)
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._master, self._read)

    async def run(self, processes: Processes, *command: str | Path, **options: Any) -> Running:
        """Start a command whose terminal this is."""
        name = os.ttyname(self._slave)
        return await processes.start(
            sys.executable, "-c", _ON_TERMINAL, name, *command, name="on a terminal", **options
        )

    @property
    def modes(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._slave)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size; the program is told."""
        self.screen.columns = columns
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    async def until(self, condition: Callable[[list[str]], bool], timeout: float = 30.0) -> None:  # noqa: ASYNC109
        """Wait until the lines are as wanted."""
        try:
            async with asyncio.timeout(timeout):
                while not condition(self.screen.lines):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            shown = "\n".join(self.screen.lines[-40:])
            raise AssertionError(f"not shown within {timeout:g} s:\n{shown}") from None

    def close(self) -> None:
        """Let it go."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _read(self) -> None:
        with suppress(OSError):
            text = os.read(self._master, 65536).decode(errors="replace")
            self.raw += text
            self.screen.feed(text)
        self._news.set()
