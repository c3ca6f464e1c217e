"""The one error of reading a cycler file, and what becomes it."""

from __future__ import annotations

from messages.errors import LabmeshError


class UnreadableFileError(LabmeshError):
    """A file that is not read: unknown, ambiguous, damaged, too large, or without what is needed.

    ``what`` says what was recognised and what was not, ``where`` names the file (and the line or
    the module in it), ``remedy`` what its owner can do.
    """


def is_damage(error: BaseException) -> bool:
    """Whether damaged bytes may have made a library raise this; Ctrl-C and the like are not."""
    # A panic of a library in Rust is no Exception.
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of its words."""
    words = (str(error).splitlines() or [""])[0][:300]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
