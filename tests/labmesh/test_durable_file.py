"""Files that survive a loss of power."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from labmesh.durable_file import open_durable
from messages.errors import ConfigurationError

TABLE = "CREATE TABLE IF NOT EXISTS kept (word TEXT NOT NULL);"


def test_what_was_written_is_there_and_on_the_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kept.sqlite"
    with closing(open_durable(path, TABLE, name="the list", loses="is lost")) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert file.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
        file.execute("INSERT INTO kept VALUES ('said')")
    with closing(open_durable(path, TABLE, name="the list", loses="is lost")) as file:
        assert file.execute("SELECT word FROM kept").fetchall() == [("said",)]


def test_what_is_no_database_is_said_with_what_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    path.write_bytes(b"no database " * 100)
    with pytest.raises(ConfigurationError, match="the list cannot be opened") as caught:
        open_durable(path, TABLE, name="the list", loses="moved away loses all words")
    assert caught.value.where == str(path)
    assert "a damaged file moved away loses all words" in caught.value.remedy
