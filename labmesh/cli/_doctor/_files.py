"""The folder of the mesh's files: space, and who may read its secrets."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from labmesh.cli._doctor._finding import Finding, fail, fine, warn
from labmesh.cli._format import size

_FULL: Final = 200 * 1024**2
_NEARLY: Final = 2 * 1024**3
"""Bytes: below the first a ledger may stop within hours, below the second one should tidy up."""

_DEEP: Final = 4
_LARGE: Final = frozenset({"artifacts", "bags", "run"})
"""Folders of many files without secrets."""

_SECRET_NAMES: Final = frozenset({"passwords", "passwd", "accounts"})
_SECRET_ENDS: Final = (".key", ".account", ".passwords")


def files(folder: Path) -> Iterator[Finding]:
    """Check the folder; one that is not there yet is looked at where it would be."""
    yield _space(folder)
    yield from _secrets(folder)


def _space(folder: Path) -> Finding:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    what = f"{size(free)} free at {folder}"
    remedy = f"du -xsh {folder}/* | sort -h"
    if free < _FULL:
        return fail("disk", what, remedy, free=free)
    if free < _NEARLY:
        return warn("disk", what, remedy, free=free)
    return fine("disk", what, free=free)


def _secrets(folder: Path) -> Iterator[Finding]:
    if os.name != "posix":
        return
    count = 0
    for root, folders, names in os.walk(folder):
        here = Path(root)
        deep = len(here.relative_to(folder).parts) >= _DEEP
        folders[:] = [] if deep else [each for each in folders if each not in _LARGE]
        for name in names:
            secret = Path(name).stem in _SECRET_NAMES or name.endswith(_SECRET_ENDS)
            if not (secret or here.name in _SECRET_NAMES):
                continue
            count += 1
            file = here / name
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & 0o077 and not name.endswith((".pem", ".crt")):
                yield fail(
                    "secrets", f"{file} can be read by others (mode {mode:03o})",
                    f"chmod 600 {file}", mode=oct(mode),
                )  # fmt: skip
    yield fine("secrets", f"{count} files with secrets looked at", count=count)
