"""The connection of its own on which artifacts travel."""

from __future__ import annotations

import asyncio
from typing import Final

from labmesh.calls import Caller
from labmesh.mesh import Mesh
from labmesh.security import Account
from labmesh.transport import make_transport
from messages.topics import Topics

KIND: Final = "fetch"
"""Class of topics on which pieces are asked for."""

_WINDOW: Final = 16
"""QoS 1 messages in flight each way: of 64 KiB, so that no side ever holds more than about 1 MiB of
another's."""


class BulkLink:
    """A second connection of one identity, made when it is first needed.

    Pieces of a large file must not stand in one queue with receipts, orders and heartbeats.

    Args:
        at: The MQTT broker, and who we are there.
        beside: The seat whose second connection it is.
        name: Tells the connections of one identity apart; where answers are sent, too.
        patience: Wall seconds to wait for the MQTT broker.
    """

    def __init__(
        self, at: str | Account, beside: Mesh, *, name: str, patience: float = 10.0
    ) -> None:
        self.beside = beside
        self._patience = patience
        self._lock = asyncio.Lock()
        self._opened = False
        me = beside.me
        self._transport = make_transport(
            at,
            client_id=f"{me}/{name}",
            username=me.node,
            window=_WINDOW,
            receive_maximum=_WINDOW,
        )
        self._transport.before_reconnect(self._is_first_back)
        topics = Topics(me, beside.topics.realm)
        self.mesh = Mesh(self._transport, topics, beside.clock, epoch=beside.epoch, instance=name)
        self.caller = Caller(self.mesh, kind=KIND)

    async def open(self) -> Mesh:
        """Connect, unless that is done.

        Raises:
            NotConnectedError: The MQTT broker was not reached.
        """
        async with self._lock:
            if not self._opened:
                await self._transport.open(timeout=self._patience)
                await self.caller.open()
                self._opened = True
        return self.mesh

    async def _is_first_back(self) -> bool:
        """Tell whether the first connection is there: it knows whether the name is still ours."""
        return self.beside.transport.connected

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self.mesh.close()
        await self._transport.close()
