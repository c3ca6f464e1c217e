"""Neware cyclers as the node sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Final

from labmesh.wire import ByteWire
from messages.errors import LabmeshError
from nodes.cycler._driver import ChannelState, ChannelStatus, Job
from nodes.cycler.wires._neware_client import NewareChannel, NewareClient, NewareStatus
from nodes.cycler.wires._neware_records import as_bdf
from nodes.cycler.wires._schedules import exported

_STATES: Final = {
    "working": ChannelState.RUNNING, "finish": ChannelState.FINISHED, "stop": ChannelState.STOPPED,
    "pause": ChannelState.PAUSED, "protect": ChannelState.TRIPPED,
}  # fmt: skip


class NewareCycler:
    """A `CyclerDriver` for Neware cyclers under BTS 8, by its API.

    Channels are numbered from 1 in the order of device, sub-device and channel. Protocols become
    step files of BTS by ``aurora-unicycler``, in a folder that BTS' computer sees, too.

    Args:
        wire: To BTS, port 502.
        steps: The folder of step files, as this computer sees it.
        steps_there: The same as BTS' computer (Windows) sees it.
        results_there: Where BTS backs up results, as it sees it.
        exports: The same as this computer sees it; None: records are downloaded by the API.
        downloads: Where downloaded records are kept, as Battery Data Format.
    """

    simulated = False

    def __init__(
        self, wire: ByteWire, *, steps: Path, steps_there: str, results_there: str,
        exports: Path | None = None, downloads: Path | None = None, username: str = "admin",
        password: str = "neware",  # noqa: S107
    ) -> None:  # fmt: skip
        self.name = "Neware (BTS 8)"
        self._where = wire.address
        self._client = NewareClient(wire)
        self._steps, self._steps_there = steps, PureWindowsPath(steps_there)
        self._results_there = results_there
        self._exports, self._downloads = exports, downloads
        self._login = username, password

    async def open(self) -> None:
        """Connect; tests that run go on."""
        await self._client.connect(*self._login)

    async def close(self) -> None:
        """Disconnect; tests go on."""
        await self._client.close()

    async def channels(self) -> Sequence[ChannelStatus]:
        """Return every channel's status."""
        found = await self._client.inquire(self._client.channels)
        return [_status(number, each) for number, each in enumerate(found, 1)]

    async def status(self, channel: int) -> ChannelStatus:
        """Return one channel's status."""
        [found] = await self._client.inquire([self._channel(channel)])
        return _status(channel, found)

    async def start(self, channel: int, job: Job) -> None:
        """Write the step file and start it; errors as `CyclerDriver.start`."""
        where = self._channel(channel)
        name = f"{job.test}.xml"
        await asyncio.to_thread(self._write, job, name)
        await self._client.start(
            where, str(self._steps_there / name), barcode=job.test, backup=self._results_there
        )

    def check(self, job: Job) -> None:
        """Raise LabmeshError where BTS cannot run a job."""
        _steps(job)

    def _write(self, job: Job, name: str) -> None:
        text = _steps(job)
        try:
            (self._steps / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise LabmeshError(
                f"the step file cannot be written: {error.strerror}", where=str(self._steps / name),
                remedy="mount the folder that BTS' computer shares",
            ) from None  # fmt: skip

    async def stop(self, channel: int) -> None:
        """End a channel's test; nothing happens where none runs."""
        where = self._channel(channel)
        [work] = await self._client.work_states([where])
        if _STATES.get(work) in {ChannelState.RUNNING, ChannelState.PAUSED}:
            await self._client.stop(where)

    async def clear(self, channel: int) -> None:
        """Clear the flag of an alarm."""
        await self._client.clear_flag(self._channel(channel))

    async def halt(self) -> None:
        """Stop all channels at once, whoever started them."""
        await self._client.stop_all_now()

    async def raw_files(self, channel: int, test: str) -> tuple[Path, ...]:
        """Return what BTS has backed up of a test, or download its records."""
        if self._exports is None and self._downloads is not None:
            return (await self._downloaded(channel, test, self._downloads),)
        return await asyncio.to_thread(exported, self._exports, test, self._where)

    async def _downloaded(self, channel: int, test: str, folder: Path) -> Path:
        file = folder / f"{test}_channel_{channel}.bdf.csv"
        if file.exists():
            return file
        where = self._channel(channel)
        [now] = await self._client.inquire([where])
        if now.barcode != test:
            raise LabmeshError(
                f"channel {channel} has test {now.barcode or 'none'} by now, asked is {test}",
                where=self._where,
                remedy="BTS gives the last test of a channel alone: export it in BTS Client",
            )
        over = _STATES.get(now.work) is not ChannelState.RUNNING
        text = as_bdf(await self._client.download(where), self._where)
        await asyncio.to_thread(_keep, file if over else file.with_suffix(".part.csv"), text)
        return file if over else file.with_suffix(".part.csv")

    def _channel(self, channel: int) -> NewareChannel:
        known = self._client.channels
        if not 1 <= channel <= len(known):
            raise LabmeshError(
                f"no channel {channel}", where=self._where, remedy=f"there are 1 to {len(known)}"
            )
        return known[channel - 1]


def _keep(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        raise LabmeshError(
            f"the records cannot be written: {error.strerror}", where=str(file),
            remedy="make room on the disk",
        ) from None  # fmt: skip


def _status(number: int, found: NewareStatus) -> ChannelStatus:
    state = _STATES.get(found.work, ChannelState.FAULT)
    words = f"BTS log code {found.log_code}" if state is ChannelState.TRIPPED else ""
    if state is ChannelState.FAULT:
        words = f"BTS says {found.work!r}"
    return ChannelStatus(
        channel=number,
        state=state,
        test=found.barcode,
        voltage=found.voltage,
        current=found.current,
        test_time=found.total_time,
        step=found.step,
        cycle=found.cycle,
        words=words,
    )


def _steps(job: Job) -> str:
    """Return a job as a step file of BTS.

    Raises:
        LabmeshError: BTS has not what the protocol asks for.
    """
    # Heavy, and of no use to other cyclers.
    from aurora_unicycler import Protocol  # noqa: PLC0415

    ours = {"temperature", "start_state"}
    plain = job.protocol.model_dump(mode="json", exclude=ours, exclude_none=True)
    try:
        text: str = Protocol.from_dict(plain).to_neware_xml(sample_name=job.test)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise LabmeshError(
            f"BTS cannot run this protocol: {error}", where=job.test,
            remedy="leave out what Neware cyclers have not",
        ) from None  # fmt: skip
    return text
