"""A file that is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from messages.errors import ConfigurationError

_BESIDE: Final = ("-wal", "-shm", "-journal", "-lock")
"""Ends of the names of files that belong to a SQLite database in use."""


@contextmanager
def new_file(target: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary name; when the block ends well, what lies there becomes ``target``.

    It is on the disk then. When the block fails, or is interrupted, nothing is left.

    Args:
        target: The file to make.
        force: Whether it may replace one of that name.

    Raises:
        ConfigurationError: It would replace something, or has no folder to lie in.
    """
    _check(target, force=force)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield temporary
        _sync(temporary)
        _check(target, force=force)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        for name in ("", *_BESIDE):
            Path(f"{temporary}{name}").unlink(missing_ok=True)


def _check(target: Path, *, force: bool) -> None:
    if not target.parent.is_dir():
        raise ConfigurationError(
            "there is no such folder", where=str(target.parent), remedy="make it first"
        )
    if target.is_dir():
        raise ConfigurationError(
            "this is a folder", where=str(target), remedy="name a file to be made in it"
        )
    for name in _BESIDE:
        # To replace the file alone would join it to another file's -wal. Mere readers leave an
        # empty one behind, and always a -shm, which means nothing by itself.
        beside = Path(f"{target}{name}")
        if name != "-shm" and beside.exists() and (name == "-lock" or beside.stat().st_size):
            raise ConfigurationError(
                f"there is a ledger in use, or one that was not closed: {target.name}{name}",
                where=str(target),
                remedy="choose another name; to take this one, stop what uses it and set all of "
                "its files aside",
            )
    if target.exists() and not force:
        raise ConfigurationError(
            "there is a file of this name", where=str(target), remedy="choose another name"
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
