"""Fetching what is wanted: several authors side by side, each one artifact at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from labmesh.artifacts import BulkLink, Pace, Pieces, WrongContentError, download
from messages.errors import ArtifactError, CallTimeoutError, LabmeshError, NotConnectedError
from messages.ids import NodeId
from nodes.broker._artifact_queries import Holdings
from nodes.broker._artifact_room import NoRoomError, Room
from nodes.broker._wanted import Author, Wanted, WantedList

R = TypeVar("R")

logger = logging.getLogger("labmesh.ledger.artifacts")

_AUTHORS: Final = 4
"""Authors that are read at a time: a slow one holds up three others at most."""

_PATIENCE: Final = (10.0, 15.0)
"""Wall seconds without an answer after which an author that was silent before, or was not, is left
for later."""

_RETRY: Final = 2.0
"""Wall seconds before another attempt where there was no room."""


class Fetching:
    """Turns what is wanted into what is held.

    Args:
        link: The connection of its own.
        holdings: Where it goes; why it does not come is noted there.
        room: Whether there is room.
        pace: Bounds the bytes a second.
        absent: Tells whether a node is known not to be there.
        thread: Where files are written and hashed.
    """

    def __init__(
        self,
        link: BulkLink,
        holdings: Holdings,
        room: Room,
        pace: Pace,
        absent: Callable[[NodeId], bool],
        thread: ThreadPoolExecutor,
    ) -> None:
        self._link = link
        self._folder = holdings.folder
        self._reasons = holdings.reasons
        self._room = room
        self._pace = pace
        self._absent = absent
        self._thread = thread
        self._visits: dict[NodeId, asyncio.Task[None]] = {}
        self.wanted = WantedList()
        self.full = ""
        """Why nothing can be written, or empty."""

    def begin(self) -> None:
        """Visit whoever has something that is wanted, as far as places are free."""
        loop = asyncio.get_running_loop()
        for author in self.wanted.authors:
            self._look(author)
        for author in self.wanted.due(loop.time()):
            if len(self._visits) >= _AUTHORS:
                return
            if author.id not in self._visits:
                name = f"{self._link.mesh.me} custody of {author.id}"
                task = loop.create_task(self._visit(author), name=name)
                self._visits[author.id] = task
                task.add_done_callback(partial(self._visited, author.id))

    async def stop(self) -> None:
        """Break off what is under way; what has come is kept."""
        tasks = list(self._visits.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self, author: Author) -> None:
        """Do not wait for an author that is known not to be there, nor once it is back."""
        absent = self._absent(author.id)
        if absent and not author.absent and (visit := self._visits.get(author.id)) is not None:
            visit.cancel()
        if absent:
            self._blame(author, f"{author.id} is not online")
        elif author.absent:
            author.not_before = 0.0
            self._back(author)
        author.absent = absent

    def _blame(self, author: Author, why: str) -> None:
        for sha256 in author.items:
            self._reasons[sha256] = why

    def _back(self, author: Author) -> None:
        author.answered()
        for sha256 in author.items:
            self._reasons.pop(sha256, None)

    def _visited(self, author: NodeId, task: asyncio.Task[None]) -> None:
        self._visits.pop(author, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)

    async def _visit(self, author: Author) -> None:
        loop = asyncio.get_running_loop()
        while (wanted := author.next(loop.time())) is not None:
            wanted.busy = True
            try:
                await self._take(author, wanted)
            except (CallTimeoutError, NotConnectedError) as error:
                self._later(author, f"{author.id} does not answer")
                logger.info("artifacts of %s: %s", author.id, error)
                return
            except NoRoomError as error:
                self._no_room(author, error.what)
                return
            except OSError as error:
                self._no_room(author, f"cannot be written: {error.strerror}")
                return
            except LabmeshError as error:
                self._reasons[wanted.sha256] = error.what
                wanted.later(loop.time())
                logger.warning("artifact %s not taken: %s", wanted.sha256, error)
            else:
                self.full = ""
                if author.silent:
                    self._back(author)
            finally:
                wanted.busy = False

    async def _take(self, author: Author, wanted: Wanted) -> None:
        sha256, size = wanted.sha256, wanted.claims[author.id]
        with self._room.keep(sha256, size):
            had = await self._fetch(author, sha256, size)
        self._room.held += size
        self.wanted.drop(sha256)
        self._reasons.pop(sha256, None)
        what = "artifact %s of %s taken, %d bytes, %d of them before"
        logger.info(what, sha256, author.id, size, had)

    async def _fetch(self, author: Author, sha256: str, size: int) -> int:
        if await self._in_thread(partial(self._folder.size, sha256)) == size:
            return size  # an attempt that was broken off had just named it
        growing = self._folder.partial(sha256)
        quick, patient = _PATIENCE
        try:
            pieces = Pieces(
                self._link.caller,
                author.id,
                sha256,
                size,
                pace=self._pace,
                patience=quick if author.silent else patient,
            )
            had = await download(pieces, sha256, size, growing, thread=self._thread)
            await self._in_thread(partial(self._folder.adopt, sha256))
        except WrongContentError as error:
            to = await self._in_thread(partial(self._folder.quarantine, growing))
            raise ArtifactError(
                f"{author.id}: {error.what}", where=str(to), remedy="look at it there"
            ) from None
        return had

    def _later(self, author: Author, why: str) -> None:
        author.later(asyncio.get_running_loop().time())
        self._blame(author, why)

    def _no_room(self, author: Author, why: str) -> None:
        if why != self.full:
            logger.error("artifacts cannot be taken: %s", why)
        self.full = why
        author.not_before = asyncio.get_running_loop().time() + _RETRY
        self._blame(author, why)

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
