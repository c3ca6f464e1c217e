"""Callback groups: named resources that one piece of work holds at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Holding:
    """One piece of work's hold on a resource.

    Attributes:
        owner: Which node's resource.
        name: Its name.
        inner: Held by what the work does side by side with the resource.
        ended: The work is done; tasks that it left behind have no hold any more.
    """

    owner: Resources
    name: str
    inner: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: bool = False


_HELD: ContextVar[tuple[_Holding, ...]] = ContextVar("labmesh_held", default=())


class Resources:
    """One lock a name, for everything that a node does: rclpy's MutuallyExclusiveCallbackGroup.

    Whoever holds a resource may take it again, as a capability does whose driver calls name the
    same one. What it does side by side under that name still runs one after another.
    """

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold ``name``, first come, first served; the empty name is nobody's (Reentrant)."""
        if not name:
            yield
            return
        held = _HELD.get()
        above = next((h for h in reversed(held) if h.owner is self and h.name == name), None)
        if above is None or above.ended:
            lock = self._locks.setdefault(name, asyncio.Lock())
        else:
            lock = above.inner
        async with lock:
            mine = _Holding(self, name)
            token = _HELD.set((*held, mine))
            try:
                yield
            finally:
                _HELD.reset(token)
                await _end(mine)

    def held(self, name: str) -> bool:
        """Tell whether somebody holds ``name`` now."""
        lock = self._locks.get(name)
        return lock is not None and lock.locked()


async def _end(holding: _Holding) -> None:
    """End a hold; what its work has left behind at the resource is waited for, cancelled or not."""
    holding.ended = True
    cancelled: asyncio.CancelledError | None = None
    while holding.inner.locked():
        try:
            async with holding.inner:
                pass
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
