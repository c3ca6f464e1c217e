"""Arbin cyclers as the node sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from labmesh.wire import ByteWire
from messages.errors import LabmeshError
from nodes.cycler._driver import ChannelState, ChannelStatus, Job
from nodes.cycler.wires._arbin_client import ArbinChannel, ArbinClient
from nodes.cycler.wires._schedules import exported, fingerprint

_RESTING: Final = {"Idle", "Empty", "Idle from MCU"}
_STATES: Final = {
    "Pause": ChannelState.PAUSED, "Finished": ChannelState.FINISHED,
    "Unsafe": ChannelState.TRIPPED, "DAQ Memory Unsafe": ChannelState.TRIPPED,
    "Error": ChannelState.FAULT,
}  # fmt: skip


class ArbinCycler:
    """A `CyclerDriver` for an Arbin cycler under MITS Pro, by CTI.

    MITS runs schedules that were made in MITS: CTI assigns them by name and cannot bring new ones.

    Args:
        wire: To MITS Pro's CTI port, usually 9031. A record of it holds the password.
        username: A user of MITS with the right to control by CTI.
        password: Theirs.
        schedules: Names of schedules by `fingerprint` of the protocol that they carry out.
        exports: The folder to which MITS exports results.
    """

    simulated = False

    def __init__(
        self, wire: ByteWire, *, username: str, password: str, schedules: Mapping[str, str],
        exports: Path | None = None,
    ) -> None:  # fmt: skip
        self.name = "Arbin (CTI)"
        self._where = wire.address
        self._client = ArbinClient(wire)
        self._username, self._password = username, password
        self._schedules = dict(schedules)
        self._exports = exports
        self._stopped: dict[int, str] = {}

    async def open(self) -> None:
        """Log in; tests that run go on."""
        await self._client.login(self._username, self._password)
        self.name = f"Arbin {self._client.serial} (CTI)"

    async def close(self) -> None:
        """Disconnect; tests go on."""
        await self._client.close()

    async def channels(self) -> Sequence[ChannelStatus]:
        """Return every channel's status."""
        return [await self.status(number + 1) for number in range(self._client.channels)]

    async def status(self, channel: int) -> ChannelStatus:
        """Return one channel's status."""
        return self._status(await self._client.channel(self._index(channel)))

    async def start(self, channel: int, job: Job) -> None:
        """Assign the protocol's schedule and start it; errors as `CyclerDriver.start`."""
        schedule = self._schedule(job)
        index = self._index(channel)
        now = self._status(await self._client.channel(index))
        if now.state in {ChannelState.RUNNING, ChannelState.PAUSED, ChannelState.FAULT}:
            raise LabmeshError(
                f"channel {channel} is {now.state} with test {now.test or 'unknown'}",
                where=self._where,
                remedy="wait for its end, stop it, or take another channel",
            )
        capacity = job.protocol.sample.capacity_mAh
        await self._client.assign(
            index, schedule, capacity=(capacity or 0) / 1000, barcode=job.cell[:72]
        )
        await self._client.start(index, job.test)
        self._stopped.pop(index, None)

    async def stop(self, channel: int) -> None:
        """End a channel's test."""
        index = self._index(channel)
        before = await self._client.channel(index)
        await self._client.stop(index)
        if self._status(before).state in {ChannelState.RUNNING, ChannelState.PAUSED}:
            self._stopped[index] = before.test

    async def clear(self, channel: int) -> None:
        """Do nothing where nothing tripped.

        Raises:
            LabmeshError: It did, and CTI has no word for clearing it.
        """
        now = await self.status(channel)
        if now.state in {ChannelState.TRIPPED, ChannelState.FAULT}:
            raise LabmeshError(
                f"channel {channel} is {now.state}: {now.words}", where=self._where,
                remedy="clear it in MITS Pro, after a look at the cell",
            )  # fmt: skip

    async def halt(self) -> None:
        """Stop all channels of the cycler at once, whoever started them."""
        await self._client.stop_all_now()
        self._stopped = dict.fromkeys(range(self._client.channels), "")

    async def raw_files(self, channel: int, test: str) -> tuple[Path, ...]:
        """Return what MITS has exported of a test."""
        return await asyncio.to_thread(exported, self._exports, test, self._where)

    def check(self, job: Job) -> None:
        """Raise LabmeshError where MITS has no schedule for a job."""
        self._schedule(job)

    def _schedule(self, job: Job) -> str:
        mark = fingerprint(job.protocol)
        if mark not in self._schedules:
            known = ", ".join(f"{m} ({name})" for m, name in self._schedules.items())
            raise LabmeshError(
                f"MITS has no schedule for protocol {mark}",
                where=self._where,
                remedy=f"make it in MITS Pro and name it: schedules: {{{mark}: NAME.sdx}}; "
                f"known: {known or 'none'}",
            )
        return self._schedules[mark]

    def _index(self, channel: int) -> int:
        """Return the number on the wire, which counts from 0."""
        if not 1 <= channel <= self._client.channels:
            raise LabmeshError(
                f"no channel {channel}", where=self._where,
                remedy=f"this cycler has 1 to {self._client.channels}",
            )  # fmt: skip
        return channel - 1

    def _status(self, found: ArbinChannel) -> ChannelStatus:
        state = _STATES.get(found.status, ChannelState.RUNNING)
        if found.lost:
            state = ChannelState.FAULT
        elif found.status in _RESTING:
            ours = self._stopped.get(found.index) in {found.test, ""}
            state = ChannelState.STOPPED if ours else ChannelState.IDLE
        elif found.status.startswith("("):
            state = ChannelState.FAULT  # a status that this program does not know is not trusted
        words = "MITS has lost the channel" if found.lost else found.exit_condition
        return ChannelStatus(
            channel=found.index + 1,
            state=state,
            test=found.test,
            voltage=found.voltage,
            current=found.current,
            temperature=found.temperature,
            test_time=found.test_time,
            step=found.step,
            cycle=found.cycle,
            words="" if words == "N/A" else words,
        )
