"""The line by which an emergency stop comes: an MQTT connection and a thread of its own.

Neither thousands of messages that wait for the node nor code that blocks its event loop stand
between a stop and the devices: the stop has its own connection, and it is read by a thread that
does nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from labmesh.clock import WallClock
from labmesh.listing import probe
from labmesh.mesh import Mesh
from labmesh.place import Place
from labmesh.transport import Delivery, make_transport
from messages.errors import LabmeshError, NotConnectedError
from messages.ids import NodeId
from messages.topics import Topics

logger = logging.getLogger("labmesh.instrument")

_INSTANCE: Final = "estop"
_KEEPALIVE: Final = 5
"""Seconds; a line that silently carries nothing any more shall be noticed soon."""
_BACKOFF: Final = (0.1, 2.0)
"""Wall seconds between attempts to have it back."""

_SWITCH: Final = 0.001
"""Seconds, instead of 5 ms: what a thread that computes may keep the interpreter from the line."""

Heard = Callable[[Delivery], Coroutine[Any, Any, None] | None]


class StopLine:
    """Listens for the stops that concern one node.

    Args:
        place: Where the mesh is.
        me: The node.
        heard: Takes what comes on a stop's topic, in the line's thread; a coroutine that it returns
            runs there.
    """

    def __init__(self, place: Place, me: NodeId, heard: Heard) -> None:
        self._place = place
        self._topics = Topics(me, place.realm)
        self._heard = heard
        self._connected = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._ready: asyncio.Future[None] | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether a stop would be heard at this moment."""
        return self._connected

    async def open(self, *, patience: float) -> None:
        """Listen; returns when every stop that is engaged has been heard.

        Raises:
            NotConnectedError: The MQTT broker was not reached within ``patience`` seconds.
        """
        self._home = asyncio.get_running_loop()
        self._ready = self._home.create_future()
        if self._place.mqtt.startswith("memory:"):
            # A hub in memory lives in one event loop, and so do all its clients.
            self._task = self._home.create_task(self._listen(patience), name="emergency stop")
        else:
            self._thread = threading.Thread(
                target=self._run, args=(patience,), name="emergency stop", daemon=True
            )
            sys.setswitchinterval(_SWITCH)
            self._thread.start()
        await self._ready

    async def close(self) -> None:
        """End listening. Idempotent."""
        if self._loop is not None and self._ending is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ending.set)
        if self._task is not None:
            await self._task
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)
        self._loop = self._thread = self._task = None

    def _run(self, patience: float) -> None:
        asyncio.run(self._listen(patience))

    async def _listen(self, patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        transport = make_transport(
            self._place.access, client_id=f"{self._topics.me}/{_INSTANCE}",
            username=self._topics.me.node, keepalive=_KEEPALIVE, backoff=_BACKOFF,
        )  # fmt: skip
        mesh = Mesh(transport, self._topics, WallClock(), instance=_INSTANCE)
        tasks: set[asyncio.Task[None]] = set()

        def take(delivery: Delivery) -> None:
            if not delivery.payload:
                return  # a stop was lifted; a person resets this instrument all the same
            work = self._heard(delivery)
            if work is not None:
                task = asyncio.ensure_future(work)
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        async def back() -> None:
            self._connected = True

        def lost(reason: str) -> None:
            self._connected = False
            logger.warning("emergency stops are not heard: %s", reason)

        transport.on_connect(back)
        transport.on_disconnect(lost)
        try:
            for pattern in self._topics.stops_me():
                await transport.subscribe(pattern, take)
            await transport.open(timeout=patience)
            await probe(mesh, timeout=patience)
            self._tell(None)
            await self._ending.wait()
            if tasks:
                await asyncio.wait(tasks, timeout=1.0)
        except LabmeshError as error:
            self._tell(error)
        finally:
            self._connected = False
            await mesh.close()
            await transport.close()
            self._tell(NotConnectedError("the line of emergency stops has ended"))

    def _tell(self, error: LabmeshError | None) -> None:
        """Tell the node's loop that the line is ready, or why it never will be."""
        home, ready = self._home, self._ready
        if home is None or ready is None or home.is_closed():
            return

        def tell() -> None:
            if ready.done():
                return
            if error is None:
                ready.set_result(None)
            else:
                ready.set_exception(error)

        home.call_soon_threadsafe(tell)
