"""Sixteen instruments race for requests; some are killed, some sleep too long. Real processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path
from uuid import UUID

from labmesh import LabClient
from messages.errors import RequestFailedError
from messages.ledger import Status
from tests.faults.conftest import ROOT, Bench
from tests.support import Running

GANGS = 4
EACH = 4


async def gang(bench: Bench, diary: Path, name: str) -> Running:
    """Start a process of several nodes."""
    return await bench.processes.start(
        sys.executable, "-m", "tests.faults.racing", bench.mqtt.url,
        str(bench.processes.cwd / "nodes"), str(diary), name, str(EACH),
        name=name, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def acts(diary: Path) -> list[list[str]]:
    """What really happened: (request, node, act) in turn."""
    lines = diary.read_text(encoding="utf-8").splitlines() if diary.exists() else []
    return [line.split() for line in lines]


async def until_workers(lab: LabClient, count: int) -> None:
    """Return when so many could take an order."""
    async with asyncio.timeout(40):
        while True:
            offers = (await lab.query("query.offers"))["offers"]
            if sum(bool(offer["active"]) for offer in offers) == count:
                return
            await asyncio.sleep(0.1)


async def until_held(lab: LabClient, count: int) -> dict[str, list[UUID]]:
    """Return the held requests by gang, once there are so many."""
    async with asyncio.timeout(40):
        while True:
            held = (await lab.query("query.requests", {"status": ["held"]}))["requests"]
            if len(held) == count:
                break
            await asyncio.sleep(0.1)
    found: dict[str, list[UUID]] = {}
    for each in held:
        name = each["worker"].removeprefix("kit/").partition("-")[0]
        found.setdefault(name, []).append(UUID(each["id"]))
    return found


async def test_sixteen_workers_race_and_nothing_is_done_twice(bench: Bench) -> None:
    diary = bench.folder / "diary.txt"
    await bench.ledger()
    gangs = [await gang(bench, diary, f"g{number}") for number in range(GANGS)]
    async with bench.client() as lab:
        await until_workers(lab, GANGS * EACH)
        handles = [
            await lab.submit("blow", "hammer", {"seconds": 5.0}) for _ in range(GANGS * EACH)
        ]
        async with asyncio.timeout(30):
            while len(acts(diary)) < GANGS * EACH:
                await asyncio.sleep(0.05)
        begun = acts(diary)
        assert len({node for _, node, _ in begun}) == GANGS * EACH
        gangs[0].kill()
        gangs[1].signal(signal.SIGSTOP)
        handles += [await lab.submit("blow", "hammer", {"seconds": 0.05}) for _ in range(16)]

        held = await until_held(lab, 2 * EACH)
        assert {name: len(ids) for name, ids in held.items()} == {"g0": EACH, "g1": EACH}
        abandoned, released = held["g0"][:2], [*held["g0"][2:], *held["g1"]]
        for request in released:
            await lab.decide(request, "release", person="ada")
        for request in abandoned:
            await lab.decide(request, "abandon", person="ada")
        results = await asyncio.wait_for(
            asyncio.gather(*(h.result() for h in handles), return_exceptions=True), 90
        )

        # Only now do they wake, in the middle of acts that others have done meanwhile.
        tokens = {
            str(request): (await lab.query("query.request", {"id": str(request)}))["request"]
            for request in held["g1"]
        }
        gangs[1].signal(signal.SIGCONT)
        for name, view in tokens.items():
            refused = await gangs[1].wait_line(f"result of order {name} refused", timeout=60)
            log = (await lab.query("query.request", {"id": name}))["log"]
            given = [line["token"] for line in log if line["after"] == "reserved"]
            first, last = given[0], view["token"]
            assert first < last == given[-1]
            assert f"token {first}, the last one was {last}" in refused, refused
            assert (await lab.query("query.request", {"id": name}))["request"] == view

        for handle, result in zip(handles, results, strict=True):
            if handle.id in abandoned:
                assert isinstance(result, RequestFailedError)
                assert handle.status is Status.ABANDONED
                continue
            assert not isinstance(result, BaseException), result
            # The act that counts is one that was really done, by the worker who says so.
            assert [str(handle.id), result.data["by"], result.data["act"]] in acts(diary)
            assert result.author == result.data["by"]
            assert handle.id not in released or result.author.startswith(("kit/g2", "kit/g3"))
        for handle in handles:
            log = (await lab.query("query.request", {"id": str(handle.id)}))["log"]
            running = [line for line in log if line["after"] == "running"]
            begun_twice = handle.id in released
            assert len(running) == 1 + begun_twice
            assert Counter(act[0] for act in acts(diary))[str(handle.id)] == 1 + begun_twice
