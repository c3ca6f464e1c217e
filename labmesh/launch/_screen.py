"""What a launch shows, and the log files it writes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Literal

from rich.console import Console
from rich.text import Text

from labmesh.launch._live import Live, Row
from messages.node import Milestone

_COLOURS: Final = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green")
_LEVELS: Final = {"info": "", "warn": "warning: ", "error": "error: "}


class Screen:
    """Prefixed lines on standard output, a file a process, a live table on a terminal.

    Colour and table only on a terminal; NO_COLOR is honoured. A reader of the pipe that goes away
    silences the screen and nothing else.

    Args:
        folder: Takes ``{name}.log``; None writes no files.
        out: Where lines go; standard output by default.
        colour: False forbids colour.
    """

    def __init__(
        self, folder: Path | None = None, out: IO[str] | None = None, *, colour: bool = True
    ) -> None:
        self.folder = folder
        self._out = out or sys.stdout
        if isinstance(self._out, io.TextIOWrapper):
            # Not every terminal knows every character: one "±" must not silence the launch.
            self._out.reconfigure(errors="replace")
        self._files: dict[str, IO[str]] = {}
        self._colours: dict[str, str] = {}
        self._mute = False
        self._console = Console(
            file=self._out, no_color=None if colour else True, highlight=False, soft_wrap=True
        )
        self._terminal = self._console.is_terminal
        self._live: Live | None = None

    def line(self, name: str, text: str, output: Literal["screen", "log", "both"] = "both") -> None:
        """Take a line of the process ``name``."""
        if output != "screen":
            self._log(name, text)
        if output != "log":
            self._show(name, text)

    def say(self, text: str, level: str = "info") -> None:
        """Take a line of the launch itself."""
        for part in text.splitlines() or [""]:
            self.line("launch", f"{_LEVELS[level]}{part}")

    def milestone(self, name: str, milestone: Milestone) -> None:
        """Show the progress of a task of ``name``: in the live table, else as a line."""
        total = "?" if milestone.total is None else milestone.total
        text = f"{milestone.task} {milestone.done}/{total} {milestone.text}".rstrip()
        self._log("launch", f"{name}: {text}")
        if self._live is not None:
            self._live.milestone(name, milestone)
        else:
            self._show(name, text)

    def go_live(self, rows: Callable[[], Sequence[Row]]) -> None:
        """Keep a table of ``rows`` at the bottom, if this is a terminal, until `close`."""
        if self._terminal and not self._console.is_dumb_terminal and not self._mute:
            self._live = Live(self._out, self._console, rows)

    def touch(self) -> None:
        """Bring the live table up to date soon."""
        if self._live is not None:
            self._live.touch()

    def close(self) -> None:
        """Take the table down and close the files."""
        if self._live is not None:
            with suppress(OSError, ValueError):
                self._live.close()
            self._live = None
        for file in self._files.values():
            with suppress(OSError):  # a full disk, said when it was found
                file.close()
        self._files.clear()

    def _show(self, name: str, text: str) -> None:
        if self._mute:
            return
        try:
            if self._terminal:
                prefix = (f"[{name}] ", self._colour(name))
                line = Text.assemble(prefix, Text.from_ansi(text))
                if self._live is not None:
                    self._live.line(line)
                else:
                    self._console.print(line)
            else:
                self._out.write(f"[{name}] {text}\n")
                self._out.flush()
        except (BrokenPipeError, ValueError):
            self._mute = True

    def _log(self, name: str, text: str) -> None:
        if self.folder is None:
            return
        try:
            file = self._files.get(name)
            if file is None:
                path = self.folder / f"{name.replace('/', '.')}.log"
                file = self._files[name] = path.open("a", encoding="utf-8", errors="replace")
            file.write(f"{text}\n")
            file.flush()
        except OSError as error:
            # A full disk must not end a campaign.
            self.folder = None
            self._show("launch", f"warning: no more log files: {error}")

    def _colour(self, name: str) -> str:
        if name == "launch":
            return "bold"
        return self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
