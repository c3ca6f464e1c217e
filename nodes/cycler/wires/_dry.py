"""A dry run of a real cycler: its checks, and a virtual cycler in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nodes.cycler._driver import ChannelStatus, CyclerDriver, Job


class DryCycler:
    """A `CyclerDriver` that sends no byte: what a real one would refuse is refused.

    Args:
        name: Of the real one.
        check: The real one's check of a job.
        instead: Runs the tests.
    """

    simulated = True

    def __init__(self, name: str, check: Callable[[Job], None], instead: CyclerDriver) -> None:
        self.name = f"dry run of {name}: {instead.name}"
        self._check = check
        self._instead = instead

    async def open(self) -> None:
        """Open the one that stands in."""
        await self._instead.open()

    async def close(self) -> None:
        """Close the one that stands in."""
        await self._instead.close()

    async def channels(self) -> Sequence[ChannelStatus]:
        """Return every channel's status."""
        return await self._instead.channels()

    async def status(self, channel: int) -> ChannelStatus:
        """Return one channel's status."""
        return await self._instead.status(channel)

    async def start(self, channel: int, job: Job) -> None:
        """Check as the real one would, then begin a simulated test."""
        self._check(job)
        await self._instead.start(channel, job)

    async def stop(self, channel: int) -> None:
        """End a channel's test."""
        await self._instead.stop(channel)

    async def clear(self, channel: int) -> None:
        """Make a channel usable again."""
        await self._instead.clear(channel)

    async def halt(self) -> None:
        """End the tests of all channels at once."""
        await self._instead.halt()

    async def raw_files(self, channel: int, test: str) -> tuple[Path, ...]:
        """Return the simulated test's files."""
        return await self._instead.raw_files(channel, test)
