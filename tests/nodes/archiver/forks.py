"""Archiver processes, one after the other, from the tests' side."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.nodes.archiver.deposits import MARK
from tests.support.invenio import TOKEN

ROOT: Final = Path(__file__).parents[3]


class Archivers:
    """Makes archiver processes, one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self,
        url: str,
        folder: Path,
        *,
        kill: int = 0,
        listed: bool = False,
        token: str = TOKEN,
        mark: str = MARK,
    ) -> int:
        """Run one through two deposits; return its exit status, negative for what killed it.

        Args:
            url: Of the archive.
            folder: Of its own; the next one on the same folder goes on.
            kill: Number of the point at which it dies; 0 for none.
            listed: Write the names of its points into ``points`` there.
            token: Of the archive.
            mark: Of the campaign.
        """
        order = {
            "url": url, "token": token, "mark": mark, "folder": str(folder), "kill": kill,
            "list": listed,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def archivers() -> Iterator[Archivers]:
    """Return a maker of archiver processes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.nodes.archiver.engine_process"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        yield Archivers(process)
        assert process.stdin is not None
        process.stdin.close()
