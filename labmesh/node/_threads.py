"""Blocking calls, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from labmesh.streams import Resources

R = TypeVar("R")


class Threads:
    """Runs blocking calls in threads, one at a time for each named resource.

    Args:
        resources: The named locks.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def run(self, function: Callable[..., R], /, *arguments: Any, resource: str = "") -> R:
        """Return ``function(*arguments)``; a cancelled caller waits for its end first."""
        async with self._resources.hold(resource):
            loop = asyncio.get_running_loop()
            call = loop.run_in_executor(None, partial(function, *arguments))
            try:
                return await asyncio.shield(call)
            except asyncio.CancelledError:
                await asyncio.wait([call])
                if not call.cancelled():
                    call.exception()  # its caller has gone
                raise
