from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import polars as pl
import pytest

from labmesh import LabmeshError
from labmesh.clock import ManualClock
from messages.errors import MissingProgramError
from messages.protocol import CyclingProtocol
from nodes.cycler import CellLimits, ChannelState, Job
from nodes.cycler.files import read_cycler_file
from nodes.cycler.virtual import Engine, VirtualCycler, assembled
from nodes.cycler.virtual import _pybamm as pybamm_backend
from nodes.cycler.virtual._arbin_file import ArbinFiles
from tests.nodes.cycler.virtual import cycles, protocol

HOUR = 3600.0


class Rig:
    """A virtual cycler of three channels whose process may be killed."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder, self.clock = folder, clock
        self.cycler = self.new()

    def new(self) -> VirtualCycler:
        return VirtualCycler(
            Engine(3), "test", 3, self.clock, self.folder, lambda job: assembled(job.cell, 0),
            rows_per_part=70,
        )  # fmt: skip

    async def later(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.cycler.advance()

    async def crash(self) -> None:
        """End as kill -9 does: later writes of a file's tail may be on the disk, or half of one."""
        await self.cycler.close()
        last = max((self.folder / "raw").iterdir(), key=lambda file: int(file.stem.split("_")[-1]))
        with last.open("ab") as file:
            file.write(b"9999,\t01/01/2026 00:00:00.000,1.0,1.0,1,1,0.0,3.")
        shutil.copy(last, last.with_name(last.name.replace("_Wb_", "_Wb_9")))
        self.cycler = self.new()
        await self.cycler.open()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path / "a", ManualClock())
    await rig.cycler.open()
    yield rig
    await rig.cycler.close()


def job(test: str = "t1", cell: str = "c1", what: CyclingProtocol | None = None) -> Job:
    return Job(test, cell, what or cycles(2), CellLimits(voltage_max=4.3))


async def test_no_record_is_lost_or_doubled_by_a_crash(rig: Rig, tmp_path: Path) -> None:
    await rig.cycler.start(2, job())
    for hours in (0.3, 0.8, 0.9, 2.0):
        await rig.later(hours * HOUR)
        await rig.crash()
    await rig.later(6 * HOUR)
    other = Rig(tmp_path / "b", ManualClock())
    await other.cycler.open()
    await other.cycler.start(2, job())
    await other.later(10 * HOUR)
    ours, theirs = [await each.cycler.raw_files(2, "t1") for each in (rig, other)]
    await other.cycler.close()
    assert len(ours) == len(theirs) > 2
    assert [file.read_bytes() for file in ours] == [file.read_bytes() for file in theirs]
    assert (await rig.cycler.status(2)).state is ChannelState.FINISHED


async def test_no_record_is_lost_to_a_full_disk(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.cycler.start(1, job())
    await rig.later(HOUR)
    with monkeypatch.context() as broken:

        def full(*arguments: object) -> None:
            raise OSError(28, "No space left on device")

        broken.setattr(ArbinFiles, "append", full)
        with pytest.raises(OSError, match="No space"):
            await rig.later(HOUR)
        with pytest.raises(OSError, match="No space"):
            await rig.later(60)
    await rig.later(8 * HOUR)
    data = read_cycler_file((await rig.cycler.raw_files(1, "t1"))[0], timezone="UTC")
    assert data.table["record_index"].to_list() == list(range(1, data.table.height + 1))
    assert data.table["test_time_second"].diff().max() == pytest.approx(60)
    with pytest.raises(LabmeshError, match="there was a test t1 before"):
        await rig.cycler.start(2, job())


async def test_its_files_are_read_by_our_own_parser(rig: Rig) -> None:
    await rig.cycler.start(1, job())
    await rig.later(10 * HOUR)
    parts = await rig.cycler.raw_files(1, "t1")
    assert [part.name for part in parts[:2]] == ["t1_Channel_1_Wb_1.csv", "t1_Channel_1_Wb_2.csv"]
    data = read_cycler_file(parts[0], timezone="UTC")
    assert data.metadata.format == "arbin_csv"
    assert not data.failures
    assert data.cycles["cycle"].to_list() == [1, 2]
    deviation = data.cycles["discharge_capacity_ah"] / data.cycles["discharge_capacity_integral_ah"]
    assert (deviation - 1).abs().max() < 2e-3  # type: ignore[operator]
    assert data.table["unix_time_second"][0] == pytest.approx(
        rig.clock.now() / 1e9 - 10 * HOUR + 0.1
    )


async def test_a_cell_comes_back_as_it_left(rig: Rig) -> None:
    charge = protocol({"step": "constant_current", "rate_C": 1, "until_voltage_V": 4.0})
    await rig.cycler.start(1, job("t1", "c1", charge))
    await rig.later(3 * HOUR)
    await rig.crash()
    rest = protocol({"step": "open_circuit_voltage", "until_time_s": 600})
    await rig.cycler.start(3, job("t2", "c1", rest))
    await rig.cycler.start(2, job("t3", "another", rest))
    await rig.later(HOUR)
    same, new = [await rig.cycler.status(channel) for channel in (3, 2)]
    assert same.voltage is not None
    assert new.voltage is not None
    assert same.voltage > 3.8
    assert new.voltage < 3.0


async def test_halt_ends_all_at_once(rig: Rig) -> None:
    for channel in (1, 3):
        await rig.cycler.start(channel, job(f"t{channel}", f"c{channel}"))
    await rig.later(HOUR)
    await rig.cycler.halt()
    before = [part.read_bytes() for part in await rig.cycler.raw_files(1, "t1")]
    await rig.later(HOUR)
    statuses = await rig.cycler.channels()
    assert [s.state for s in statuses] == [
        ChannelState.STOPPED, ChannelState.IDLE, ChannelState.STOPPED,
    ]  # fmt: skip
    assert statuses[0].current == 0.0
    assert [part.read_bytes() for part in await rig.cycler.raw_files(1, "t1")] == before


async def test_a_busy_channel_and_one_that_is_not_there_are_refused(rig: Rig) -> None:
    await rig.cycler.start(1, job())
    with pytest.raises(LabmeshError, match="channel 1 runs t1"):
        await rig.cycler.start(1, job("t2", "c2"))
    with pytest.raises(LabmeshError, match="there is no channel 4"):
        await rig.cycler.start(4, job())
    scan = {
        "step": "voltage_scan",
        "start_voltage_V": 3,
        "end_voltage_V": 4,
        "scan_rate_mV_per_s": 1,
    }
    with pytest.raises(LabmeshError, match="does no voltage_scan"):
        await rig.cycler.start(2, job("t3", "c3", protocol(scan)))


async def test_faults(rig: Rig) -> None:
    for channel in (1, 2, 3):
        await rig.cycler.start(channel, job(f"t{channel}", f"c{channel}", cycles(1)))
    await rig.later(600)
    await rig.cycler.inject("power_cut", None, 0.0, HOUR)
    await rig.cycler.inject("clock_jump", 1, 7200.0, 0.0)
    await rig.cycler.inject("contact_loss", 2, 0.0, 0.0)
    await rig.cycler.inject("temperature_excursion", None, 15.0, 1.5 * HOUR)
    await rig.later(HOUR)
    assert (await rig.cycler.status(1)).test_time == pytest.approx(600, abs=60)
    lost = await rig.cycler.status(2)
    assert (lost.state, lost.voltage) == (ChannelState.FAULT, None)
    await rig.later(5 * HOUR)
    first, third = [
        read_cycler_file((await rig.cycler.raw_files(n, f"t{n}"))[0], timezone="UTC")
        for n in (1, 3)
    ]
    gap = third.table["unix_time_second"].diff().max()
    assert gap == pytest.approx(HOUR, abs=61)
    assert any("clock" in check.name for check in first.failures)
    warm = third.table.filter(pl.col("temperature_t1_celsius") > 39)
    assert 0 < warm.height < third.table.height / 2
    await rig.cycler.clear(2)
    await rig.cycler.start(2, job("t9", "c2"))
    with pytest.raises(LabmeshError, match="no fault 'fire'"):
        await rig.cycler.inject("fire", None, 0.0, 0.0)


async def test_pybamm_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(pybamm_backend, "import_module", missing)
    with pytest.raises(MissingProgramError, match="PyBaMM is not installed") as caught:
        pybamm_backend.PyBammEngine(1)
    assert "labmesh[pybamm]" in caught.value.remedy
