"""The one error of reading a cycler file."""

from __future__ import annotations

from messages.errors import LabmeshError


class UnreadableFileError(LabmeshError):
    """A file that is not read: unknown, ambiguous, damaged, too large, or without what is needed.

    ``what`` says what was recognised and what was not, ``where`` names the file (and the line or
    the module in it), ``remedy`` what its owner can do.
    """
