"""Runs, broken off and gone on with; OpenMM for real, in a box of sixteen molecules."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from messages.errors import ConfigurationError, OrderError
from nodes.dynamics import RunFolder, analyse
from nodes.dynamics._child import compute
from nodes.dynamics._engine import Engine
from nodes.dynamics._openmm import make_platform
from tests.nodes.dynamics.conftest import PLAN, computing


class Stopped(Exception):  # noqa: N818 - a test's
    pass


def run(folder: RunFolder, *, say: Callable[[float, str], None] = lambda *_: None) -> None:
    Engine(folder, "CPU", 1, "mixed", say).run()


def states(folder: RunFolder) -> list[str]:
    return [record.state for record in folder.records()]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """OpenMM's particle mesh Ewald counts its threads by this alone; `compute` sets it, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENMM_CPU_THREADS", "1")
        yield


def test_a_run_is_complete_and_sane(whole: RunFolder) -> None:
    assert whole.complete
    assert [r.about["phase"] for r in whole.records()] == [
        "anneal", "equilibrate", *["density"] * 3, *["transport"] * 10
    ]  # fmt: skip
    found = analyse(whole)
    assert 700 < found.density.value < 1600, "so short a run of so small a box is no liquid yet"
    assert [d.title for d in found.distributions] == [
        "Li-O(EC)", "Li-O(EMC)", "Li-P(PF6)", "Li-F(PF6)"
    ]  # fmt: skip
    assert found.transport is not None
    low, high = found.transport.bounds
    assert 0 <= low <= found.transport.conductivity <= high
    assert found.transport.uncertainty >= (high - low) / 2
    assert found.computed[0]["platform"] == "CPU"
    pdb = (whole.path / "box.pdb").read_text()
    assert pdb.count("HETATM") == 1 + 7 + 10 * PLAN.counts["EC"] + 15 * PLAN.counts["EMC"]


def test_constant_volume_is_the_mean_of_the_density_phase(whole: RunFolder) -> None:
    volumes = {
        phase: np.concatenate(
            [r.arrays["volume"] for r in whole.records() if r.about["phase"] == phase]
        )
        for phase in ("density", "transport")
    }
    assert np.ptp(volumes["transport"]) == 0
    assert volumes["transport"][0] == pytest.approx(volumes["density"].mean())


def test_broken_off_at_any_moment_it_ends_as_if_it_had_not_been(
    whole: RunFolder, tmp_path: Path
) -> None:
    """Bit for bit, on one thread of the CPU platform."""
    folder = RunFolder(tmp_path / "run")
    folder.begin(PLAN)
    shutil.copy(whole.path / "segment-00000.npz", folder.path)
    words = 0

    def say(fraction: float, text: str) -> None:
        nonlocal words
        words += 1
        if words == 25:
            raise Stopped

    with pytest.raises(Stopped):
        run(folder, say=say)
    assert 1 < folder.done < len(PLAN.segments())
    (folder.path / "segment-00004.npz.new").write_bytes(b"half a segment")
    run(folder)
    assert states(folder) == states(whole)
    for one, two in zip(folder.records(), whole.records(), strict=True):
        assert one.arrays.keys() == two.arrays.keys()
        assert all(np.array_equal(one.arrays[name], two.arrays[name]) for name in one.arrays)


async def test_a_killed_process_is_told_and_the_next_one_goes_on(
    whole: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(PLAN)
    shutil.copy(whole.path / "segment-00000.npz", folder.path)
    words: list[str] = []

    async def kill(fraction: float, text: str) -> None:
        words.append(text)
        (child,) = computing()
        child.send_signal(signal.SIGKILL)

    with pytest.raises(OrderError, match="ended by signal SIGKILL") as error:
        await compute(folder, platform="CPU", threads=1, precision="mixed", feedback=kill)
    assert error.value.retryable
    assert words
    done = folder.done
    assert done < len(PLAN.segments())

    async def quiet(fraction: float, text: str) -> None:
        pass

    await compute(folder, platform="CPU", threads=1, precision="mixed", feedback=quiet)
    assert folder.complete
    assert states(folder) == states(whole)


async def test_cancelled_it_leaves_no_process(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(PLAN)
    told = asyncio.Event()

    async def feedback(fraction: float, text: str) -> None:
        told.set()

    task = asyncio.create_task(
        compute(folder, platform="CPU", threads=1, precision="mixed", feedback=feedback)
    )
    await told.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not computing()
    assert folder.done < len(PLAN.segments()), "it was not waited for"


async def test_whoever_computes_ends_with_the_node(tmp_path: Path) -> None:
    """The node is gone when its end of the pipe is."""
    folder = RunFolder(tmp_path / "run")
    folder.begin(PLAN)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nodes.dynamics._work", str(folder.path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'{"platform": "CPU", "threads": 1, "precision": "mixed"}\n')
    assert b"packing" in await process.stdout.readline()
    process.stdin.close()
    assert await process.wait() == 2
    assert not folder.complete


def test_a_simulation_that_blows_up_says_so(whole: RunFolder, tmp_path: Path) -> None:
    """Velocities of 90 000 nm/ps."""
    folder = RunFolder(tmp_path / "run")
    folder.begin(PLAN)
    first = whole.read(1)
    spoilt = re.sub(r'<Velocity x="[^"]*"', '<Velocity x="90000"', first.state)
    assert spoilt != first.state
    folder.write(0, whole.read(0))
    folder.write(1, type(first)(first.arrays, spoilt, first.about))
    with pytest.raises(OrderError, match="the simulation broke down") as error:
        run(folder)
    assert error.value.remedy
    assert not error.value.retryable
    assert folder.done == 2


def test_a_platform_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no platform CUDA here that works, but Ref") as e:
        make_platform("CUDA", 1, "mixed")
    assert "OpenMM-CUDA" in e.value.remedy
    assert make_platform("auto", 3, "mixed")[1]["Threads"] == "3"


def test_a_plug_in_without_a_device_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """As CUDA's on a machine without a GPU; played by a CPU platform that takes no thread."""
    monkeypatch.setattr("nodes.dynamics._openmm.PLATFORMS", ("CPU", "Reference"))
    monkeypatch.setattr(
        "nodes.dynamics._openmm._properties",
        lambda name, *_: {"Precision": "mixed"} if name == "CPU" else {},
    )
    with pytest.raises(ConfigurationError, match="CPU: Illegal property name"):
        make_platform("CPU", 1, "mixed")
    assert make_platform("auto", 1, "mixed")[0].getName() == "Reference"
