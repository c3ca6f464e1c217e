"""The process beside the node that computes a run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from messages.errors import OrderError
from nodes.dynamics._store import RunFolder

Feedback = Callable[[float, str], Awaitable[None]]

_TAIL: Final = 500
"""Characters of the process' last words that an error repeats."""


async def compute(
    folder: RunFolder, *, platform: str, threads: int, precision: str, feedback: Feedback
) -> None:
    """Compute what is left of a run; the node stays free meanwhile.

    A process of its own, because a driver may take the whole process with it when it crashes. It is
    killed when this is cancelled: what it had kept by then stays, and the next call goes on there.

    Args:
        folder: Of the run, begun.
        platform: See `make_platform`.
        threads: See `make_platform`.
        precision: See `make_platform`.
        feedback: Is told how far it is.

    Raises:
        OrderError: The process failed; says why.
    """
    settings = {"platform": platform, "threads": threads, "precision": precision}
    log = folder.path / "work.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nodes.dynamics._work", str(folder.path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
            env={**os.environ, "OPENMM_CPU_THREADS": str(threads), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        word = await _listen(process, settings, feedback)
        code = await process.wait()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if word is None or "done" not in word:
        raise _error(word, code, log)


async def _listen(
    process: asyncio.subprocess.Process, settings: dict[str, Any], feedback: Feedback
) -> dict[str, Any] | None:
    """Return the last word that is not about progress."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        await process.stdin.drain()
    last: dict[str, Any] | None = None
    async for line in process.stdout:
        try:
            word: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # a driver that prints
        if "fraction" in word:
            await feedback(word["fraction"], word["text"])
        else:
            last = word
    return last


def _error(word: dict[str, Any] | None, code: int, log: Path) -> OrderError:
    if word is not None:
        return OrderError(
            word["failed"], where=word["where"], remedy=word["remedy"], retryable=word["retryable"]
        )
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    said = log.read_text(encoding="utf-8", errors="replace").strip()[-_TAIL:]
    return OrderError(
        f"the process that computes ended by {how}" + (f": {said}" if said else ""),
        where=str(log),
        remedy="the next attempt goes on from the last checkpoint",
        retryable=True,
    )
