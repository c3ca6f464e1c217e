"""A progress bar for work that is done at one go, and that Ctrl-C must still end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from labmesh.cli._output import Output

Tell = Callable[[int, int], None]
"""Takes how much has been done, and of how much; raises CancelledError after Ctrl-C."""


@contextmanager
def progress(out: Output, what: str) -> Iterator[Tell]:
    """Show a bar on a terminal while the block runs.

    Args:
        out: With JSON asked for, or elsewhere than on a terminal, nothing is shown.
        what: What is being done, for the line.
    """
    task = asyncio.current_task()

    def check() -> None:
        # The event loop notes Ctrl-C in the task; work that never awaits must look for itself.
        if task is not None and task.cancelling():
            raise asyncio.CancelledError

    if out.as_json or not sys.stderr.isatty():
        yield lambda _done, _total: check()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(30), MofNCompleteColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        number = bar.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            check()
            bar.update(number, completed=done, total=total)

        yield tell
