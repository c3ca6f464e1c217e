"""The virtual cycler behind the driver's seam: runs by the mesh's clock, writes Arbin files."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from labmesh.clock import Clock
from messages.errors import LabmeshError
from nodes.cycler._driver import ChannelState, ChannelStatus, Job
from nodes.cycler._program import compiled
from nodes.cycler.virtual._ageing import SYNTHETIC
from nodes.cycler.virtual._bench import Backend, Bench
from nodes.cycler.virtual._cell import Cell
from nodes.cycler.virtual._faults import FAULTS

_TICK: Final = 30.0
"""Simulated seconds between two looks at the clock."""


class VirtualCycler:
    """A simulated cycler of ``count`` channels; see `nodes.cycler.CyclerDriver`.

    Args:
        backend: What simulates the cells.
        name: Of the simulation, for people.
        count: Channels.
        clock: The mesh's.
        folder: Where checkpoint and raw files lie; the raw ones in ``raw/``.
        newborn: The cell of a job whose sample was never here.
        rows_per_part: Records of a part of a raw file.

    Attributes:
        error: Why nothing is simulated now (a full disk, say), or empty.
        synthetic: What of its results no measurement stands behind, in sentences.
    """

    simulated = True
    synthetic = SYNTHETIC

    def __init__(
        self,
        backend: Backend,
        name: str,
        count: int,
        clock: Clock,
        folder: Path,
        newborn: Callable[[Job], Cell],
        *,
        rows_per_part: int = 20_000,
    ) -> None:
        self.name = name
        self.error = ""
        self._bench = Bench(backend, name, count, folder, newborn, rows_per_part)
        self._count, self._clock = count, clock
        self._task: asyncio.Task[None] | None = None

    # Life.

    async def open(self) -> None:
        """Go on where the last process ended, or was killed: time has passed meanwhile."""
        await asyncio.to_thread(self._bench.open)
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop simulating; what runs goes on at the next `open`, as if it had never stood still."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await asyncio.to_thread(self._bench.close)

    # The driver's seam.

    async def channels(self) -> Sequence[ChannelStatus]:
        """Return every channel's status."""
        return [self._bench.status(number) for number in range(1, self._count + 1)]

    async def status(self, channel: int) -> ChannelStatus:
        """Return one channel's status."""
        self._check(channel)
        return self._bench.status(channel)

    async def start(self, channel: int, job: Job) -> None:
        """Begin a test."""
        self._check(channel)
        if channel in self._bench.running():
            raise LabmeshError(
                f"channel {channel} runs {self._bench.status(channel).test}",
                where=self.name,
                remedy="wait for its end, or stop it",
            )
        program = compiled(job.protocol)
        await asyncio.to_thread(self._bench.start, channel, job, program, self._clock.now())

    async def stop(self, channel: int) -> None:
        """End a channel's test."""
        self._check(channel)
        await self.advance()
        await asyncio.to_thread(self._bench.end, [channel], ChannelState.STOPPED, "stopped")

    async def clear(self, channel: int) -> None:
        """Use a channel again that tripped or whose contact was lost."""
        self._check(channel)
        await asyncio.to_thread(self._bench.clear, channel)

    async def halt(self) -> None:
        """End all tests: no record is taken from the moment this is called."""
        running = self._bench.stop_now()
        words = "emergency stop"
        await asyncio.to_thread(self._bench.end, running, ChannelState.STOPPED, words)

    async def raw_files(self, channel: int, test: str) -> tuple[Path, ...]:
        """Return the files of a test."""
        known = await asyncio.to_thread(self._bench.known_test, test)
        if known is None or known.channel != channel:
            raise LabmeshError(
                f"there was no test {test} on channel {channel}",
                where=str(self._bench.raw),
                remedy="look for its raw files by name",
            )
        parts = range(1, known.parts + 1)
        return tuple(self._bench.raw / f"{known.stem}_Wb_{part}.csv" for part in parts)

    # What only a virtual one does.

    async def advance(self) -> None:
        """Simulate up to the clock's present, with all records and the checkpoint on the disk."""
        await asyncio.to_thread(self._bench.advance, self._clock.now())

    async def set_temperature(self, kelvin: float) -> None:
        """Let all cells be at another temperature from now on."""
        await self.advance()
        await asyncio.to_thread(self._bench.set_temperature, kelvin)

    async def inject(self, kind: str, channel: int | None, amount: float, seconds: float) -> None:
        """Let a fault happen now; kinds as in `FAULTS`, a channel or all.

        Raises:
            LabmeshError: There is no such kind or channel.
        """
        if kind not in FAULTS:
            raise LabmeshError(
                f"there is no fault {kind!r}", where=self.name, remedy=f"one of {', '.join(FAULTS)}"
            )
        which = list(range(1, self._count + 1))
        if channel is not None:
            self._check(channel)
            which = [channel]
        await self.advance()
        await asyncio.to_thread(self._bench.inject, kind, which, amount, seconds, self._clock.now())

    async def _follow(self) -> None:
        while True:
            try:
                await self.advance()
                self.error = ""
            except (OSError, sqlite3.Error, LabmeshError) as error:
                self.error = f"records cannot be written: {error}"
            await self._clock.sleep(_TICK)

    def _check(self, channel: int) -> None:
        if not 1 <= channel <= self._count:
            raise LabmeshError(
                f"there is no channel {channel}",
                where=self.name,
                remedy=f"channels are 1 to {self._count}",
            )
