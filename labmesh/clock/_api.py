"""The clock seam: nodes ask it, never ``time`` or ``asyncio.sleep``, for time of the experiment."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time of the experiment: wall time, or simulated time where the mesh simulates.

    Liveness (leases, deadlines of calls, back-off) is about processes, not experiments, and uses
    wall time in every case.
    """

    @property
    def simulated(self) -> bool:
        """Whether this clock is not the wall's."""
        ...

    def now(self) -> int:
        """Return nanoseconds UTC. Never runs backwards within a process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have passed by this clock."""
        ...
