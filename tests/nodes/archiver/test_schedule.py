"""The schedule under a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from labmesh.clock import ManualClock
from messages.archive import DepositOutput
from messages.errors import RequestFailedError
from nodes.archiver._schedule import Schedule
from nodes.archiver._state import DepositStore

DAY = 86400.0


class Lab:
    """A ledger that has everything deposited, or fails to."""

    def __init__(self) -> None:
        self.asked: list[UUID] = []
        self.fails = False

    async def request(self, _quantity: str, _method: str, _asked: Any, *, id: UUID) -> Any:  # noqa: A002
        self.asked.append(id)
        if self.fails:
            raise RequestFailedError("the archive is away")
        output = DepositOutput(
            campaign="eol", kind="folder", archive="x", state="published", new=True, record="eol",
            version="1", publication_date="2026-11-22", content_sha256="0" * 64,
            metadata_sha256="0" * 64,
        )  # fmt: skip
        return SimpleNamespace(data=output.model_dump(mode="json"))


class Bench:
    def __init__(self, folder: Path) -> None:
        self.lab, self.clock, self.there = Lab(), ManualClock(), "something"
        self.told: list[str] = []
        self.store = DepositStore(folder / "deposits.sqlite")

    def begin(self) -> asyncio.Task[None]:
        node = SimpleNamespace(
            clock=self.clock, lab=self.lab, id="kit/archiver",
            diagnose=lambda _component, _level, words, **_: self.told.append(words),
        )  # fmt: skip

        async def look() -> str:
            return self.there

        schedule = Schedule(cast("Any", node), "eol", self.store, every=lambda: "1 d", look=look)
        return asyncio.create_task(schedule.run())

    async def later(self, seconds: float) -> None:
        """Let time pass, and what is due be done."""
        await _settled()
        await self.clock.advance(seconds)
        await _settled()


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0.01)


async def test_simulated_days_pass(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    task = bench.begin()
    await bench.later(DAY / 2)
    assert len(bench.lab.asked) == 1  # at once, for the first time
    await bench.later(DAY)
    assert bench.told[-1] == "nothing new"
    bench.there = "something more"
    await bench.later(DAY / 4)
    assert len(bench.lab.asked) == 1
    await bench.later(DAY)
    assert len(bench.lab.asked) == 2

    # What failed is asked for anew when it is due again, though nothing came meanwhile.
    bench.there, bench.lab.fails = "even more", True
    await bench.later(DAY)
    assert len(bench.lab.asked) == 3
    assert "the archive is away" in bench.told[-1]
    bench.lab.fails = False
    await bench.later(DAY)
    assert len(set(bench.lab.asked)) == 4

    # Killed before it heard of the result, it asks for the very same again.
    bench.there = "killed over it"
    before = bench.store.last_run("eol")
    assert before is not None
    await bench.later(DAY)
    assert len(bench.lab.asked) == 5
    task.cancel()
    bench.store.ran("eol", *before)
    task = bench.begin()
    await bench.later(1)
    assert bench.lab.asked[5] == bench.lab.asked[4]

    # A week away is made up for once.
    task.cancel()
    await bench.clock.advance(7 * DAY)
    bench.there = "a week of it"
    task = bench.begin()
    await bench.later(1)
    assert len(bench.lab.asked) == 7
    task.cancel()
    bench.store.close()
