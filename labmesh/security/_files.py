"""Files that only their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def check_private(file: Path, what: str) -> None:
    """Refuse a file with a secret that others than its owner may read, write or run.

    Where files have no such modes (Windows) every file is taken.

    Raises:
        ConfigurationError: It is not there, or its mode is not 600 or narrower.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise ConfigurationError(f"{what} cannot be read: {error.strerror}", where=str(file)) from (
            error
        )
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigurationError(
            f"{what} can be read or changed by others (mode {mode:03o})",
            where=str(file),
            remedy=f"type: chmod 600 {file}",
        )


def write_private(file: Path, content: str | bytes) -> None:
    """Replace a file as a whole; nobody but its owner can read it at any moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    data = content.encode() if isinstance(content, str) else content
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(data)
    fresh.replace(file)
