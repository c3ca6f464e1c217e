"""Custody: the broker node fetches every artifact that an accepted result names.

What the journal names, less what lies in the folder, is what is to be fetched. That difference is
taken anew at every start, so a crash of anyone leaves nothing to be repaired. All of it runs on a
connection of its own, after the receipt, at a bounded rate.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from labmesh.artifacts import ArtifactServer, BulkLink, Pace
from messages.errors import ArtifactError, LabmeshError
from messages.ids import NodeId
from nodes.broker._artifact_queries import Claim, Holdings
from nodes.broker._artifact_room import Bounds, Room
from nodes.broker._fetch import Fetching

R = TypeVar("R")

logger = logging.getLogger("labmesh.ledger.artifacts")

_LOOK: Final = 0.25
"""Wall seconds between two looks whether the ledger has new entries."""

_PAGE: Final = 500
"""Claims read at a time."""

_RETRY: Final = 2.0
"""Wall seconds before another attempt where something did not work."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How custody fares.

    Attributes:
        missing: Artifacts that are named and not here.
        tried: Those of them that cannot be had so far.
        example: Why, of one of them.
        full: Why nothing can be written, or empty.
        held: Bytes in the folder.
    """

    missing: int
    tried: int
    example: str
    full: str
    held: int


class Custody:
    """Fetches, keeps and gives artifacts.

    Args:
        link: The connection of its own.
        holdings: What is named and what is here.
        claims: Reads claims of the journal that are later than an offset.
        said: The last offset that is committed and published.
        absent: Tells whether a node is known not to be there.
        bounds: The operator's.
        tell: Told how it fares, whenever it may have changed.
        gives: Tells whether a node may have an artifact.
    """

    def __init__(
        self,
        link: BulkLink,
        holdings: Holdings,
        claims: Callable[[int, int], Awaitable[list[Claim]]],
        *,
        said: Callable[[], int],
        absent: Callable[[NodeId], bool],
        bounds: Callable[[], Bounds],
        tell: Callable[[Condition], None],
        gives: Callable[[str, str], bool] = lambda _sha256, _to: True,
    ) -> None:
        self._link = link
        self._holdings = holdings
        self._folder = holdings.folder
        self._claims = claims
        self._said = said
        self._bounds = bounds
        self._tell = tell
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="custody")
        self._pace = Pace()
        self._room = Room(self._folder.path, bounds)
        self._server = ArtifactServer(
            link.mesh, self._folder, self._threads, self._pace, gives=gives
        )
        self._fetching = Fetching(link, holdings, self._room, self._pace, absent, self._threads)
        self._learned = self._looked = -1
        self._main: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        me = self._link.mesh.me
        self._main = asyncio.get_running_loop().create_task(self._run(), name=f"{me} custody")

    async def stop(self) -> None:
        """End; what was half fetched is gone on with at the next start."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)
        await self._fetching.stop()
        await self._link.close()
        self._threads.shutdown(wait=True)

    async def verify(self, sha256: str) -> bool:
        """Read one artifact and compare; where it is damaged put it away and fetch it again.

        Raises:
            ArtifactError: It is not here.
        """
        size = await self._in_thread(partial(self._folder.size, sha256))
        if size is None:
            raise ArtifactError("the ledger does not have this artifact", where=sha256)
        if await self._in_thread(partial(self._folder.sound, sha256)):
            return True
        file = self._folder.file(sha256)
        to = await self._in_thread(partial(self._folder.quarantine, file))
        logger.error("artifact %s is damaged and lies in %s; it is fetched again", sha256, to)
        self._room.held -= size
        self._looked = self._learned = -1
        return False

    async def _run(self) -> None:
        await self._insist(self._connect)
        await self._insist(self._count)
        while True:
            await self._insist(self._learn)
            self._pace.rate = self._bounds().artifact_rate
            self._fetching.begin()
            self._tell(self._condition())
            await asyncio.sleep(_LOOK)

    async def _insist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it until it works: nothing that fails once may end custody for good."""
        while True:
            try:
                return await work()
            except LabmeshError as error:
                logger.warning("artifacts are not looked after, trying again: %s", error)
            except Exception:
                logger.exception("artifacts are not looked after, trying again")
            await asyncio.sleep(_RETRY)

    async def _connect(self) -> None:
        await self._link.open()
        await self._server.open()

    async def _count(self) -> None:
        await self._in_thread(self._folder.tidy)
        self._room.held = await self._in_thread(lambda: sum(each.size for each in self._folder))

    async def _learn(self) -> None:
        said = self._said()
        while self._looked < said:
            # Where results name none it is known up to where one has looked.
            page = await self._claims(max(self._learned, self._looked), _PAGE)
            for claim in await self._in_thread(partial(_lacking, self._holdings, page)):
                self._fetching.wanted.add(claim)
            if page:
                self._learned = page[-1].offset
            else:
                self._looked = said

    def _condition(self) -> Condition:
        reasons = list(self._holdings.reasons.values())
        return Condition(
            missing=len(self._fetching.wanted),
            tried=len(reasons),
            example=reasons[0] if reasons else "",
            full=self._fetching.full,
            held=self._room.held,
        )

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _lacking(holdings: Holdings, claims: list[Claim]) -> list[Claim]:
    return [claim for claim in claims if holdings.missing(claim)]
