"""A node's file: one process has it, it outlives deaths, and it says when it does not work."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from pathlib import Path
from uuid import UUID

import pytest

from labmesh.store import InHand, NodeStore, Unsent
from messages.errors import ConfigurationError, NodeNameTakenError, StoreError
from messages.ids import new_id
from tests.support import Processes

HOLD = """
import asyncio, sys, pathlib, uuid
from labmesh.store import InHand, NodeStore, Unsent
async def main():
    store = NodeStore(pathlib.Path(sys.argv[1]))
    print("epoch", await store.next_epoch(), flush=True)
    for n in range(5):
        await store.put(Unsent(uuid.UUID(int=n), f"t/{n}", b"x"), durable=True)
    await store.take_in_hand(InHand(uuid.UUID(int=9), 4, "pump"))
    print("written", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def message(n: int = 1) -> Unsent:
    return Unsent(UUID(int=n), f"lab1/kit/me/{n}", b"payload")


async def test_messages_come_back_oldest_first_until_they_are_forgotten(tmp_path: Path) -> None:
    store = NodeStore(tmp_path / "a" / "node.sqlite")
    for n in (3, 1, 2):
        await store.put(message(n))
    await store.put(Unsent(UUID(int=3), "other", b"other"))
    store.forget(UUID(int=1))
    await store.close()
    again = NodeStore(tmp_path / "a" / "node.sqlite")
    assert await again.unsent() == [message(3), message(2)]
    await again.close()
    await again.close()


async def test_epochs_only_grow(tmp_path: Path) -> None:
    seen = []
    for at_least in (0, 0, 40, 0):
        store = NodeStore(tmp_path / "node.sqlite")
        seen.append(await store.next_epoch(at_least))
        await store.close()
    assert seen == [1, 2, 41, 42]


async def test_a_result_is_remembered_and_its_order_put_down_as_one(tmp_path: Path) -> None:
    store = NodeStore(tmp_path / "node.sqlite")
    first, second = InHand(new_id(), 1, "a"), InHand(new_id(), 2, "b")
    await store.take_in_hand(first)
    await store.take_in_hand(second)
    await store.put(message(), durable=True, ends=first.request)
    assert await store.in_hand() == [second]
    await store.put_down()
    assert await store.in_hand() == []
    await store.close()


async def test_a_file_has_one_living_process(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "node.sqlite"
    other = await processes.start(sys.executable, "-c", HOLD, file)
    await other.wait_line("written")
    with pytest.raises(NodeNameTakenError, match="another process.*stop it"):
        NodeStore(file)
    other.signal(signal.SIGKILL)
    await other.wait()
    store = NodeStore(file)
    assert await store.next_epoch() == 2
    assert [m.id.int for m in await store.unsent()] == [0, 1, 2, 3, 4]
    assert await store.in_hand() == [InHand(UUID(int=9), 4, "pump")]
    await store.close()


async def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "node.sqlite"
    file.write_bytes(b"this is no database at all" * 99)
    with pytest.raises(ConfigurationError, match="cannot open the node's file.*not a database"):
        NodeStore(file)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot open"):
        NodeStore(tmp_path / "file" / "node.sqlite")


async def test_a_full_disk_is_an_error_in_words_and_the_file_goes_on(tmp_path: Path) -> None:
    store = NodeStore(tmp_path / "node.sqlite")
    pages = await store._run(lambda: store._db.execute("PRAGMA page_count").fetchone()[0])
    await store._run(lambda: store._db.execute(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(StoreError, match=r"node.sqlite: .*full.*disk is not full"):
        await store.put(Unsent(new_id(), "t", b"x" * 50_000), durable=True)
    await store._run(lambda: store._db.execute("PRAGMA max_page_count=100000"))
    await store.put(message())
    assert await store.unsent() == [message()]
    await store.close()


async def test_who_is_cancelled_has_written_none_the_less(tmp_path: Path) -> None:
    store = NodeStore(tmp_path / "node.sqlite")
    gate = threading.Event()
    store._thread.submit(gate.wait, 10)
    task = asyncio.create_task(store.put(message()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    assert await store.unsent() == [message()]
    await store.close()


async def test_a_closed_file_says_so_and_leaves_no_thread(tmp_path: Path) -> None:
    store = NodeStore(tmp_path / "node.sqlite")
    await store.close()
    with pytest.raises(StoreError, match="is closed"):
        await store.put(message())
    assert not any(t.name.startswith("node-store") for t in store._thread._threads if t.is_alive())
