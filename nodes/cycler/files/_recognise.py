"""Which format a file has: by its content, never by its suffix alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from messages.errors import LabmeshError
from nodes.cycler.files._errors import UnreadableFileError, first_line, is_damage
from nodes.cycler.files._source import Format, Head, Recognition, Source

ENOUGH: Final = 0.5
"""Least score with which a format is taken."""

APART: Final = 0.15
"""How much better than the next a format must be."""

_SUPPORT: Final = 0.05
_STUMBLED: Final = 0.1


@dataclass(frozen=True)
class Candidate:
    """A format that recognises a file, and how surely."""

    format: Format
    recognition: Recognition
    score: float

    def __str__(self) -> str:
        seen = "; ".join(self.recognition.evidence)
        return f"{self.format.title} ({self.format.name}, {self.score:.2f}: {seen})"


def candidates(head: Head, formats: Sequence[Format]) -> list[Candidate]:
    """All formats that recognise something in a file, the surest first."""
    found = []
    for each in formats:
        recognition = _seen(each, head)
        if recognition is not None:
            supported = head.suffix in each.suffixes
            score = recognition.score + (_SUPPORT if supported else 0.0)
            found.append(Candidate(each, recognition, score))
    return sorted(found, key=lambda candidate: -candidate.score)


def _seen(each: Format, head: Head) -> Recognition | None:
    """What a format sees; a library that stumbles over damaged bytes makes a hint, no more."""
    try:
        return each.recognise(head)
    except LabmeshError as error:
        return Recognition(_STUMBLED, (error.what,))
    except BaseException as error:
        if not is_damage(error):
            raise
        return Recognition(_STUMBLED, (f"it cannot be opened: {first_line(error)}",))


def choose(source: Source, formats: Sequence[Format]) -> Format:
    """The one format of a file.

    Raises:
        UnreadableFileError: None recognises it surely, or two do; with what was seen.
    """
    found = candidates(source.head, formats)
    if not found or found[0].score < ENOUGH:
        hints = f"; hints only: {', '.join(map(str, found))}" if found else ""
        raise UnreadableFileError(
            f"no format recognises this file; it begins with {_beginning(source.head)}{hints}",
            where=str(source.path),
            remedy="name the format if you know it (--format; `labmesh cycler formats` lists them)",
        )
    close = [each for each in found[1:] if each.score > found[0].score - APART]
    if close:
        both = " and ".join(map(str, [found[0], *close]))
        raise UnreadableFileError(
            f"the file is ambiguous: it could be {both}",
            where=str(source.path),
            remedy="say which it is (--format)",
        )
    return found[0].format


def _beginning(head: Head) -> str:
    if head.is_binary:
        return f"the bytes {head.data[:16].hex(' ')}"
    line = next((line for line in head.lines if line.strip()), "")
    return f"{line[:80]!r}" if line else "blank lines"
