"""A simulator's end of a line, on which faults strike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from labmesh.sim._faults import Faults
from labmesh.wire import InputBuffer
from messages.errors import WireTimeoutError


class SimLine:
    """What came from the driver, and the way back.

    Every method raises `WireError` once the other end hung up or power went; `Simulator.serve`
    need not catch it.

    Args:
        input_: What came.
        send: Sends bytes as they are.
        faults: What strikes on the way back.
        peer: Who is at the other end, for messages.
    """

    def __init__(
        self,
        input_: InputBuffer,
        send: Callable[[bytes], Awaitable[None]],
        faults: Faults,
        peer: str,
    ) -> None:
        self._input = input_
        self._send = send
        self._faults = faults
        self.peer = peer

    @property
    def is_open(self) -> bool:
        """Whether the other end is there."""
        return self._input.is_open

    async def read(self, count: int = 4096) -> bytes:
        """Return what has come, at least one byte and at most ``count``."""
        return await self._input.some(count)

    async def read_exactly(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        return await self._input.exactly(count)

    async def read_until(self, end: bytes) -> bytes:
        """Return what came up to and including ``end``."""
        return await self._input.until(end)

    async def read_burst(self, silence: float = 0.02) -> bytes:
        """Return what came until nothing came for ``silence`` wall seconds; for want of an end."""
        data = await self._input.some(4096)
        while True:
            try:
                data += await self._input.some(4096, silence)
            except WireTimeoutError:
                return data

    async def discard_input(self) -> None:
        """Forget what came and nobody has read."""
        self._input.discard()

    async def write(self, data: bytes) -> None:
        """Send, unless a fault strikes."""
        self._input.check()
        if not data or self._faults.strike("no_answer"):
            return
        if self._faults.strike("garbage"):
            data = self._faults.garbage(len(data))
        if self._faults.strike("stall"):
            half = len(data) // 2
            await self._send(data[:half])
            await self._faults.cleared("stall")
            data = data[half:]
        await self._send(data)
