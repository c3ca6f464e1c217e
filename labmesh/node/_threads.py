"""Blocking calls, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

R = TypeVar("R")


class Threads:
    """Runs blocking calls in threads, one at a time for each named resource."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}

    async def run(self, function: Callable[..., R], /, *arguments: Any, resource: str = "") -> R:
        """Return ``function(*arguments)``; a cancelled caller waits for its end first."""
        lock = self._locks.setdefault(resource, asyncio.Lock()) if resource else nullcontext()
        async with lock:
            loop = asyncio.get_running_loop()
            call = loop.run_in_executor(None, partial(function, *arguments))
            try:
                return await asyncio.shield(call)
            except asyncio.CancelledError:
                await asyncio.wait([call])
                if not call.cancelled():
                    call.exception()  # its caller has gone
                raise
