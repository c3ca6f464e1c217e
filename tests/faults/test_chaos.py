"""Everything is killed again and again for half a minute; `benchmarks/chaos.py` runs longer."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

from benchmarks import chaos

SEED = 20260


@pytest.mark.slow
@pytest.mark.timeout(420)
async def test_half_a_minute_of_chaos_loses_nothing_and_doubles_nothing() -> None:
    # Not in tmp_path, which pytest clears: after a failure somebody wants to read it.
    folder = Path(tempfile.mkdtemp(prefix="labmesh-chaos-"))
    story, found = await chaos.run(folder, minutes=0.5, seed=SEED, pace=1.0)
    if found.wrong:
        log = (folder / "chaos.log").read_text(encoding="utf-8")
        pytest.fail(
            f"seed {SEED}; diaries, logs and ledger are kept in {folder}\n"
            f"{chaos.report(story, found)}\n\n{log}",
            pytrace=False,
        )
    assert sum(story.deeds.values()) >= 5, "how many is a matter of the machine"
    assert found.counts["receipts"] > 20
    assert found.counts["acts of instruments"] > 3
    ours = [p.pid for p in psutil.process_iter() if str(folder) in " ".join(_words(p))]
    assert ours == []
    shutil.rmtree(folder)


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
