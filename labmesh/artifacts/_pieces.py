"""The reader's side of a transfer: pieces in order, several asked for at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from labmesh.artifacts._pace import Pace
from labmesh.calls import Caller
from messages.artifact import PIECE, Piece
from messages.envelope import validate
from messages.errors import ArtifactError, CallRefusedError, CallTimeoutError, NotConnectedError
from messages.ids import NodeId

_WINDOW: Final = 8
"""Most pieces asked for at a time: half a MiB of memory, and 10 MB/s over a line of 50 ms."""

_TIMEOUT: Final = (5.0, 30.0)
"""Least and greatest wall seconds to wait for a piece before it is asked for again. Not less: the
expiry of a message counts whole seconds."""

_PAUSE: Final = 0.1
"""Wall seconds before a piece is asked for again."""


class Pieces:
    """Reads one artifact of one holder.

    The window grows with every answer and is halved where none came, and the wait for an answer
    follows how long answers took: neither a slow line nor a slow holder is flooded.

    Args:
        caller: On a connection of its own.
        holder: Who is asked.
        sha256: For what.
        size: Its bytes, as the result says.
        pace: Bounds the bytes a second.
        patience: Wall seconds without any answer after which it is given up.
    """

    def __init__(
        self,
        caller: Caller,
        holder: NodeId,
        sha256: str,
        size: int,
        *,
        pace: Pace,
        patience: float,
    ) -> None:
        self._caller = caller
        self._holder = holder
        self._sha256 = sha256
        self._size = size
        self._pace = pace
        self._patience = patience
        self._window = 1.0
        self._usual = 0.0
        self._heard = asyncio.get_running_loop().time()

    async def read(self, offset: int) -> AsyncGenerator[bytes, None]:
        """Yield the content from ``offset`` to its end, in order.

        Raises:
            ArtifactError: The holder does not have it, cannot read it, or its size is another.
            CallTimeoutError: No answer within the patience.
            TransportError: The connection was closed.
        """
        asked: deque[asyncio.Task[bytes]] = deque()
        loop = asyncio.get_running_loop()
        next_offset = offset
        try:
            while next_offset < self._size or asked:
                while next_offset < self._size and len(asked) < int(self._window):
                    length = min(PIECE, self._size - next_offset)
                    await self._pace.take(length)
                    asked.append(loop.create_task(self._piece(next_offset, length)))
                    next_offset += length
                data = await asked[0]
                asked.popleft()
                yield data
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _piece(self, offset: int, length: int) -> bytes:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while True:
            least, most = _TIMEOUT
            begun = loop.time()
            try:
                value = await self._caller.call(
                    self._holder,
                    self._sha256,
                    {"offset": offset, "length": length},
                    # Half: what was lost once on its way is asked for at least once more.
                    timeout=min(max(least, 4 * self._usual), most, self._patience / 2),
                )
            except (CallRefusedError, CallTimeoutError, NotConnectedError) as error:
                # The last: its time passed while the connection was being made anew.
                out_of_patience = loop.time() - max(self._heard, asked) >= self._patience
                if isinstance(error, CallRefusedError):
                    if error.code != "too_late" or out_of_patience:
                        raise ArtifactError(
                            error.what, where=self._sha256, remedy=error.remedy
                        ) from None
                elif out_of_patience:
                    raise
                self._slower()
                await asyncio.sleep(_PAUSE)
            else:
                self._heard = loop.time()
                took = self._heard - begun
                self._usual = took if not self._usual else 0.8 * self._usual + 0.2 * took
                self._window = min(self._window + 1, _WINDOW)
                return self._checked(validate(Piece, value, where="piece"), length)

    def _checked(self, piece: Piece, length: int) -> bytes:
        if piece.size != self._size:
            what = f"{self._holder} has {piece.size} bytes of it, the result says {self._size}"
        elif len(piece.data) != length:
            what = f"{self._holder} gave {len(piece.data)} bytes where {length} were asked for"
        else:
            return piece.data
        raise ArtifactError(
            what, where=self._sha256, remedy="its copy is not what the result names"
        )

    def _slower(self) -> None:
        self._window = max(1.0, self._window / 2)
        self._usual *= 2
