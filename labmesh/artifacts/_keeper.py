"""The author's side: keeps what belongs to its results, gives it, and forgets it in time."""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from labmesh.artifacts._folder import LARGEST, ArtifactFolder, Stored
from labmesh.artifacts._link import BulkLink
from labmesh.artifacts._pace import RATE, Pace
from labmesh.artifacts._server import ArtifactServer
from messages.artifact import Manifest
from messages.errors import ArtifactError, LabmeshError, NotConnectedError
from messages.ledger import ArtifactRef
from messages.model import JsonObject

R = TypeVar("R")
Ask = Callable[[JsonObject], Awaitable[JsonObject]]
"""Calls ``query.artifacts`` of the ledger."""

logger = logging.getLogger("labmesh.artifacts")

RETENTION: Final = 7 * 24 * 3600.0
"""Wall seconds that an author keeps its copy at least, though the ledger may have its own long
before: a week in which whoever is on the spot has the file at hand."""

_AGAIN: Final = (1.0, 3600.0)
"""Least and greatest wall seconds between two looks at what may be forgotten."""

_RETRY: Final = 5.0
"""Wall seconds between attempts to connect."""


class ArtifactKeeper:
    """Holds one author's artifacts in a folder of its own.

    The folder is the only truth: what is in it is given to whoever asks, and leaves it only when
    the ledger has said, at that moment, that its own copy is sound.

    Args:
        link: The connection of its own.
        folder: Where they are.
        ask: Asks the ledger.
        alone: Whether no other process has this name; several visitors may share one.
        limit: Bytes of the largest artifact.
        retention: Wall seconds a copy is kept at least.
        gives: Tells whether a node (``site/node``) may have an artifact.
    """

    def __init__(
        self,
        link: BulkLink,
        folder: ArtifactFolder,
        ask: Ask,
        *,
        alone: bool = True,
        limit: int = LARGEST,
        retention: float = RETENTION,
        gives: Callable[[str, str], bool] = lambda _sha256, _to: True,
    ) -> None:
        self.folder = folder
        self._link = link
        self._ask = ask
        self._alone = alone
        self._limit = limit
        self._retention = retention
        # One may be copying a large file while the other gives pieces.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="artifacts")
        self._server = ArtifactServer(link.mesh, folder, self._threads, Pace(RATE), gives=gives)
        self._serving: asyncio.Task[None] | None = None
        self._subscribed: set[str] = set()
        self._opened = False

    @property
    def last_given(self) -> float:
        """When a piece was last asked for, by the event loop's clock."""
        return self._server.last_given

    async def open(self) -> None:
        """Go on giving what an earlier process left. Idempotent."""
        if self._opened:
            return
        self._opened = True
        if self._alone:
            await self._in_thread(self.folder.tidy)
        for stored in await self._in_thread(lambda: list(self.folder)):
            await self._give(stored)

    async def attach(
        self, source: Path | str | bytes, *, name: str = "", media_type: str = ""
    ) -> ArtifactRef:
        """Take a copy of a file, or of bytes, and return the reference that a result carries.

        Args:
            source: A file, however large; or the content.
            name: What it is called; a file's own name by default.
            media_type: By default guessed from the name.

        Raises:
            ArtifactError: There is no such file, it is too large or has no name, or the copy
                cannot be written.
        """
        await self.open()
        path = source if isinstance(source, bytes) else Path(source)
        called = name or (path.name if isinstance(path, Path) else "")
        if not called:
            raise ArtifactError("an artifact without a name", remedy="attach(..., name=...)")
        guessed = mimetypes.guess_type(called)[0] or "application/octet-stream"
        try:
            stored = await self._in_thread(partial(self.folder.add, path, limit=self._limit))
        except OSError as error:
            raise ArtifactError(
                f"artifact {called!r} cannot be kept: {error.strerror}",
                where=str(error.filename or self.folder.path),
                remedy="check that the file can be read and the disk of the node's folder has room",
            ) from error
        reference = ArtifactRef(
            sha256=stored.sha256, name=called, media_type=media_type or guessed, size=stored.size
        )
        await self._give(stored)
        return reference

    async def sweep(self) -> None:
        """Forget what is old enough and what the ledger says it has."""
        for stored in await self._in_thread(lambda: list(self.folder)):
            before = time.time() - self._retention
            if stored.since <= before and await self.held(stored.sha256):
                await self.forget(stored.sha256, unless_since=before)

    async def held(self, sha256: str) -> bool:
        """Ask the ledger whether it has an artifact; False where it does not answer."""
        try:
            views = (await self._ask({"sha256": sha256, "limit": 1}))["artifacts"]
        except (LabmeshError, KeyError) as error:
            logger.debug("not asked for %s: %s", sha256, error)
            return False
        return any(view["state"] == "held" for view in views)

    async def forget(self, sha256: str, *, unless_since: float) -> None:
        """Forget one artifact; whoever calls knows that the ledger has it."""
        remove = partial(self.folder.remove, sha256, unless_since=unless_since)
        if await self._in_thread(remove):
            await self._link.mesh.clear(self._topic(sha256))

    async def close(self) -> None:
        """Let the thread go. Whoever made the link closes it."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        self._threads.shutdown(wait=True)

    async def _give(self, stored: Stored) -> None:
        """Say who has it, and give it from now on; without a connection, as soon as there is."""
        mesh = self._link.mesh
        name = "+" if self._alone else stored.sha256
        if name not in self._subscribed:
            self._subscribed.add(name)
            mesh.background(self._listen(name), "give artifacts")
        manifest = Manifest(sha256=stored.sha256, size=stored.size)
        await mesh.keep(self._topic(stored.sha256), manifest)
        if self._serving is None:
            self._serving = asyncio.get_running_loop().create_task(
                self._serve(), name=f"{mesh.me} artifacts"
            )

    async def _listen(self, name: str) -> None:
        await self._server.open(name)

    async def _serve(self) -> None:
        while True:
            try:
                await self._link.open()
                break
            except NotConnectedError as error:
                logger.warning("artifacts are not given yet: %s", error)
                await asyncio.sleep(_RETRY)
        least, most = _AGAIN
        while True:
            await self.sweep()
            await asyncio.sleep(min(max(self._retention / 4, least), most))

    def _topic(self, sha256: str) -> str:
        return self._link.mesh.topics.own("blob", sha256)

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
