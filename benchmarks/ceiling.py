"""The smallest durable intake there can be: what `durable.py` measures the broker node against.

One raw connection in; msgpack, pydantic, a hash chain; a group commit with synchronous=FULL into
one table; then PUBACKs, receipts and the entries forwarded. No statuses, no dispatch, no schemas of
capabilities, no repeated messages recognised, nothing restored: a ceiling, not a ledger.

Run by `durable.py`: ``python benchmarks/ceiling.py URL FOLDER``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import msgpack

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.raw_mqtt import RawClient
from messages.ledger import Request

_GROUP = 500


class Ceiling:
    """Takes requests for ``bench/ceiling``."""

    def __init__(self, file: Path) -> None:
        self._queue: asyncio.Queue[tuple[bytes, bytes, int]] = asyncio.Queue()
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE journal (at INTEGER PRIMARY KEY, uuid TEXT UNIQUE, body BLOB, hash BLOB)"
        )
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._offset = -1
        self._hash = bytes(32)

    async def run(self, url: str) -> None:
        """Serve for ever."""
        client = await RawClient.connect(
            url, "ceiling", lambda *message: self._queue.put_nowait(message)
        )
        await client.subscribe("lab1/+/+/request/bench/ceiling/+/+")
        loop = asyncio.get_running_loop()
        while True:
            taken = [await self._queue.get()]
            while len(taken) < _GROUP and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            said = await loop.run_in_executor(self._thread, self._write, [m[1] for m in taken])
            for (topic, _, mid), (receipt, entry) in zip(taken, said, strict=True):
                client.acknowledge(mid)
                author = b"/".join(topic.split(b"/", 3)[1:3])
                client.publish(b"lab1/bench/ceiling/receipt/" + author, receipt)
                client.publish(b"lab1/bench/ceiling/journal/request/" + author, entry)

    def _write(self, payloads: list[bytes]) -> list[tuple[bytes, bytes]]:
        rows, said = [], []
        for payload in payloads:
            envelope = msgpack.unpackb(payload)
            Request.model_validate(envelope["body"])
            body = msgpack.packb(envelope["body"])
            self._offset += 1
            fields = [self._offset, envelope["id"], sha256(body).digest(), self._hash]
            self._hash = sha256(msgpack.packb(fields)).digest()
            rows.append((self._offset, envelope["id"], body, self._hash))
            stamp = time.time_ns()
            head = {"type": "Receipt@1", "from": "bench/ceiling", "stamp": stamp}
            word = {"message": envelope["id"], "accepted": True, "offset": self._offset}
            entry = {"offset": self._offset, "hash": self._hash, "body": envelope["body"]}
            said.append((msgpack.packb(head | {"body": word}), msgpack.packb(head | entry)))
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")
        return said


if __name__ == "__main__":
    asyncio.run(Ceiling(Path(sys.argv[2]) / "ceiling.sqlite").run(sys.argv[1]))
