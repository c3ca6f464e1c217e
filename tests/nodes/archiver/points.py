"""Points at which an archiver's process is killed: by itself, with SIGKILL, at the one it is told.

Before and after each request to the archive, in the middle of each upload, before and after each
writing of its state, and at each change of a file.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from nodes.archiver._client import InvenioClient
from nodes.archiver._state import DepositStore, State


class Points:
    """Counts; at the chosen point the process is no more.

    Args:
        chosen: Its number, from 1 on; 0 for none.
        told: A file to which each point's name is written before it is passed, or None.
    """

    def __init__(self, chosen: int, told: Path | None = None) -> None:
        self.chosen = chosen
        self.count = 0
        self._told = told

    def __call__(self, name: str) -> None:
        """Pass a point, or die there."""
        self.count += 1
        if self._told is not None:
            with self._told.open("a") as file:
                file.write(f"{name}\n")
        if self.count == self.chosen:
            os.kill(os.getpid(), signal.SIGKILL)


class Dying(httpx.AsyncBaseTransport):
    """The real transport with points around it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, point: Points) -> None:
        self._inner = inner
        self._point = point

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path}"
        self._point(f"before {name}")
        if request.url.path.endswith("/content"):
            request.stream = _Halved(request.stream, self._point, name)
        response = await self._inner.handle_async_request(request)
        await response.aread()
        self._point(f"after {name}")
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Halved(httpx.AsyncByteStream):
    def __init__(self, inner: Any, point: Points, name: str) -> None:
        self._inner, self._point, self._name = inner, point, name

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            half = len(piece) // 2
            yield piece[:half]
            await asyncio.sleep(0)
            self._point(f"within {self._name}")
            yield piece[half:]


def install(point: Points, *, files_below: Path | None = None) -> None:
    """Put points into every client and store that this process makes.

    Args:
        point: Passed at each.
        files_below: Also at each opening for writing, renaming and deleting of files below it.
    """
    begin, write = InvenioClient.__init__, DepositStore.write

    def dying(self: InvenioClient, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        self._http._transport = Dying(self._http._transport, point)

    def written(self: DepositStore, key: str, state: State) -> None:
        point("before the state is written")
        write(self, key, state)
        point("after the state was written")

    InvenioClient.__init__ = dying  # type: ignore[method-assign]
    DepositStore.write = written  # type: ignore[method-assign]
    if files_below is not None:
        below = str(files_below)

        def watch(event: str, said: tuple[Any, ...]) -> None:
            changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
            opened = event == "open" and isinstance(said[1], str) and set(said[1]) & set("wax+")
            if (changes or opened) and str(said[0]).startswith(below):
                point(f"{event} {said[0]}")

        sys.addaudithook(watch)
