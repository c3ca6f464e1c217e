"""The node's side of the process that has the triple store."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgpack

from messages.errors import LabmeshError, StoreError
from nodes.search._store import throw_away

_LENGTH: Final = struct.Struct(">I")

_START: Final = 60.0
"""Wall seconds for the process to open the store; after a crash its log is read again first."""

_TRIES: Final = 3
"""How often a question is asked that is lost because another one had to be ended."""


class LostError(LabmeshError):
    """The process ended before it answered."""


class Keeper:
    """Starts the process, asks it, ends it where an answer takes too long, starts it again.

    A query of Oxigraph cannot be interrupted: only the end of its process ends it.

    Args:
        folder: Of the store.
        memory: Bytes of address space that the process may have.
    """

    def __init__(self, folder: Path, *, memory: int) -> None:
        self._folder = folder
        self._memory = memory
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._numbers = count(1)
        self._starting = asyncio.Lock()
        self.starts = 0
        """How often the process was started."""

    async def ask(self, verb: str, *, seconds: float | None = None, **arguments: Any) -> Any:
        """Return what the process answers.

        Args:
            verb: A method of `nodes.search._desk.Desk`.
            seconds: Wall seconds after which the process is ended; None: as long as it takes.
            arguments: Plain values.

        Raises:
            LabmeshError: A refusal, or no answer within ``seconds``.
            LostError: The process ended, and so it did when asked again.
            StoreError: It cannot open the store.
        """
        for left in reversed(range(_TRIES)):
            try:
                return await self._ask(verb, seconds, arguments)
            except LostError:
                if verb == "take" or not left:
                    raise
        raise AssertionError

    async def _ask(self, verb: str, seconds: float | None, arguments: dict[str, Any]) -> Any:
        process = await self._started()
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(seconds):
                packed = msgpack.packb([number, verb, arguments])
                with suppress(ConnectionError):
                    _pipe(process.stdin).write(_LENGTH.pack(len(packed)) + packed)
                    await _pipe(process.stdin).drain()
                return await future
        except TimeoutError:
            await self._end(process)
            raise LabmeshError(
                f"the query was ended after {seconds:g} s", where="query",
                remedy="ask for less, say more exactly what, or raise the node's time_limit",
            ) from None  # fmt: skip
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the process; what it has been told to keep is kept."""
        async with self._starting:
            if self._process is not None:
                await self._end(self._process)

    async def anew(self) -> None:
        """End the process and throw its store away."""
        async with self._starting:
            if self._process is not None:
                await self._end(self._process)
            await asyncio.to_thread(throw_away, self._folder)

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return self._process
            if self._reader is not None:
                await self._reader
            opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting[0] = opened
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "nodes.search._child", str(self._folder), str(self._memory),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )  # fmt: skip
            self.starts += 1
            self._reader = asyncio.create_task(self._listen(process), name="triple store")
            try:
                async with asyncio.timeout(_START):
                    await opened
            except (LabmeshError, TimeoutError) as error:
                await self._end(process)
                what = error.what if isinstance(error, LabmeshError) else "it does not open"
                remedy = error.remedy if isinstance(error, LabmeshError) else ""
                raise StoreError(what, where=str(self._folder), remedy=remedy) from None
            finally:
                self._waiting.pop(0, None)
            return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        source = _pipe(process.stdout)
        try:
            while True:
                (size,) = _LENGTH.unpack(await source.readexactly(_LENGTH.size))
                number, value, error = msgpack.unpackb(await source.readexactly(size))
                future = self._waiting.get(number)
                if future is None or future.done():
                    continue
                if error is None:
                    future.set_result(value)
                else:
                    words = error["what"]
                    future.set_exception(
                        LabmeshError(words, where=error["where"], remedy=error["remedy"])
                    )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        await process.wait()
        code = process.returncode or 0
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(
                    LostError(
                        f"the process of the triple store ended by {how}",
                        remedy="ask again; a query that needs too much memory ends it",
                    )
                )

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if self._reader is not None and process is self._process:
            await asyncio.wait([self._reader])


def _pipe(stream: Any) -> Any:
    if stream is None:
        raise RuntimeError("the process has no pipes")
    return stream
