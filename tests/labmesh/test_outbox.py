"""The outbox: until the receipt comes, through silence, outages, cancellations and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import labmesh.outbox as module
from labmesh.mesh import Mesh
from labmesh.outbox import Outbox
from labmesh.store import InHand, NodeStore, Unsent
from labmesh.transport import MemoryHub
from messages.errors import BodyError, RefusedError
from messages.ids import NodeId, new_id
from messages.ledger import Cancel
from messages.topics import link_topic
from tests.labmesh.memory import LEDGER, FakeLedger, fake_ledger, payload, seat, settle, until


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


@pytest.fixture
async def ledger(hub: MemoryHub) -> AsyncIterator[FakeLedger]:
    async with fake_ledger(hub) as made:
        yield made


@asynccontextmanager
async def outbox_on(
    hub: MemoryHub, file: Path | None = None, **options: Any
) -> AsyncIterator[Outbox]:
    store = NodeStore(file)
    try:
        async with seat(hub) as mesh:
            outbox = Outbox(mesh, store, LEDGER, **options)
            await outbox.open()
            yield outbox
    finally:
        await store.close()


def topic(mesh: Mesh) -> str:
    return mesh.topics.to("cancel", LEDGER, "x")


async def send(outbox: Outbox, reason: str = "", **options: Any) -> Any:
    message = Cancel(request=UUID(int=1), reason=reason)
    return await outbox.send(topic(outbox._mesh), message, **options)


async def test_a_receipt_ends_it_and_a_refusal_raises(hub: MemoryHub, ledger: FakeLedger) -> None:
    ledger.answer = lambda _topic, body: "no good" if body["reason"] == "bad" else ""
    async with outbox_on(hub) as outbox:
        assert (await send(outbox)).offset == 7
        with pytest.raises(RefusedError, match="kit/broker: no good"):
            await send(outbox, "bad")
        assert outbox.pending == 0
        await settle()
        assert await outbox._store.unsent() == []


async def test_a_lost_receipt_is_asked_for_again_and_a_second_one_is_nothing(
    hub: MemoryHub, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_RESEND", 0.05)
    silences = iter([None, None])
    ledger.answer = lambda _topic, _body: next(silences, "")
    async with outbox_on(hub) as outbox:
        await send(outbox)
        assert len(ledger.heard) == 3
        assert len({header.id for _, header, _ in ledger.heard}) == 1
        await ledger.receipt(ledger.heard[0][1], "a late no")
        await settle()
        assert outbox.pending == 0


async def test_beyond_a_broken_link_copies_do_not_pile_up(
    hub: MemoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_RESEND", 0.02)
    monkeypatch.setattr(module, "_LAST_RESEND", 0.04)
    far = NodeId("hub", "broker")
    link = link_topic("lab1", "kit")
    async with fake_ledger(hub, far) as ledger, seat(hub) as mesh:
        ledger.answer = lambda _topic, _body: None
        await mesh.transport.publish(link, b"0", qos=1, retain=True)
        outbox = Outbox(mesh, NodeStore(None), far)
        await outbox.open()
        await settle()
        task = asyncio.create_task(
            outbox.send(mesh.topics.to("cancel", far, "x"), Cancel(request=UUID(int=1)))
        )
        await asyncio.sleep(0.5)
        assert len(ledger.heard) == 1
        ledger.answer = lambda _topic, _body: ""
        await mesh.transport.publish(link, b"1", qos=1, retain=True)
        assert (await asyncio.wait_for(task, 20)).accepted
        assert len(ledger.heard) == 2
        await outbox._store.close()


async def test_a_refusal_nobody_waits_for_is_told(hub: MemoryHub, ledger: FakeLedger) -> None:
    told: list[str] = []
    ledger.answer = lambda _topic, _body: None
    async with outbox_on(hub, refused=lambda _id, reason: told.append(reason)) as outbox:
        task = asyncio.create_task(send(outbox))
        await until(lambda: bool(ledger.heard))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert outbox.pending == 1
        await ledger.receipt(ledger.heard[0][1], "too late")
        await until(lambda: bool(told))
    assert told == ["too late"]


async def test_what_has_no_receipt_is_sent_by_the_next_process(
    hub: MemoryHub, ledger: FakeLedger, tmp_path: Path
) -> None:
    ledger.answer = lambda _topic, _body: None
    file = tmp_path / "node.sqlite"
    async with outbox_on(hub, file) as outbox:
        task = asyncio.create_task(send(outbox, "kept"))
        await until(lambda: bool(ledger.heard))
        task.cancel()
    ledger.heard.clear()
    ledger.answer = lambda _topic, _body: ""
    async with outbox_on(hub, file) as outbox:
        await until(lambda: outbox.pending == 0)
        assert [body["reason"] for _, _, body in ledger.heard] == ["kept"]
        await settle()
        assert await outbox._store.unsent() == []


async def test_a_damaged_message_of_an_earlier_process_is_dropped_and_said(
    hub: MemoryHub, ledger: FakeLedger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = NodeStore(tmp_path / "node.sqlite")
    await store.put(Unsent(new_id(), "lab1/kit/me/cancel/kit/broker/x", b"\xc1"))
    async with seat(hub) as mesh:
        good = payload(mesh, Cancel(request=UUID(int=1)), id=(identity := new_id()))
        await store.put(Unsent(identity, topic(mesh), good))
    await store.close()
    async with outbox_on(hub, tmp_path / "node.sqlite") as outbox:
        await until(lambda: outbox.pending == 0)
        await settle()
        assert await outbox._store.unsent() == []
    assert "of an earlier process is damaged" in caplog.text
    assert [header.id for _, header, _ in ledger.heard] == [identity]


async def test_a_backlog_goes_out_oldest_first_and_a_window_at_a_time(
    hub: MemoryHub, ledger: FakeLedger
) -> None:
    store = NodeStore(None)
    count = 3000
    async with seat(hub) as mesh:
        for n in range(count):
            identity = UUID(int=n)
            body = payload(mesh, Cancel(request=identity), id=identity)
            await store.put(Unsent(identity, topic(mesh), body))
        ledger.answer = lambda _topic, _body: None
        outbox = Outbox(mesh, store, LEDGER)
        await outbox.open()
        await settle()
        assert outbox.pending == count
        assert len(ledger.heard) == module._WINDOW
        assert len(asyncio.all_tasks()) < 2 * module._WINDOW + 20
        ledger.answer = lambda _topic, _body: ""
        for _, header, _ in list(ledger.heard):
            await ledger.receipt(header)
        await until(lambda: outbox.pending == 0, seconds=30)
        assert [header.id.int for _, header, _ in ledger.heard] == list(range(count))
    await store.close()


async def test_messages_without_an_answer_do_not_hold_up_the_others(
    hub: MemoryHub, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_RESEND", 0.1)
    monkeypatch.setattr(module, "_WINDOW", 4)
    ledger.answer = lambda _topic, body: None if body["reason"] == "poison" else ""
    async with outbox_on(hub) as outbox:
        tasks = [asyncio.create_task(send(outbox, "poison")) for _ in range(8)]
        await until(lambda: len(ledger.heard) >= 4)
        await asyncio.wait_for(send(outbox, "fine"), 5)
        for task in tasks:
            task.cancel()


async def test_after_an_outage_everything_is_sent_at_once(
    hub: MemoryHub, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_RESEND", 60.0)
    ledger.answer = lambda _topic, _body: None
    async with outbox_on(hub) as outbox:
        tasks = [asyncio.create_task(send(outbox, str(n))) for n in range(5)]
        await until(lambda: len(ledger.heard) == 5)
        ledger.answer = lambda _topic, _body: ""
        hub.drop("kit/me/0")
        await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_one_id_sent_twice_gets_one_answer_for_both(
    hub: MemoryHub, ledger: FakeLedger
) -> None:
    """A resumed campaign repeats a request that still lies in the outbox of its earlier life."""
    ledger.answer = lambda _topic, _body: None
    identity = new_id()
    async with outbox_on(hub) as outbox:
        tasks = [asyncio.create_task(send(outbox, "a", id=identity)) for _ in range(2)]
        await until(lambda: bool(ledger.heard))
        with pytest.raises(RefusedError, match="other content is under way"):
            await send(outbox, "b", id=identity)
        await ledger.receipt(ledger.heard[0][1])
        assert {r.offset for r in await asyncio.wait_for(asyncio.gather(*tasks), 5)} == {7}
        assert len(ledger.heard) == 1


async def test_a_full_disk_does_not_stop_a_message(
    hub: MemoryHub, ledger: FakeLedger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with outbox_on(hub, tmp_path / "node.sqlite") as outbox:
        store = outbox._store
        order = InHand(new_id(), 1, "pump")
        await store.take_in_hand(order)
        pages = await store._run(lambda: store._db.execute("PRAGMA page_count").fetchone()[0])
        await store._run(lambda: store._db.execute(f"PRAGMA max_page_count={pages}"))
        assert (await send(outbox, "x" * 3900, ends=order.request)).accepted
        for _ in range(20):
            await send(outbox, "x" * 3900)
        assert await store.in_hand() == []
    assert "is sent from memory alone" in caplog.text


async def test_what_does_not_travel_never_enters(hub: MemoryHub, ledger: FakeLedger) -> None:
    async with outbox_on(hub) as outbox:
        with pytest.raises(BodyError, match="NUL"):
            await send(outbox, "a\0b")
        assert outbox.pending == 0
