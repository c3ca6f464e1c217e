"""Named resources: one at a time, whoever asks; whoever has one may take it again."""

from __future__ import annotations

import asyncio

from labmesh.streams import Resources


async def test_one_at_a_time_by_name_and_nobody_for_none() -> None:
    resources, log = Resources(), list[str]()

    async def use(name: str, who: str) -> None:
        async with resources.hold(name):
            log.append(f"{who} begins")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            log.append(f"{who} ends")

    await asyncio.gather(use("pump", "a"), use("pump", "b"), use("pump", "c"))
    assert log == [f"{who} {what}" for who in "abc" for what in ("begins", "ends")]
    log.clear()
    await asyncio.gather(use("", "a"), use("", "b"), use("lamp", "c"))
    assert log[:3] == ["a begins", "b begins", "c begins"]


async def test_who_holds_it_may_take_it_again_but_not_side_by_side() -> None:
    resources, busy, most = Resources(), 0, 0

    async def drive() -> None:
        nonlocal busy, most
        async with resources.hold("pump"):
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0)
            busy -= 1

    async with asyncio.timeout(20):
        async with resources.hold("pump"):
            await drive()
            await asyncio.gather(drive(), drive(), drive())
            async with resources.hold("pump"):
                await drive()
    assert most == 1
    assert not resources.held("pump")


async def test_what_is_left_behind_is_waited_for_and_has_no_privilege_later() -> None:
    resources, log = Resources(), list[str]()
    go, again = asyncio.Event(), asyncio.Event()

    async def linger() -> None:
        async with resources.hold("pump"):
            log.append("left behind begins")
            await go.wait()
            log.append("left behind ends")
        await again.wait()
        async with resources.hold("pump"):
            log.append("left behind again")

    async def act() -> None:
        async with resources.hold("pump"):
            tasks.append(asyncio.create_task(linger()))
            while not log:
                await asyncio.sleep(0)
        log.append("act is over")

    tasks: list[asyncio.Task[None]] = []
    acting = asyncio.create_task(act())
    while not log:
        await asyncio.sleep(0)
    acting.cancel()
    await asyncio.sleep(0.01)
    assert not acting.done(), "the pump is still in use"
    assert resources.held("pump")
    go.set()
    await asyncio.wait([acting])
    assert acting.cancelled()
    async with resources.hold("pump"):
        again.set()
        await asyncio.sleep(0.01)
        assert "left behind again" not in log, "it waits its turn like anyone"
    await tasks[0]
    assert log[-1] == "left behind again"


async def test_two_nodes_of_one_process_do_not_share_names() -> None:
    one, other = Resources(), Resources()
    async with one.hold("pump"), asyncio.timeout(20), other.hold("pump"):
        assert one.held("pump")
        assert other.held("pump")
