"""The reader's side: finds who has an artifact, and fetches it into a file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from labmesh.artifacts._download import Progress, WrongContentError, download
from labmesh.artifacts._link import BulkLink
from labmesh.artifacts._pace import Pace
from labmesh.artifacts._pieces import Pieces
from labmesh.listing import retained
from messages.artifact import ArtifactView, Manifest, check_sha256
from messages.envelope import validate
from messages.errors import ArtifactError, CallError, LabmeshError, TransportError
from messages.ids import NodeId
from messages.model import JsonObject

logger = logging.getLogger("labmesh.artifacts")


@dataclass(slots=True)
class _Found:
    """Who may have an artifact, the likeliest first, and why others may not be asked."""

    size: int | None = None
    holders: list[NodeId] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, holder: NodeId) -> None:
        if holder not in self.holders:
            self.holders.append(holder)


class ArtifactReader:
    """Reads artifacts, from the broker node first, else from whoever has them.

    Args:
        link: The connection of its own.
        ledger: The broker node.
        query: Calls a service of it.
    """

    def __init__(
        self,
        link: BulkLink,
        ledger: NodeId,
        query: Callable[[str, JsonObject], Awaitable[JsonObject]],
    ) -> None:
        self._link = link
        self._ledger = ledger
        self._query = query

    async def get(
        self,
        sha256: str,
        to: Path,
        *,
        progress: Callable[[int, int], None] = lambda _done, _size: None,
        patience: float = 30.0,
    ) -> NodeId:
        """Fetch an artifact into the file ``to``; return who gave it.

        The file appears under its name only when it is complete and fits the hash. Until then it
        grows as ``{to}.part``, from where the next call goes on.

        Args:
            sha256: Which.
            to: Where; a file that is there is replaced.
            progress: Told the bytes that are there, and their final number.
            patience: Wall seconds without an answer after which a holder is given up.

        Raises:
            ArtifactError: Nobody has it, or no holder's content fits the hash (both are named), or
                the file cannot be written.
        """
        found = await self._find(check_sha256(sha256))
        size = found.size
        if size is None:
            raise _not_had(sha256, found.remarks or ["no result names it, and nobody offers it"])
        part = to.with_name(to.name + ".part")
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="fetch") as thread:
            for holder in found.holders:
                tell: Progress = partial(_tell, progress, size)
                try:
                    await self._fetch(holder, sha256, size, part, thread, tell, patience)
                    await asyncio.get_running_loop().run_in_executor(thread, part.replace, to)
                except WrongContentError as error:
                    part.unlink(missing_ok=True)
                    found.remarks.append(f"{holder}: {error.what}")
                    await self._denounce(holder, sha256)
                except OSError as error:
                    raise ArtifactError(
                        f"cannot be written: {error.strerror}",
                        where=str(part),
                        remedy="free some space, or name another file; what has come is kept there",
                    ) from error
                except LabmeshError as error:
                    found.remarks.append(f"{holder}: {error.what}")
                else:
                    return holder
        if part.exists() and not part.stat().st_size:
            part.unlink()
        raise _not_had(sha256, found.remarks)

    async def _fetch(
        self,
        holder: NodeId,
        sha256: str,
        size: int,
        part: Path,
        thread: ThreadPoolExecutor,
        progress: Progress,
        patience: float,
    ) -> None:
        await self._link.open()
        pieces = Pieces(self._link.caller, holder, sha256, size, pace=Pace(), patience=patience)
        await download(pieces, sha256, size, part, thread=thread, progress=progress)

    async def _find(self, sha256: str) -> _Found:
        found = _Found()
        try:
            items = (await self._query("query.artifacts", {"sha256": sha256}))["artifacts"]
            views = [validate(ArtifactView, item, where="artifact") for item in items]
        except (CallError, TransportError) as error:
            found.remarks.append(f"{self._ledger}: {error.what}")
            views = []
        for view in views:
            found.size = view.size
            if view.state == "held":
                found.holders.insert(0, self._ledger)
                break
            found.remarks.append(f"{self._ledger}: it is missing there: {view.reason}")
        for view in views:
            found.add(NodeId.parse(view.author))
        mesh = self._link.beside
        for topic, manifest in await retained(mesh, mesh.topics.of(None, "blob", sha256), Manifest):
            found.size = manifest.size if found.size is None else found.size
            found.add(topic.author)
        return found

    async def _denounce(self, holder: NodeId, sha256: str) -> None:
        """Make the ledger look at its own copy, should that be the one that is wrong."""
        if holder == self._ledger:
            try:
                await self._query("artifact.verify", {"sha256": sha256})
            except LabmeshError as error:
                logger.warning("%s was not told of its wrong copy: %s", holder, error)


def _tell(progress: Callable[[int, int], None], size: int, done: int) -> None:
    progress(done, size)


def _not_had(sha256: str, remarks: list[str]) -> ArtifactError:
    return ArtifactError(
        "the artifact cannot be had: " + "; ".join(dict.fromkeys(remarks)),
        where=sha256,
        remedy="see `labmesh artifact list --missing`, or start its author",
    )
