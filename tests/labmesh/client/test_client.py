"""The requester's side against a ledger whose words come early, late, twice or never."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

import labmesh.client._client as client_module
import labmesh.client._handle as handle_module
from labmesh.calls import Caller, Server
from labmesh.client import LabClient
from labmesh.outbox import Outbox
from labmesh.store import NodeStore
from labmesh.transport import MemoryHub
from messages.envelope import Header
from messages.errors import CallRefusedError, CallTimeoutError, RefusedError, RequestFailedError
from messages.ids import new_id
from messages.ledger import Entry, EntryKind, Status, StatusChange
from messages.model import JsonObject, Message
from tests.labmesh.memory import LEDGER, ME, FakeLedger, fake_ledger, seat, settle, until

PATH = [Status.RESERVED, Status.RUNNING, Status.RESOLVED]


class Journal:
    """A ledger's journal and its reading services, as a test scripts them."""

    def __init__(self, ledger: FakeLedger) -> None:
        self.ledger = ledger
        self.log: list[JsonObject] = []
        self.silent = False
        self.asked: list[str] = []
        self.before_answer: Any = None

    def change(
        self, request: UUID, after: Status, *, result: UUID | None = None, message: str = ""
    ) -> StatusChange:
        before = Status(self.log[-1]["after"]) if self.log else Status.PENDING
        made = StatusChange(
            request=request, before=before, after=after, by="kit/broker", result=result,
            message=message,
        )  # fmt: skip
        offset = 10 + len(self.log)
        self.log.append({**made.model_dump(), "offset": offset, "stamp": 1, "load_time": 1})
        return made

    async def tell(self, change: StatusChange, offset: int) -> None:
        await self._publish(EntryKind.STATUS, new_id(), offset, change)

    async def go(self, request: UUID, result: UUID, *, tell: bool = True) -> None:
        """Go through the life of a request."""
        for status in PATH:
            change = self.change(
                request, status, result=result if status is Status.RESOLVED else None
            )
            if tell:
                await self.tell(change, 10 + len(self.log) - 1)

    async def tell_result(self, request: UUID, result: UUID) -> None:
        body = self.view(request, result)
        for key in ("id", "offset", "author", "stamp", "load_time", "status", "reason"):
            body.pop(key, None)
        entry = self._entry(EntryKind.RESULT, result, 99, {**body, "token": 1})
        await self.ledger.mesh.send(self.ledger.mesh.topics.journal("result", ME), entry)

    def view(self, request: UUID, result: UUID) -> JsonObject:
        return {
            "id": str(result), "offset": 99, "author": "kit/w", "stamp": 1, "load_time": 1,
            "request": str(request), "quantity": "a", "method": "b", "parameters": {},
            "outcome": "resolved", "data": {"x": 1}, "provenance": {}, "status": "original",
        }  # fmt: skip

    async def open(self) -> None:
        server = Server(self.ledger.mesh)
        server.add("query.request", self._query_request)
        server.add("query.result", self._query_result)
        await server.open()

    async def _query_request(self, arguments: JsonObject, _header: Header) -> JsonObject:
        self.asked.append("request")
        await self._hesitate()
        identity = arguments["id"]
        log = list(self.log)
        if self.before_answer is not None:
            await self.before_answer()
        if not log or str(log[0]["request"]) != identity:
            raise CallRefusedError("no such request")
        view = {
            "id": identity, "offset": 3, "author": str(ME), "stamp": 1, "load_time": 1,
            "quantity": "a", "method": "b", "parameters": {}, "priority": 5, "attempts": 3,
            "status": log[-1]["after"], "changed": 1,
        }  # fmt: skip
        return {"request": view, "log": log}

    async def _query_result(self, arguments: JsonObject, _header: Header) -> JsonObject:
        self.asked.append("result")
        await self._hesitate()
        return {"result": self.view(UUID(int=1), UUID(arguments["id"]))}

    async def _hesitate(self) -> None:
        if self.silent:
            await asyncio.sleep(3600)

    async def _publish(self, kind: EntryKind, uuid: UUID, offset: int, body: Message) -> None:
        entry = self._entry(kind, uuid, offset, body.model_dump())
        await self.ledger.mesh.send(self.ledger.mesh.topics.journal(kind.value, ME), entry)

    def _entry(self, kind: EntryKind, uuid: UUID, offset: int, body: JsonObject) -> Entry:
        return Entry(
            offset=offset, uuid=uuid, kind=kind, stamp=1, load_time=1, author="kit/broker",
            type="T@1", schema_hash="", body=body, prev_hash=b"", hash=b"",
        )  # fmt: skip


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


@pytest.fixture
async def journal(hub: MemoryHub) -> AsyncIterator[Journal]:
    async with fake_ledger(hub) as ledger:
        made = Journal(ledger)
        await made.open()
        yield made


@pytest.fixture
async def lab(hub: MemoryHub, journal: Journal) -> AsyncIterator[LabClient]:
    store = NodeStore(None)
    async with seat(hub) as mesh:
        caller, outbox = Caller(mesh), Outbox(mesh, store, LEDGER)
        await caller.open()
        made = LabClient(mesh, outbox, caller)
        await outbox.open()
        await made.open()
        yield made
    await store.close()


async def soon(work: Any) -> Any:
    return await asyncio.wait_for(work, 5)


async def test_the_end_may_come_before_the_receipt(lab: LabClient, journal: Journal) -> None:
    journal.ledger.answer = lambda _topic, _body: None
    identity, result = new_id(), new_id()
    task = asyncio.create_task(lab.submit("a", "b", {}, id=identity))
    await until(lambda: bool(journal.ledger.heard))
    await journal.go(identity, result)
    await settle()
    assert not task.done()
    await journal.ledger.receipt(journal.ledger.heard[0][1])
    handle = await soon(task)
    assert (await soon(handle.result())).data == {"x": 1}
    assert handle.offset == 7


@pytest.mark.parametrize("order", ["before", "after", "never"])
async def test_the_results_entry_may_come_before_or_after_the_status(
    lab: LabClient, journal: Journal, order: str
) -> None:
    handle = await lab.submit("a", "b", {})
    result = new_id()
    if order == "before":
        await journal.tell_result(handle.id, result)
    await journal.go(handle.id, result)
    if order == "after":
        await journal.tell_result(handle.id, result)
    assert (await soon(handle.result())).id == result
    assert ("result" in journal.asked) is (order != "before")


async def test_repeated_and_disordered_entries_tell_one_story(
    lab: LabClient, journal: Journal
) -> None:
    handle = await lab.submit("a", "b", {})
    changes = [journal.change(handle.id, s) for s in (Status.RESERVED, Status.RUNNING)]
    for index in (0, 1, 0, 1, 0):
        await journal.tell(changes[index], 10 + index)
    await settle()
    assert [c.after for c in handle.changes] == [Status.RESERVED, Status.RUNNING]
    assert handle.status is Status.RUNNING


async def test_a_missed_end_is_found_by_looking_again(
    lab: LabClient, journal: Journal, hub: MemoryHub
) -> None:
    handle = await lab.submit("a", "b", {})
    await journal.go(handle.id, new_id(), tell=False)
    hub.drop("kit/me/0")
    assert (await soon(handle.result())).data == {"x": 1}


async def test_looking_again_survives_a_silent_ledger_and_an_absent_mqtt_broker(
    hub: MemoryHub, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_LOOK_AGAIN", 0.05)
    monkeypatch.setattr(LabClient.query, "__kwdefaults__", {"timeout": 0.05})
    store = NodeStore(None)
    async with seat(hub) as mesh:
        caller, outbox = Caller(mesh), Outbox(mesh, store, LEDGER)
        await caller.open()
        lab = LabClient(mesh, outbox, caller)
        await outbox.open()
        await lab.open()
        handle = await lab.submit("a", "b", {})
        journal.silent = True
        await until(lambda: bool(journal.asked))
        hub.ban("kit/me/0")
        await asyncio.sleep(0.3)
        journal.silent = False
        await journal.go(handle.id, new_id(), tell=False)
        lab._mesh.transport._connect_callbacks.clear()  # type: ignore[attr-defined]
        hub.pardon("kit/me/0")
        await soon(handle.done())
    await store.close()


async def test_resubmitting_what_ended_long_ago_finds_its_end_at_once(
    lab: LabClient, journal: Journal
) -> None:
    identity = new_id()
    await journal.go(identity, new_id(), tell=False)
    handle = await lab.submit("a", "b", {}, id=identity)
    assert (await soon(handle.result())).data == {"x": 1}


async def test_a_ledger_that_restarts_just_then_delays_the_result(
    lab: LabClient, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle_module, "_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(LabClient.query, "__kwdefaults__", {"timeout": 0.05})
    handle = await lab.submit("a", "b", {})
    journal.silent = True
    await journal.go(handle.id, new_id())
    task = asyncio.create_task(handle.result())
    await until(lambda: journal.asked.count("result") > 2)
    journal.silent = False
    assert (await soon(task)).data == {"x": 1}


async def test_a_closed_client_waits_for_no_result(
    lab: LabClient, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LabClient.query, "__kwdefaults__", {"timeout": 0.05})
    handle = await lab.submit("a", "b", {})
    journal.silent = True
    await journal.go(handle.id, new_id())
    await soon(handle.done())
    await lab._mesh.close()
    with pytest.raises(CallTimeoutError):
        await soon(handle.result())


async def test_watching_what_has_ended_and_what_goes_on(lab: LabClient, journal: Journal) -> None:
    identity = new_id()
    with pytest.raises(CallRefusedError, match="no such request"):
        await lab.watch(identity)
    assert lab.open_requests == 0
    journal.change(identity, Status.RESERVED)
    handle = await lab.watch(identity)
    assert (handle.status, handle.offset) == (Status.RESERVED, 3)
    assert await lab.watch(identity) is handle
    await journal.tell(journal.change(identity, Status.FAILED, message="broke"), 11)
    with pytest.raises(RequestFailedError, match="is failed: broke") as caught:
        await soon(handle.result())
    assert caught.value.status == "failed"
    again = await lab.watch(identity)
    assert again.status is Status.FAILED
    assert lab.open_requests == 0


async def test_a_change_that_overtakes_the_answer_is_not_undone_by_it(
    lab: LabClient, journal: Journal
) -> None:
    identity = new_id()
    journal.change(identity, Status.RESERVED)

    async def overtake() -> None:
        await journal.tell(journal.change(identity, Status.RETRACTED), 11)
        await settle()

    journal.before_answer = overtake
    handle = await lab.watch(identity)
    assert handle.status is Status.RETRACTED
    assert (await soon(handle.done())).after is Status.RETRACTED


async def test_refused_and_ended_requests_leave_nothing_behind(
    lab: LabClient, journal: Journal
) -> None:
    journal.ledger.answer = lambda _topic, body: "no" if body["priority"] == 1 else ""
    with pytest.raises(RefusedError):
        await lab.submit("a", "b", {}, priority=1)
    seen = []
    for _ in range(50):
        handle = await lab.submit("a", "b", {})
        journal.log.clear()
        await journal.go(handle.id, new_id())
        await soon(handle.done())
        seen.append(weakref.ref(handle))
    del handle
    await settle()
    gc.collect()
    assert lab.open_requests == 0
    assert lab._outbox.pending == 0
    assert sum(ref() is not None for ref in seen) <= 1


async def test_two_submissions_of_one_id_are_one_request(lab: LabClient, journal: Journal) -> None:
    identity = new_id()
    one, two = await soon(
        asyncio.gather(*(lab.submit("a", "b", {}, id=identity) for _ in range(2)))
    )
    assert one is two
    assert len(journal.ledger.of("request")) == 1
