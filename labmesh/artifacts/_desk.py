"""One identity's dealings with artifacts: those it makes, and those it reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from labmesh.artifacts._folder import LARGEST, ArtifactFolder
from labmesh.artifacts._keeper import RETENTION, ArtifactKeeper
from labmesh.artifacts._link import BulkLink
from labmesh.artifacts._reader import ArtifactReader
from labmesh.calls import Caller
from labmesh.mesh import Mesh
from labmesh.security import Account
from messages.ids import NodeId
from messages.ledger import ArtifactRef
from messages.model import JsonObject

logger = logging.getLogger("labmesh.artifacts")

_LOOK: Final = 0.5
"""Wall seconds between two questions whether the ledger has everything."""

_SILENCE: Final = 30.0
"""Wall seconds in which nobody asks for anything, after which a visitor waits no longer."""

_WAIT: Final = 10.0
"""Wall seconds to wait for the ledger's answer."""


class ArtifactDesk:
    """Attaches and gets artifacts; its connection is made when the first one is attached or read.

    Args:
        url: The MQTT broker.
        mesh: The identity's seat.
        caller: Calls services from it.
        ledger: The broker node.
        folder: Where its own artifacts are kept, below its own folder.
        visitor: Whether others may use the same name at the same time; a visitor hands over what it
            has before it leaves.
        limit: Bytes of the largest artifact.
        retention: Wall seconds a copy is kept at least.
        gives: Tells whether a node (``site/node``) may have an artifact.
    """

    def __init__(
        self,
        at: str | Account,
        mesh: Mesh,
        caller: Caller,
        ledger: NodeId,
        folder: Path,
        *,
        visitor: bool = False,
        limit: int = LARGEST,
        retention: float = RETENTION,
        gives: Callable[[str, str], bool] = lambda _sha256, _to: True,
    ) -> None:
        async def query(service: str, arguments: JsonObject) -> JsonObject:
            return await caller.call(ledger, service, arguments, timeout=_WAIT)

        async def ask(arguments: JsonObject) -> JsonObject:
            return await query("query.artifacts", arguments)

        self._visitor = visitor
        self._ledger = ledger
        self._link = BulkLink(at, mesh, name=f"{mesh.instance}-blob")
        self._keeper = ArtifactKeeper(
            self._link,
            ArtifactFolder(folder),
            ask,
            alone=not visitor,
            limit=limit,
            retention=retention,
            gives=gives,
        )
        self._reader = ArtifactReader(self._link, ledger, query)
        self._named: set[str] = set()

    async def open(self) -> None:
        """Go on giving what an earlier process of this name attached."""
        await self._keeper.open()

    async def attach(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """Keep a copy and return its reference; as `ArtifactKeeper.attach`."""
        return await self._keeper.attach(source, name=name, media_type=media_type)

    async def get(
        self,
        sha256: str,
        to: Path,
        *,
        progress: Callable[[int, int], None] | None = None,
        patience: float = 30.0,
    ) -> NodeId:
        """Fetch an artifact into a file; as `ArtifactReader.get`."""
        return await self._reader.get(sha256, to, progress=progress or _nothing, patience=patience)

    def named(self, artifacts: Iterable[ArtifactRef]) -> None:
        """Note what a result names that has been accepted."""
        self._named |= {artifact.sha256 for artifact in artifacts}

    async def hand_over(self) -> None:
        """Wait until the ledger has what the results of this visit name, and forget it here.

        What it has not asked for in half a minute stays in the folder, and is offered again by the
        next visitor of this name who attaches something.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while self._named and loop.time() - max(begun, self._keeper.last_given) < _SILENCE:
            for sha256 in list(self._named):
                if await self._keeper.held(sha256):
                    self._named.discard(sha256)
                    await self._keeper.forget(sha256, unless_since=float("inf"))
            if self._named:
                await asyncio.sleep(_LOOK)
        for sha256 in self._named:
            logger.warning(
                "%s has not taken artifact %s; it stays in %s",
                self._ledger,
                sha256,
                self._keeper.folder.file(sha256),
            )

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._link.close()
        await self._keeper.close()


def _nothing(_done: int, _size: int) -> None:
    """Tell nobody."""
