"""Names of artifacts are data: what becomes a file's name here is only what is harmless."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices."""

_LONGEST: Final = 120
"""Characters; a file's name has at most 255 bytes, and a character at most 4 of them less what we
add."""


def file_name(name: str, sha256: str) -> str:
    """Return a file name like ``name``, without folders, control or shell characters.

    Where nothing is left of it the first 16 digits of the hash are the name.
    """
    last = PureWindowsPath(PurePosixPath(name).name).name
    plain = re.sub(r"[^\w.+=@ -]", "_", last).strip(". -")
    if not plain or _RESERVED.fullmatch(plain):
        return sha256[:16]
    stem, dot, suffix = plain.rpartition(".")
    if len(plain.encode()) <= _LONGEST:
        return plain
    room = _LONGEST - len(suffix.encode()) - 1
    if dot and room > 0:
        return stem.encode()[:room].decode(errors="ignore") + "." + suffix
    return plain.encode()[:_LONGEST].decode(errors="ignore").rstrip(". -")
