"""How fast the virtual cycler is: 64 channels, 42 cycles C/2 with records every 30 s, on one core.

``python benchmarks/virtual_cycler.py`` prints a table: the simulation alone, then the same with raw
files written, synced and checkpointed. ``--channels`` and ``--cycles`` ask for other sizes. CPU
time is the process's own; wall time is longer on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from labmesh.clock import ManualClock
from messages.protocol import CyclingProtocol
from nodes.cycler import CellLimits, Job
from nodes.cycler._program import compiled
from nodes.cycler.virtual import Engine, VirtualCycler, assembled

CAPACITY: Final = 7.7
WEEKS: Final = 8 * 7 * 86400.0


def protocol(cycles: int) -> CyclingProtocol:
    """Return CCCV cycles at C/2 with records every 30 s."""
    return CyclingProtocol.model_validate(
        {
            "record": {"time_s": 30},
            "sample": {"capacity_mAh": CAPACITY},
            "safety": {"max_voltage_V": 4.3, "min_voltage_V": 2.4, "delay_s": 60},
            "method": [
                {"step": "tag", "tag": "cycle"},
                {"step": "constant_current", "rate_C": 0.5, "until_voltage_V": 4.2},
                {"step": "constant_voltage", "voltage_V": 4.2, "until_rate_C": 0.05},
                {"step": "constant_current", "rate_C": -0.5, "until_voltage_V": 2.5},
                {"step": "loop", "loop_to": "cycle", "cycle_count": cycles},
            ],
        }
    )


def simulate(channels: int, cycles: int) -> int:
    """Run all channels to their end in memory; return the number of records."""
    engine, program = Engine(channels), compiled(protocol(cycles))
    limits = {"voltage_max": 4.3, "voltage_min": 2.4, "delay": 60.0}
    for channel in range(channels):
        engine.load(channel, program, assembled(f"cell-{channel}", 0), limits)
    rows, ended = engine.run(np.full(channels, 1e9))
    if len(ended) != channels or any(each.tripped for each in ended):
        raise SystemExit("not every channel came to its end")
    return sum(map(len, rows.values()))


async def whole(channels: int, cycles: int, folder: Path) -> int:
    """Run them as the node does, with files and checkpoints; return the bytes of the raw files."""
    clock = ManualClock()
    cycler = VirtualCycler(
        Engine(channels), "benchmark", channels, clock, folder, lambda job: assembled(job.cell, 0)
    )
    await cycler.open()
    limits = CellLimits(voltage_max=4.3, voltage_min=2.4, delay=60.0)
    for channel in range(1, channels + 1):
        job = Job(f"virtual-{channel}", f"cell-{channel}", protocol(cycles), limits)
        await cycler.start(channel, job)
    for _ in range(8):
        await clock.advance(WEEKS / 8)
        await cycler.advance()
    await cycler.close()
    return sum(file.stat().st_size for file in (folder / "raw").iterdir())


def timed(name: str, work: Callable[[], int], unit: str, scale: float) -> None:
    """Print one line of the table."""
    cpu, wall = time.process_time(), time.perf_counter()
    amount = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"| {name:42} | {cpu:6.2f} | {wall:6.2f} | {amount / scale:8.2f} {unit:9} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--cycles", type=int, default=42)
    given = parser.parse_args()
    print(f"{given.channels} channels x {given.cycles} cycles C/2, records every 30 s, one core")
    print(f"| {'':42} | {'CPU s':>6} | {'wall s':>6} | {'':18} |")
    print(f"|{'-' * 44}|{'-' * 8}|{'-' * 8}|{'-' * 20}|")
    timed("simulation", lambda: simulate(given.channels, given.cycles), "M records", 1e6)
    with tempfile.TemporaryDirectory() as folder:
        timed(
            "the same, with raw files and checkpoints",
            lambda: asyncio.run(whole(given.channels, given.cycles, Path(folder))),
            "MB",
            1e6,
        )


if __name__ == "__main__":
    main()
