"""Feedback of a deposit: as often as somebody can read, however often there is news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from labmesh import LabmeshError, Order

_LEAST: Final = 0.3
"""Wall seconds between two words."""


@asynccontextmanager
async def telling(order: Order[Any]) -> AsyncIterator[Callable[[float, str], None]]:
    """Return what is told, from any thread, how far it is (0 to 1) and what is being done."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    latest: list[tuple[float, str]] = [(0.0, "reading the record")]

    def tell(fraction: float, words: str) -> None:
        latest[0] = (fraction, words)
        loop.call_soon_threadsafe(news.set)

    async def speak() -> None:
        while True:
            await news.wait()
            news.clear()
            with suppress(LabmeshError):  # a void order ends its handler by itself
                await order.feedback(*latest[0])
            await asyncio.sleep(_LEAST)

    speaker = loop.create_task(speak())
    try:
        yield tell
    finally:
        speaker.cancel()
        await asyncio.wait([speaker])
