"""Recording: what is received goes to a thread that writes it, so that a slow disk holds up nobody.

The thread brings what it has to the disk every second. A process that is killed loses what came
after that; an MQTT broker's QoS 1 would not help, because it knows of no disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from labmesh.bag._types import TypeSchemas
from labmesh.bag._writer import BagWriter, Writing
from labmesh.transport import Delivery
from messages.errors import BagError, ConfigurationError, LabmeshError

FLUSH: Final = 1.0
"""Wall seconds between two flushes to the disk."""

_WAITING: Final = 256 << 20
"""Bytes that may wait for the thread; more means that the disk cannot keep up."""


@dataclass(frozen=True, slots=True)
class Splitting:
    """When a new file is begun; 0 is never.

    Attributes:
        size: Bytes.
        duration: Wall seconds.
    """

    size: int = 0
    duration: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.size or self.duration)


@dataclass(slots=True)
class Progress:
    """How a recording stands.

    Attributes:
        files: Written so far, the present one last.
        messages: In them.
        size: Bytes of them.
        dropped: Messages given up because the disk could not keep up.
        topics: Messages by topic.
    """

    files: list[Path] = field(default_factory=list)
    messages: int = 0
    size: int = 0
    dropped: int = 0
    topics: dict[str, int] = field(default_factory=dict)


class Recorder:
    """Writes what `take` is given, until `close`.

    Args:
        path: The file; with splitting ``name_0.mcap``, ``name_1.mcap`` ... are made of it.
        writing: How.
        about: Metadata of every file.
        schemas: Of message types.
        splitting: When a new file is begun.
        failed: Called in the event loop when it cannot go on; `close` raises the error.

    Raises:
        ConfigurationError: The file exists, or cannot be made.
    """

    def __init__(
        self,
        path: Path,
        writing: Writing,
        about: dict[str, str],
        schemas: TypeSchemas,
        *,
        splitting: Splitting | None = None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self.progress = Progress()
        self.error: LabmeshError | None = None
        self._path = path
        self._writing = writing
        self._about = about
        self._schemas = schemas
        self._splitting = splitting or Splitting()
        self._failed = failed
        self._queue: queue.SimpleQueue[tuple[Delivery, int] | None] = queue.SimpleQueue()
        self._came = self._written = 0
        self._last = 0
        self._done = (0, 0)
        self._reason = ""
        self._loop = asyncio.get_running_loop()
        self._file = self._begin()
        self._thread = threading.Thread(target=self._work, name="bag", daemon=True)
        self._thread.start()

    def take(self, delivery: Delivery) -> None:
        """Record a message as received now."""
        if self.error is not None:
            return
        if self._came - self._written > _WAITING:
            self.progress.dropped += 1
            return
        self._came += len(delivery.payload)
        # The wall's clock may be set back; a bag's times do not.
        self._last = max(self._last, time.time_ns())
        topics = self.progress.topics
        topics[delivery.topic] = topics.get(delivery.topic, 0) + 1
        self._queue.put((delivery, self._last))

    async def close(self, reason: str) -> Progress:
        """Write what remains and finish the file; return how the recording went.

        Args:
            reason: Why it ends, for the file.

        Raises:
            BagError: It could not be written to the end; the file is readable.
        """
        self._reason = reason
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        if self.error is not None:
            raise self.error
        return self.progress

    def _work(self) -> None:
        try:
            while self._turn():
                pass
            self._finish(self._reason)
        except LabmeshError as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - a thread's errors reach nobody by themselves
            self._give_up(BagError(f"{type(error).__name__}: {error}", where=str(self._file.path)))

    def _turn(self) -> bool:
        """Write until the next flush is due, and flush; False at the end."""
        due = time.monotonic() + FLUSH
        on = True
        while on and (left := due - time.monotonic()) > 0:
            try:
                item = self._queue.get(timeout=left)
            except queue.Empty:
                break
            on = item is not None
            if item is not None:
                self._write(*item)
        self._file.flush()
        self._count()
        if on and self._splitting and self._full():
            self._finish("split")
            self._file = self._begin()
        return on

    def _write(self, delivery: Delivery, log_time: int) -> None:
        self._written += len(delivery.payload)
        self._file.take(
            delivery.topic,
            delivery.payload,
            qos=delivery.qos,
            replayed=delivery.retain,
            log_time=log_time,
        )
        self._file.drain()
        if self._splitting.size and self._file.size >= self._splitting.size:
            self._finish("split")
            self._file = self._begin()

    def _full(self) -> bool:
        wanted = self._splitting
        old = wanted.duration and time.monotonic() - self._begun >= wanted.duration
        return bool(old or (wanted.size and self._file.size >= wanted.size))

    def _begin(self) -> BagWriter:
        path, number = self._path, len(self.progress.files)
        if self._splitting:
            path = path.with_name(f"{path.stem}_{number}{path.suffix}")
        about = {**self._about, "time": datetime.now(UTC).isoformat(), "piece": str(number)}
        file = BagWriter(path, self._writing, about, self._schemas)
        self._begun = time.monotonic()
        self.progress.files.append(path)
        return file

    def _finish(self, reason: str) -> None:
        self._file.close({"reason": reason, "dropped": str(self.progress.dropped)})
        self._count()
        self._done = (self.progress.messages, self.progress.size)

    def _count(self) -> None:
        messages, size = self._done
        self.progress.messages = messages + self._file.messages
        self.progress.size = size + self._file.size

    def _give_up(self, error: LabmeshError) -> None:
        if isinstance(error, ConfigurationError):  # the next piece's file exists
            error = BagError(error.what, where=error.where, remedy=error.remedy)
        self.error = error
        self._file.abandon()
        self._loop.call_soon_threadsafe(self._failed)
