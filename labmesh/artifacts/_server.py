"""The holder's side: gives pieces of what is in its folder to whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from labmesh.artifacts._folder import ArtifactFolder
from labmesh.artifacts._link import KIND
from labmesh.artifacts._pace import Pace
from labmesh.calls import Server, Service, called_by
from labmesh.mesh import Mesh
from messages.artifact import Piece, PieceArguments
from messages.envelope import Header, validate
from messages.errors import ArtifactError, CallRefusedError
from messages.model import JsonObject
from messages.node import Call
from messages.topics import Topic

_AT_ONCE: Final = 16
"""Pieces in memory at a time, whoever asks and however many."""


class ArtifactServer(Server):
    """Answers on ``~/fetch/@/{sha256}``. Nothing is sent that a reader has not asked for.

    Args:
        mesh: The seat on the connection of its own.
        folder: What is given.
        thread: Where files are read.
        pace: Bounds the bytes a second that all readers get together.
        gives: Tells whether a node (``site/node``) may have an artifact.
    """

    def __init__(
        self,
        mesh: Mesh,
        folder: ArtifactFolder,
        thread: ThreadPoolExecutor,
        pace: Pace,
        *,
        gives: Callable[[str, str], bool] = lambda _sha256, _to: True,
    ) -> None:
        super().__init__(mesh, kind=KIND)
        self._folder = folder
        self._thread = thread
        self._pace = pace
        self._gives = gives
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.last_given = 0.0
        """When a piece was last asked for, by the event loop's clock."""

    def find(self, name: str) -> Service | None:
        """Return what gives pieces of the artifact ``name``."""
        return partial(self._give, name)

    async def _serve(self, call: Call, header: Header, topic: Topic, limit: float) -> None:
        async with self._slots:
            await super()._serve(call, header, topic, limit)

    async def _give(self, sha256: str, arguments: JsonObject, _header: Header) -> JsonObject:
        self.last_given = asyncio.get_running_loop().time()
        wanted = validate(PieceArguments, arguments, where="arguments")
        if not self._gives(sha256, str(called_by())):
            raise CallRefusedError(
                f"{self._mesh.me} does not have artifact {sha256[:80]}", code="not_found"
            )
        await self._pace.take(wanted.length)
        read = partial(self._folder.read, sha256, wanted.offset, wanted.length)
        try:
            size, data = await asyncio.get_running_loop().run_in_executor(self._thread, read)
        except (FileNotFoundError, NotADirectoryError, ArtifactError):
            raise CallRefusedError(
                f"{self._mesh.me} does not have artifact {sha256[:80]}", code="not_found"
            ) from None
        except OSError as error:
            raise CallRefusedError(
                f"{self._mesh.me} cannot read artifact {sha256}: {error.strerror}",
                code="unreadable",
            ) from None
        return Piece(size=size, data=data).model_dump()
