"""What a virtual cycler does in threads: simulate, write, save. One thread at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from messages.errors import LabmeshError
from nodes.cycler._driver import ENDED, ChannelState, ChannelStatus, Job
from nodes.cycler._program import Program
from nodes.cycler.virtual._arbin_file import ArbinFiles
from nodes.cycler.virtual._cell import REFERENCE, Cell
from nodes.cycler.virtual._channel import Loaded, limits_of, stem_of
from nodes.cycler.virtual._engine import Ended
from nodes.cycler.virtual._faults import FAULTS, Faults
from nodes.cycler.virtual._records import Rows
from nodes.cycler.virtual._store import KnownTest, Store


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
        """Make `run`, in another thread, return at once; the next `run` goes on."""
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


class Bench:
    """The channels of a virtual cycler, from 1, with their cells, files and checkpoint.

    Every method blocks and holds the lock, but `status` and `stop_now`.

    Args:
        backend: What simulates the cells.
        name: Of the simulation, for errors.
        count: Channels.
        folder: Where checkpoint and raw files lie.
        newborn: The cell of a job whose sample was never here.
        rows_per_part: Records of a part of a raw file.
    """

    def __init__(
        self, backend: Backend, name: str, count: int, folder: Path,
        newborn: Callable[[Job], Cell], rows_per_part: int,
    ) -> None:  # fmt: skip
        self.raw = folder / "raw"
        self._backend, self._name, self._count, self._newborn = backend, name, count, newborn
        self._file, self._rows_per_part = folder / "virtual_cycler.sqlite", rows_per_part
        self._store: Store | None = None
        self._loaded: dict[int, Loaded] = {}
        self._ambient = dict.fromkeys(range(1, count + 1), REFERENCE)
        self._lock = threading.Lock()
        self._stopping: set[int] = set()
        self._stale = False
        self._faults = Faults()

    def open(self) -> None:
        """Go on where the last process ended, or was killed."""
        with self._lock:
            self._store = Store(self._file)
            self._reload()

    def close(self) -> None:
        """Close the checkpoint; `advance` does nothing any more."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def running(self) -> list[int]:
        """Return the channels whose test goes on."""
        return [n for n, each in self._loaded.items() if each.state not in ENDED]

    def known_test(self, name: str) -> KnownTest | None:
        """Return where a test's files are."""
        with self._lock:
            return self._opened.test(name)

    def status(self, number: int) -> ChannelStatus:
        """Return a channel's status."""
        loaded = self._loaded.get(number)
        if loaded is None:
            return ChannelStatus(number, ChannelState.IDLE, temperature=self._ambient[number])
        now = self._backend.glance(number - 1)
        running = loaded.state is ChannelState.RUNNING
        stopping = number in self._stopping and running
        return ChannelStatus(
            channel=number,
            state=ChannelState.STOPPED if stopping else loaded.state,
            test=loaded.test,
            voltage=None if loaded.state is ChannelState.FAULT else now["voltage"],
            current=now["current"] if running and not stopping else 0.0,
            temperature=now["temperature"],
            test_time=now["test_time"],
            step=int(now["step"]),
            cycle=int(now["cycle"]),
            words="emergency stop" if stopping else loaded.words,
        )

    def stop_now(self) -> list[int]:
        """Let no more records be taken on any channel; return those that ran. Never waits."""
        running = self.running()
        self._stopping |= set(running)
        self._backend.interrupt()
        return running

    def start(self, channel: int, job: Job, program: Program, now: int) -> None:
        """Begin a test.

        Raises:
            LabmeshError: There was one of that name, or the backend cannot solve it.
        """
        with self._lock:
            if self._opened.test(job.test) is not None:
                raise LabmeshError(
                    f"there was a test {job.test} before, whose raw files are kept",
                    where=self._name,
                    remedy="give it another name",
                )
            plain = self._opened.cell(job.cell)
            cell = self._newborn(job) if plain is None else Cell.of(plain)
            limits = limits_of(job.limits)
            if job.protocol.temperature is not None:
                self._ambient[channel] = job.protocol.temperature
            self._warm(channel)
            self._backend.load(channel - 1, program, cell, limits)
            self._stopping.discard(channel)
            self._loaded[channel] = Loaded(
                test=job.test,
                cell=job.cell,
                protocol=job.protocol,
                program=program,
                limits=limits,
                begun=now,
                files=ArbinFiles(self.raw, stem_of(job.test, channel), self._rows_per_part),
            )
            self._save({channel})

    def end(self, channels: Iterable[int], state: ChannelState, words: str) -> None:
        """End tests; nothing happens where none runs."""
        with self._lock:
            ended = {n for n in channels if n in self._loaded and n in self.running()}
            for channel in ended:
                self._backend.rest(channel - 1)
                loaded = self._loaded[channel]
                loaded.state, loaded.words = state, words
            self._stopping -= set(channels)
            self._save(ended)

    def clear(self, channel: int) -> None:
        """Use a channel again that was at fault or tripped."""
        with self._lock:
            loaded = self._loaded.get(channel)
            if loaded is not None and loaded.state in (ChannelState.FAULT, ChannelState.TRIPPED):
                loaded.state, loaded.words = ChannelState.STOPPED, "cleared"
                self._save({channel})

    def set_temperature(self, kelvin: float) -> None:
        """Let all cells be at another temperature from now on."""
        with self._lock:
            for channel in self._ambient:
                self._ambient[channel] = kelvin
                self._warm(channel)

    def inject(
        self, kind: str, channels: Iterable[int], amount: float, seconds: float, now: int
    ) -> None:
        """Let a fault happen; kinds as in `FAULTS`."""
        channels = [each for each in channels if each in self._loaded]
        if kind in ("channel_trip", "contact_loss"):
            state = ChannelState.TRIPPED if kind == "channel_trip" else ChannelState.FAULT
            self.end(channels, state, f"{FAULTS[kind]} (simulated)")
            return
        with self._lock:
            for channel in channels:
                if kind == "power_cut":
                    self._loaded[channel].paused += seconds
                elif kind == "clock_jump":
                    self._loaded[channel].ahead += amount
            if kind == "temperature_excursion":
                self._faults.begin(amount, now + round(seconds * 1e9))
                for number in self._ambient:
                    self._warm(number)
            self._save(set(channels))

    def advance(self, now: int) -> None:
        """Simulate up to mesh time ``now``; records and checkpoint are on the disk then.

        Raises:
            OSError: They cannot be written. Nothing is lost: it is simulated again later.
            sqlite3.Error: Likewise.
        """
        with self._lock:
            if self._store is None:
                return
            try:
                if self._stale:
                    self._reload()
                end = self._faults.ends
                if end is not None and end <= now:
                    self._run(end)
                    self._faults.over()
                    for number in self._ambient:
                        self._warm(number)
                self._run(now)
            except (OSError, sqlite3.Error):
                self._stale = True  # the backend is ahead of what is on the disk
                raise

    def _run(self, now: int) -> None:
        until = np.full(self._count, -1.0)
        running = [n for n in self.running() if n not in self._stopping]
        for number in running:
            until[number - 1] = self._loaded[number].due(now)
        if not running:
            return
        rows, ended = self._backend.run(until)
        for index, records in rows.items():
            loaded = self._loaded[index + 1]
            loaded.files.append(records, loaded.begun, loaded.paused + loaded.ahead)
        for each in ended:
            loaded = self._loaded[each.channel + 1]
            loaded.state = ChannelState.TRIPPED if each.tripped else ChannelState.FINISHED
            loaded.words = each.tripped
        self._save({n + 1 for n in rows} | {each.channel + 1 for each in ended})

    def _warm(self, channel: int) -> None:
        self._backend.set_temperature(channel - 1, self._ambient[channel] + self._faults.warmer)

    def _save(self, channels: set[int]) -> None:
        loaded = {n: self._loaded[n] for n in channels}
        self._opened.save(
            {
                n: {
                    "loaded": each.plain(),
                    "backend": self._backend.state(n - 1),
                    "ambient": self._ambient[n],
                }
                for n, each in loaded.items()
            },
            {
                each.cell: self._backend.cell(n - 1).plain()
                for n, each in loaded.items()
                if each.state in ENDED
            },
            [
                KnownTest(each.test, n, stem_of(each.test, n), each.files.position.part)
                for n, each in loaded.items()
            ],
        )

    def _reload(self) -> None:
        """Put all channels back to what is on the disk; what is simulated twice is the same."""
        for number, plain in self._opened.channels().items():
            if number > self._count:
                continue
            loaded = Loaded.of(number, plain["loaded"], self.raw, self._rows_per_part)
            self._loaded[number] = loaded
            self._ambient[number] = plain["ambient"]
            self._backend.restore(number - 1, loaded.program, loaded.limits, plain["backend"])
            self._warm(number)
        self._stale = False

    @property
    def _opened(self) -> Store:
        if self._store is None:
            raise LabmeshError("the virtual cycler is not open", where=self._name)
        return self._store
