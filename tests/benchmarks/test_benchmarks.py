"""Each benchmark still runs, in its smallest form. No figure is judged.

All but the quickest belong to the nightly job: each takes several seconds of a core.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support import PostgresServer, Processes

ROOT = Path(__file__).parents[2]

QUICK = {
    "roundtrip": (["--seconds", "0.5", "--requesters", "2", "--window", "4"], "full cycles/s"),
}
LONGER = {
    "durable": (
        ["--seconds", "0.5", "--rounds", "1", "--rates", "100"],
        "durable requests accepted a second",
    ),
    "estop": (["--rounds", "2"], "flooded with calls"),
    "transport": (["--count", "300"], "publish to PUBACK"),
    "ledger_store": (["200"], "rows"),
    "many_nodes": (["--nodes", "4", "--processes", "2", "--seconds", "0.5"], "online in that list"),
    "scale": (
        ["--entries", "400", "--pending", "20", "--queue", "100", "--nodes", "0", "--rounds", "2"],
        "reached",
    ),
    "composition": (["--nodes", "1", "--rounds", "1"], "one container"),
    "ding_trend": (["--step", "1"], "then falls"),
    "campaign_regret": (["--seeds", "1"], "regret"),
    "optimisers": (["--seeds", "1", "--only", "single", "--evaluations", "10"], "median regret"),
    "bag": (["--seconds", "0.3", "--rates", "100", "--qos", "0", "--encodings", "json"], "played"),
    "virtual_cycler": (["--channels", "2", "--cycles", "1"], "M records"),
    "dynamics": (["--molecules", "12", "--seeds", "1", "--picoseconds", "0.1"], "ns/day"),
    "parse": (["--rounds", "1", "--only", "ocvcurve"], "ocvcurve_data.dta"),
    "artifacts": (["--megabytes", "1", "--rounds", "1", "--seconds", "0.3"], "custody, MB/s"),
}


@pytest.mark.parametrize("name", QUICK)
async def test_it_runs(processes: Processes, name: str) -> None:
    await run(processes, name, *QUICK[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", LONGER)
async def test_the_longer_ones_run(processes: Processes, name: str) -> None:
    await run(processes, name, *LONGER[name])


async def run(processes: Processes, name: str, arguments: list[str], word: str) -> None:
    done = await processes.run(
        sys.executable, ROOT / "benchmarks" / f"{name}.py", *arguments,
        env={"PYTHONPATH": str(ROOT)}, timeout=100,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert word in done.stdout


@pytest.mark.slow
async def test_a_standby_takes_over(processes: Processes, postgres: PostgresServer) -> None:
    done = await processes.run(
        sys.executable, ROOT / "benchmarks" / "takeover.py", postgres.database(), "--rounds", "1",
        env={"PYTHONPATH": str(ROOT)}, timeout=100,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert "median" in done.stdout
