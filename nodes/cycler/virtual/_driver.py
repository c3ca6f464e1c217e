"""The virtual cycler behind the driver's seam: runs by the mesh's clock, writes Arbin files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from labmesh.clock import Clock
from messages.errors import LabmeshError
from messages.protocol import CyclingProtocol
from nodes.cycler._driver import ENDED, ChannelState, ChannelStatus, Job
from nodes.cycler._program import Program, compiled
from nodes.cycler.virtual._arbin_file import ArbinFiles
from nodes.cycler.virtual._cell import REFERENCE, Cell
from nodes.cycler.virtual._channel import Loaded, limits_of, stem_of
from nodes.cycler.virtual._engine import Ended
from nodes.cycler.virtual._faults import FAULTS, Faults
from nodes.cycler.virtual._records import Rows
from nodes.cycler.virtual._store import KnownTest, Store

_TICK: Final = 30.0
"""Simulated seconds between two looks at the clock."""


class Backend(Protocol):
    """What simulates the cells: the surrogate's `Engine`, or PyBaMM. Channels count from 0."""

    def load(self, channel: int, program: Program, cell: Cell, limits: Mapping[str, float]) -> None:
        """Begin a program at test time 0."""
        ...

    def rest(self, channel: int) -> None:
        """End a channel's program."""
        ...

    def run(self, until: NDArray[np.float64]) -> tuple[dict[int, Rows], list[Ended]]:
        """Let time go on; return the records and what ended."""
        ...

    def interrupt(self) -> None:
        """Make `run`, in another thread, return at once; `run` works again after `rest` of all."""
        ...

    def cell(self, channel: int) -> Cell:
        """Return the cell as it is."""
        ...

    def set_temperature(self, channel: int, kelvin: float) -> None:
        """Set a cell's temperature."""
        ...

    def glance(self, channel: int) -> dict[str, float]:
        """Return test_time, voltage, current, temperature, step and cycle."""
        ...

    def state(self, channel: int) -> dict[str, Any]:
        """Return all of a channel as plain values."""
        ...

    def restore(
        self, channel: int, program: Program, limits: Mapping[str, float], plain: dict[str, Any]
    ) -> None:
        """Put a channel back to what `state` returned."""
        ...


class VirtualCycler:
    """A simulated cycler of ``count`` channels; see `nodes.cycler.CyclerDriver`.

    Args:
        backend: What simulates the cells.
        name: Of the simulation, for people.
        count: Channels.
        clock: The mesh's.
        folder: Where checkpoint and raw files lie; the raw ones in ``raw/``.
        newborn: The cell behind a sample that was never here.
        rows_per_part: Records of a part of a raw file.
    """

    simulated = True

    def __init__(
        self,
        backend: Backend,
        name: str,
        count: int,
        clock: Clock,
        folder: Path,
        newborn: Callable[[str], Cell],
        *,
        rows_per_part: int = 20_000,
    ) -> None:
        self.name = name
        self.raw = folder / "raw"
        self._backend, self._count, self._clock, self._newborn = backend, count, clock, newborn
        self._file, self._rows_per_part = folder / "virtual_cycler.sqlite", rows_per_part
        self._store: Store | None = None
        self._loaded: dict[int, Loaded] = {}
        self._ambient = dict.fromkeys(range(1, count + 1), REFERENCE)
        self._lock = threading.Lock()
        self._stopping: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self.faults = Faults()
        self.error = ""

    # Life.

    async def open(self) -> None:
        """Go on where the last process ended, or was killed: time has passed meanwhile."""
        await asyncio.to_thread(self._restore)
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop simulating; what runs goes on at the next `open`, as if it had never stood still."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._store is not None:
            store, self._store = self._store, None
            with self._lock:
                store.close()

    # The driver's seam.

    async def channels(self) -> Sequence[ChannelStatus]:
        """Return every channel's status."""
        return [self._status(number) for number in range(1, self._count + 1)]

    async def status(self, channel: int) -> ChannelStatus:
        """Return one channel's status."""
        self._known(channel)
        return self._status(channel)

    async def start(self, channel: int, job: Job) -> None:
        """Begin a test."""
        self._known(channel)
        before = self._loaded.get(channel)
        if before is not None and before.state not in ENDED:
            raise LabmeshError(
                f"channel {channel} runs {before.test}",
                where=self.name,
                remedy="wait for its end, or stop it",
            )
        program = compiled(job.protocol)
        await asyncio.to_thread(self._start, channel, job, program)

    async def stop(self, channel: int) -> None:
        """End a channel's test."""
        self._known(channel)
        await self.advance()
        await asyncio.to_thread(self._end, [channel], ChannelState.STOPPED, "stopped")

    async def clear(self, channel: int) -> None:
        """Use a channel again whose contact was lost."""
        self._known(channel)
        await asyncio.to_thread(self._clear, channel)

    async def halt(self) -> None:
        """End all tests: no record is taken from the moment this is called."""
        running = [n for n, each in self._loaded.items() if each.state not in ENDED]
        self._stopping |= set(running)
        self._backend.interrupt()
        await asyncio.to_thread(self._end, running, ChannelState.STOPPED, "emergency stop")

    async def raw_files(self, channel: int, test: str) -> tuple[Path, ...]:
        """Return the files of a test."""
        known = await asyncio.to_thread(self._opened.test, test)
        if known is None:
            raise LabmeshError(
                f"there was no test {test} on channel {channel}",
                where=str(self.raw),
                remedy="look for its raw files by name",
            )
        return tuple(self.raw / f"{known.stem}_Wb_{part}.csv" for part in range(1, known.parts + 1))

    # Time.

    async def advance(self) -> None:
        """Simulate up to the clock's present, with all records and the checkpoint on the disk."""
        now = self._clock.now()
        await asyncio.to_thread(self._advance, now)

    async def set_temperature(self, channel: int, kelvin: float) -> None:
        """Let a cell be at another temperature from now on."""
        await self.advance()
        self._ambient[channel] = kelvin
        with self._lock:
            self._backend.set_temperature(channel - 1, kelvin + self.faults.warmer)

    async def inject(self, kind: str, channel: int | None, amount: float, seconds: float) -> None:
        """Let a fault happen now; kinds as in `FAULTS`.

        Raises:
            LabmeshError: There is no such kind, or it needs a channel.
        """
        if kind not in FAULTS:
            raise LabmeshError(
                f"there is no fault {kind!r}", where=self.name, remedy=f"one of {', '.join(FAULTS)}"
            )
        await self.advance()
        which = range(1, self._count + 1) if channel is None else [channel]
        await asyncio.to_thread(self._inject, kind, list(which), amount, seconds)

    async def _follow(self) -> None:
        while True:
            try:
                await self.advance()
                self.error = ""
            except (OSError, LabmeshError) as error:  # a full disk: try again, and say so
                self.error = str(error)
            await self._clock.sleep(_TICK)

    # What follows runs in threads, one at a time.

    def _advance(self, now: int) -> None:
        with self._lock:
            if self._store is None:
                return
            end = self.faults.ends
            if end is not None and end <= now:
                self._run(end)
                self.faults.over()
                for number in self._ambient:
                    self._backend.set_temperature(number - 1, self._ambient[number])
            self._run(now)

    def _run(self, now: int) -> None:
        until = np.full(self._count, -1.0)
        running = [
            n
            for n, each in self._loaded.items()
            if each.state is ChannelState.RUNNING and n not in self._stopping
        ]
        for number in running:
            until[number - 1] = self._loaded[number].due(now)
        if not running:
            return
        rows, ended = self._backend.run(until)
        for index, records in rows.items():
            loaded = self._loaded[index + 1]
            loaded.files.append(records, loaded.begun, loaded.paused + loaded.ahead)
        changed = {index + 1 for index in rows}
        for each in ended:
            loaded = self._loaded[each.channel + 1]
            loaded.state = ChannelState.TRIPPED if each.tripped else ChannelState.FINISHED
            loaded.words = each.tripped
            changed.add(each.channel + 1)
        self._save(changed)

    def _start(self, channel: int, job: Job, program: Program) -> None:
        with self._lock:
            plain = self._opened.cell(job.cell)
            cell = self._newborn(job.cell) if plain is None else Cell.of(plain)
            limits = limits_of(job.limits)
            if job.protocol.temperature is not None:
                self._ambient[channel] = job.protocol.temperature
            self._backend.set_temperature(channel - 1, self._ambient[channel] + self.faults.warmer)
            self._backend.load(channel - 1, program, cell, limits)
            self._stopping.discard(channel)
            self._loaded[channel] = Loaded(
                test=job.test,
                cell=job.cell,
                protocol=job.protocol,
                program=program,
                limits=limits,
                begun=self._clock.now(),
                files=ArbinFiles(self.raw, stem_of(job.test, channel), self._rows_per_part),
            )
            self._save({channel})

    def _end(self, channels: list[int], state: ChannelState, words: str) -> None:
        with self._lock:
            for channel in channels:
                loaded = self._loaded.get(channel)
                if loaded is None or loaded.state in ENDED:
                    continue
                self._backend.rest(channel - 1)
                loaded.state, loaded.words = state, words
            self._stopping -= set(channels)
            self._save(set(channels) & set(self._loaded))

    def _clear(self, channel: int) -> None:
        with self._lock:
            loaded = self._loaded.get(channel)
            if loaded is not None and loaded.state is ChannelState.FAULT:
                loaded.state, loaded.words = ChannelState.STOPPED, "cleared"
                self._save({channel})

    def _inject(self, kind: str, channels: list[int], amount: float, seconds: float) -> None:
        if kind in ("channel_trip", "contact_loss"):
            state = ChannelState.TRIPPED if kind == "channel_trip" else ChannelState.FAULT
            self._end(channels, state, f"{FAULTS[kind]} (simulated)")
            return
        with self._lock:
            for loaded in (self._loaded[n] for n in channels if n in self._loaded):
                if kind == "power_cut":
                    loaded.paused += seconds
                elif kind == "clock_jump":
                    loaded.ahead += amount
            if kind == "temperature_excursion":
                self.faults.begin(amount, self._clock.now() + round(seconds * 1e9))
                for number in self._ambient:
                    self._backend.set_temperature(number - 1, self._ambient[number] + amount)
            self._save(set(channels) & set(self._loaded))

    def _save(self, channels: set[int]) -> None:
        cells = {
            self._loaded[n].cell: self._backend.cell(n - 1).plain()
            for n in channels
            if self._loaded[n].state in ENDED
        }
        self._opened.save(
            {
                n: {
                    "loaded": self._loaded[n].plain(),
                    "backend": self._backend.state(n - 1),
                    "ambient": self._ambient[n],
                }
                for n in channels
            },
            cells,
            [
                KnownTest(each.test, n, stem_of(each.test, n), each.files.position.part)
                for n, each in self._loaded.items()
                if n in channels
            ],
        )

    def _restore(self) -> None:
        with self._lock:
            self._store = Store(self._file)
            for number, plain in self._store.channels().items():
                if number > self._count:
                    continue
                loaded = Loaded.of(number, plain["loaded"], self.raw, self._rows_per_part)
                self._loaded[number] = loaded
                self._ambient[number] = plain["ambient"]
                self._backend.restore(number - 1, loaded.program, loaded.limits, plain["backend"])
                self._backend.set_temperature(number - 1, self._ambient[number])

    def protocol(self, channel: int) -> CyclingProtocol | None:
        """Return what runs, or ran, on a channel."""
        loaded = self._loaded.get(channel)
        return None if loaded is None else loaded.protocol

    def _status(self, number: int) -> ChannelStatus:
        loaded = self._loaded.get(number)
        if loaded is None:
            return ChannelStatus(number, ChannelState.IDLE, temperature=self._ambient[number])
        now = self._backend.glance(number - 1)
        running = loaded.state is ChannelState.RUNNING
        stopping = number in self._stopping and running
        lost = "contact" in loaded.words
        return ChannelStatus(
            channel=number,
            state=ChannelState.STOPPED if stopping else loaded.state,
            test=loaded.test,
            voltage=None if lost else now["voltage"],
            current=now["current"] if running and not stopping else 0.0,
            temperature=now["temperature"],
            test_time=now["test_time"],
            step=int(now["step"]),
            cycle=int(now["cycle"]),
            words="emergency stop" if stopping else loaded.words,
        )

    def _known(self, channel: int) -> None:
        if not 1 <= channel <= self._count:
            raise LabmeshError(
                f"there is no channel {channel}",
                where=self.name,
                remedy=f"channels are 1 to {self._count}",
            )

    @property
    def _opened(self) -> Store:
        if self._store is None:
            raise LabmeshError("the virtual cycler is not open", where=self.name)
        return self._store
