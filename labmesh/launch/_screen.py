"""What a launch shows, and the log files it writes."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from messages.node import Milestone

_COLOURS: Final = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green")
_LEVELS: Final = {"info": "", "warn": "warning: ", "error": "error: "}


class Screen:
    """Prefixed lines on standard output, a file a process, progress bars on a terminal.

    Colour and bars only on a terminal; NO_COLOR is honoured. A reader of the pipe that goes away
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
        self._progress: Progress | None = None
        self._bars: dict[str, TaskID] = {}

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
        """Show the progress of a task of ``name``: a bar on a terminal, else a line."""
        total = "?" if milestone.total is None else milestone.total
        text = f"{milestone.task} {milestone.done}/{total} {milestone.text}".rstrip()
        self._log("launch", f"{name}: {text}")
        if not self._terminal:
            self._show(name, text)
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[text]}"),
                console=self._console,
                auto_refresh=False,
                transient=True,
            )
            self._progress.start()
        key = f"[{name}] {milestone.task}"
        text = _escaped(milestone.text)
        done, whole = milestone.done, milestone.total
        if key in self._bars:
            self._progress.update(self._bars[key], completed=done, total=whole, text=text)
        else:
            self._bars[key] = self._progress.add_task(
                _escaped(key), completed=done, total=whole, text=text
            )
        self._progress.refresh()

    def close(self) -> None:
        """Take the bars down and close the files."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
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
                self._console.print(Text.assemble(prefix, Text.from_ansi(text)))
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


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
