"""Names of files that are harmless on every system."""

from __future__ import annotations

import re
from typing import Final

_HARMLESS: Final = re.compile(r"[^A-Za-z0-9._-]+")


def free_name(name: str, taken: set[str]) -> str:
    """Return a file name as harmless on every system, and note it in ``taken``."""
    base = _HARMLESS.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip("._") or "file"
    base = base[-120:]
    free, number = base, 1
    while free.lower() in taken:
        number += 1
        free = f"{number}_{base}"
    taken.add(free.lower())
    return free
