"""Looks after transports on which nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from messages.logistics import TransportJob
from nodes.transport._desk import Desk
from nodes.transport._parameters import TransportParameters

_LOOK: Final = 1.0
"""Wall seconds between two looks."""


class Watch:
    """Reminds people, and tells others of what is late.

    Args:
        desk: The transports.
        parameters: The node's, as they are at the moment.
        now: The mesh's time, ns.
    """

    def __init__(
        self, desk: Desk, parameters: Callable[[], TransportParameters], now: Callable[[], int]
    ) -> None:
        self._desk = desk
        self._parameters = parameters
        self._now = now

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK)

    def look(self) -> None:
        """Remind and tell of whatever is due."""
        now, p = self._now(), self._parameters()
        for job in self._desk.book.open_jobs():
            if job.due is not None and now > job.due and not job.escalated:
                self._desk.escalate(job)
            elif job.reminders < p.reminders and now > self._next(job, p.remind_after):
                self._desk.remind(job)

    @staticmethod
    def _next(job: TransportJob, remind_after: float) -> int:
        last = max(job.created, job.taken or 0, job.picked_up or 0)
        return last + int((job.reminders + 1) * remind_after * 1e9)
