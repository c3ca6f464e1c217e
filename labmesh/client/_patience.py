"""How long a requester waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from messages.errors import CallTimeoutError


@asynccontextmanager
async def patience(seconds: float | None, what: str, remedy: str) -> AsyncIterator[None]:
    """Let the block take so many wall seconds; None: for ever.

    Raises:
        CallTimeoutError: It took longer; says what did not happen, and what to do.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise CallTimeoutError(f"{what} within {seconds:g} s", remedy=remedy) from None
