"""The brake: from a stop's message to the devices, whatever the node is doing."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from labmesh.instrument._gate import Gate, stopping
from labmesh.instrument._guard import AnswerLaterError
from labmesh.instrument._stop_line import StopLine
from labmesh.instrument._stops import Stop, StopBook
from labmesh.place import Place
from labmesh.transport import Delivery
from messages.errors import LabmeshError
from messages.ids import NodeId

logger = logging.getLogger("labmesh.instrument")

_AT_ONCE: Final = 1.0
"""Wall seconds that the devices' stops may take in the stop's own thread."""
_IN_ORDER: Final = 5.0
"""Wall seconds that they may take in the event loop, where answers are read."""
_MEANWHILE: Final = 0.05
"""Wall seconds after which the event loop is told although the thread has not finished."""


class Brake:
    """Stops the devices at once from a thread of its own, and then tells the node.

    Args:
        gate: Closed before anything else.
        book: Where stops are kept.
        halt: Stops every device; called in the stop's thread where ``at_once`` says so, and again
            in the event loop.
        at_once: Whether the devices' wires can be written to from the stop's thread.
        stopped: Told in the event loop, before the devices are stopped there.
        failed: Told in the event loop what went wrong there.
    """

    def __init__(
        self,
        gate: Gate,
        book: StopBook,
        *,
        halt: Callable[[], Awaitable[None]],
        at_once: Callable[[], bool],
        stopped: Callable[[Stop], None],
        failed: Callable[[str], None],
    ) -> None:
        self._gate = gate
        self._book = book
        self._halt = halt
        self._at_once = at_once
        self._stopped = stopped
        self._failed = failed
        self._line: StopLine | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()
        self._count = 0
        self._unwritten: set[Stop] = set()

    @property
    def connected(self) -> bool:
        """Whether a stop would be heard at this moment."""
        return self._line is not None and self._line.connected

    async def open(self, place: Place, me: NodeId, *, patience: float) -> None:
        """Close the gate for stops of former times, then listen; errors as `StopLine.open`."""
        self._home = asyncio.get_running_loop()
        for stop in self._book.engaged():
            self._gate.close(str(stop))
        self._line = StopLine(place, me, self._heard)
        await self._line.open(patience=patience)

    async def close(self) -> None:
        """End listening."""
        if self._line is not None:
            await self._line.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_AT_ONCE)

    def reset(self, *, by: str, reason: str, at: int) -> list[Stop]:
        """Acknowledge every stop that is engaged, open the gate; return those stops.

        Raises:
            StoreError: It cannot be written down; the gate stays closed.
        """
        with self._lock:
            count, unwritten = self._count, tuple(self._unwritten)
        for stop in unwritten:
            self._book.engage(stop)
        stops = self._book.engaged()
        self._book.reset(stops, by=by, reason=reason, at=at)
        with self._lock:
            if self._count == count:  # no other was heard meanwhile
                self._gate.open()
        return stops

    def _heard(self, delivery: Delivery) -> Coroutine[Any, Any, None] | None:
        stop = Stop.read(delivery.topic, delivery.payload)
        if not self._book.is_news(stop):
            return None
        with self._lock:
            self._count += 1
            self._unwritten.add(stop)
            self._gate.close(str(stop))
        return self._brake(stop)

    async def _brake(self, stop: Stop) -> None:
        """Stop the devices from here, tell the node, and write it down, in this order."""
        timer = asyncio.get_running_loop().call_later(_MEANWHILE, self._tell, stop)
        try:
            if self._at_once():
                await self._halt_at_once()
        finally:
            if not timer.cancelled() and timer.when() > asyncio.get_running_loop().time():
                timer.cancel()
                self._tell(stop)
        try:
            # In yet another thread: a slow disk must not keep the next stop waiting.
            await asyncio.to_thread(self._book.engage, stop)
            with self._lock:
                self._unwritten.discard(stop)
        except LabmeshError as error:
            logger.error("the stop holds until this process ends, but is not noted: %s", error)

    async def _halt_at_once(self) -> None:
        try:
            self._gate.settle()
            with stopping("at once"):
                async with asyncio.timeout(_AT_ONCE):
                    await self._halt()
        except AnswerLaterError:
            return  # it has said its stop, and wants to hear more
        except Exception as error:  # noqa: BLE001 - a driver's; the event loop stops them again
            logger.warning("not everything was stopped past the event loop: %s", error)

    def _tell(self, stop: Stop) -> None:
        if self._home is not None and not self._home.is_closed():
            self._home.call_soon_threadsafe(self._take, stop)

    def _take(self, stop: Stop) -> None:
        self._stopped(stop)
        task = asyncio.ensure_future(self._halt_in_order())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _halt_in_order(self) -> None:
        try:
            with stopping("in order"):
                async with asyncio.timeout(_IN_ORDER):
                    await self._halt()
        except TimeoutError:
            self._failed(f"the devices did not confirm their stop within {_IN_ORDER:g} s")
        except Exception as error:  # noqa: BLE001 - a driver's
            self._failed(f"a device was not stopped: {type(error).__name__}: {error}")
