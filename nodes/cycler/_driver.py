"""The seam to a cycler: what the node asks of a backend, virtual or real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from messages.protocol import CyclingProtocol
from nodes.cycler._electrolyte import Electrolyte


class ChannelState(StrEnum):
    """What a channel does, as far as its cycler says."""

    IDLE = "idle"
    """Nothing is loaded, or what ran was cleared."""
    RUNNING = "running"
    """A test goes on."""
    PAUSED = "paused"
    """A test was halted and may go on."""
    FINISHED = "finished"
    """The test came to its own end."""
    STOPPED = "stopped"
    """The test was stopped by a person, the node or the emergency stop; the cell is at rest."""
    TRIPPED = "tripped"
    """A safety limit ended the test; the cell is at rest."""
    FAULT = "fault"
    """The channel, or the contact to its cell, is broken; or the cycler does not answer for it."""


ENDED = frozenset(
    {ChannelState.FINISHED, ChannelState.STOPPED, ChannelState.TRIPPED, ChannelState.FAULT}
)
"""States in which a test does not go on by itself."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel at one moment. Numbers that the cycler does not tell are None.

    Attributes:
        channel: Its number as people count, from 1. A driver whose wire counts from 0 converts.
        state: What it does.
        test: Name of the loaded test as given to `CyclerDriver.start`, or empty.
        voltage: In V.
        current: In A, positive charges.
        temperature: In K.
        test_time: Seconds since the test began.
        step: Number of the step in the method, from 1; tags and loops do not count.
        cycle: Cycle number, from 1.
        words: Why it is as it is, where that needs saying.
    """

    channel: int
    state: ChannelState
    test: str = ""
    voltage: float | None = None
    current: float | None = None
    temperature: float | None = None
    test_time: float | None = None
    step: int | None = None
    cycle: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class CellLimits:
    """What a cell must not exceed for longer than ``delay`` seconds; SI units and A.h, None: free.

    The narrower of what the protocol's ``safety`` and the node's parameters say. A driver whose
    cycler cannot watch one of them leaves that to the node, which watches all.

    Attributes:
        voltage_max: V.
        voltage_min: V; counts while the cell is discharged, for a new cell is below any such limit.
        current_max: A, of charge.
        current_min: A, of discharge: negative.
        capacity_max: A.h, of one step.
        temperature_max: K.
        temperature_min: K.
        delay: s.
    """

    voltage_max: float | None = None
    voltage_min: float | None = None
    current_max: float | None = None
    current_min: float | None = None
    capacity_max: float | None = None
    temperature_max: float | None = None
    temperature_min: float | None = None
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """What a channel shall run.

    Attributes:
        test: Unique name; it becomes part of file names: letters, digits, ``-`` and ``_``.
        cell: The sample's identity in the ledger.
        protocol: With ``sample.capacity_mAh`` set wherever a step has a rate, all limits in place
            (`nodes.cycler._limits.checked`).
        limits: All of them, the temperature's among them.
        electrolyte: In the cell, where the ledger knows it; only a virtual cycler asks.
    """

    test: str
    cell: str
    protocol: CyclingProtocol
    limits: CellLimits = CellLimits()
    electrolyte: Electrolyte | None = None


class CyclerDriver(Protocol):
    """A cycler, or a simulation of one.

    One object a cycler. Every method raises a `messages.errors.LabmeshError` that says what, where
    and what to do; none retries what may have moved current. ``start`` answers only when the
    cycler has taken the test. A driver knows nothing of orders and reservations.

    Attributes:
        name: Vendor and kind, for people and provenance: ``virtual cycler (half-cell surrogate)``.
        simulated: No real cell is cycled.
    """

    name: str
    simulated: bool

    async def open(self) -> None:
        """Connect, and find out what runs already: channels go on while nobody is connected."""
        ...

    async def close(self) -> None:
        """Disconnect. Running tests go on where the cycler is a real one."""
        ...

    async def channels(self) -> Sequence[ChannelStatus]:
        """Return every channel's status, by number."""
        ...

    async def status(self, channel: int) -> ChannelStatus:
        """Return one channel's status."""
        ...

    async def start(self, channel: int, job: Job) -> None:
        """Begin a test on a channel where none runs.

        Raises:
            LabmeshError: The channel is busy or broken, or the cycler cannot run the protocol (the
                step that it cannot is named).
        """
        ...

    async def stop(self, channel: int) -> None:
        """End a channel's test and leave the cell at rest; nothing happens where none runs."""
        ...

    async def clear(self, channel: int) -> None:
        """Make a channel usable again that tripped or was at fault; a person has looked at it."""
        ...

    async def halt(self) -> None:
        """End the tests of all channels at once, past every queue: the emergency stop."""
        ...

    async def raw_files(self, channel: int, test: str) -> tuple[Path, ...]:
        """Return the raw files of a test on this machine, its parts in their order.

        They are complete once the test has ended: a driver that must download or export them does
        it here.

        Raises:
            LabmeshError: There are none; says where they should be.
        """
        ...
