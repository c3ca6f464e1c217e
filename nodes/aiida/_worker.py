"""One thread for all that AiiDA does: its sessions belong to the thread that opened them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

R = TypeVar("R")


class Worker:
    """Runs calls one after another in a thread of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aiida")

    async def run(self, function: Callable[..., R], /, *arguments: Any) -> R:
        """Return ``function(*arguments)``; a cancelled caller waits for its end first.

        A process that is cut off in the middle would leave half a graph.
        """
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._threads, partial(function, *arguments))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            await asyncio.wait([call])
            if not call.cancelled():
                call.exception()  # its caller has gone
            raise

    def close(self) -> None:
        """End the thread."""
        self._threads.shutdown()
