"""Positions in launch files, and the mistakes found there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from messages.errors import ConfigurationError


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file. Lines and columns count from 1; line 0 stands for no line at all."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


COMMAND_LINE = Position("command line")
"""Where the arguments come from that no file gave."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, what, and what to do about it."""

    position: Position
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.position}: {self.what}"
        return f"{text}; {self.remedy}" if self.remedy else text

    def as_dict(self) -> dict[str, object]:
        """Return the problem as plain data."""
        return {
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "what": self.what,
            "remedy": self.remedy,
        }


class LaunchError(ConfigurationError):
    """A launch file has mistakes; ``problems`` are all of them, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.what, where=str(first.position), remedy=first.remedy)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Problems:
    """Collects mistakes, so that all of them are reported and not only the first.

    Attributes:
        incomplete: Whether an action had to be left out, so that a name that seems unknown may
            well be one of those lost.
    """

    def __init__(self) -> None:
        self.incomplete = False
        self._found: dict[Problem, None] = {}

    def add(self, position: Position, what: str, remedy: str = "") -> None:
        """Note a mistake; the same one at the same place counts once."""
        self._found[Problem(position, what, remedy)] = None

    @property
    def found(self) -> tuple[Problem, ...]:
        """The mistakes, by file (in order of first appearance), line and column."""
        files = {p.position.file: i for i, p in reversed(list(enumerate(self._found)))}
        return tuple(
            sorted(
                self._found,
                key=lambda p: (files[p.position.file], p.position.line, p.position.column),
            )
        )

    def raise_if_any(self) -> None:
        """Raise `LaunchError` when there is a mistake."""
        if self._found:
            raise LaunchError(self.found)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a remedy: the known words closest to ``word``, or all of them when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"known: {', '.join(names)}" if names else ""
