"""A SQLite file whose transactions survive ``kill -9`` and a loss of power."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from messages.errors import ConfigurationError


def open_durable(path: Path, tables: str, *, name: str, loses: str) -> sqlite3.Connection:
    """Open a SQLite file (WAL, synchronous=FULL), made with its folder where there is none.

    Any thread may use the connection, one at a time; it begins no transaction by itself.

    Args:
        path: The file.
        tables: SQL that makes what is missing.
        name: What the file is, for people: ``the list of transports``.
        loses: What happens to who moves a damaged file away.

    Raises:
        ConfigurationError: It cannot be opened, or is no database.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=FULL")
        file.executescript(tables)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"{name} cannot be opened: {error}",
            where=str(path),
            remedy="check that the folder is writable and the disk not full; a damaged file "
            f"{loses}",
        ) from error
    return file
