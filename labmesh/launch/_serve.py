"""Answering those who ask a running launch: the server's side of its socket."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labmesh.launch._problem import LaunchError
from labmesh.launch._socket import MAX_LINE, bind, socket_file
from messages.errors import ConfigurationError, LabmeshError

logger = logging.getLogger(__name__)

Request = dict[str, Any]
Handler = Callable[[Request], Awaitable[dict[str, Any]]]


class ControlServer:
    """Listens on the launch's socket and hands each request to its handler.

    Args:
        data_dir: The data folder whose claim the launch holds.
        handlers: By the request's ``do``. What a handler raises as `LabmeshError` is the answer.
    """

    def __init__(self, data_dir: Path, handlers: Mapping[str, Handler]) -> None:
        self._data_dir = data_dir
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: No socket can be made there.
        """
        self._server = await asyncio.start_unix_server(
            self._connected, sock=bind(self._data_dir), limit=MAX_LINE
        )

    def stop(self) -> None:
        """Listen no more. Those who wait for the end are let go by the end of the process."""
        if self._server is not None:
            socket_file(self._data_dir).unlink(missing_ok=True)
            self._server.close()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whatever comes in, and whoever goes away, is no concern of the launch.
        try:
            with suppress(OSError, ValueError):
                request, answer = await self._answer(await reader.readline())
                writer.write(json.dumps(answer, default=str).encode() + b"\n")
                await writer.drain()
                if request.get("wait"):
                    await reader.read()  # the asker leaves, or we end
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> tuple[Request, dict[str, Any]]:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            return {}, _failure(ConfigurationError("a request is one line with a JSON map"))
        handler = self._handlers.get(str(request.get("do")))
        if handler is None:
            return {}, _failure(
                ConfigurationError(
                    f"a launch cannot {request.get('do')!r}",
                    remedy=f"ask it to do {', '.join(sorted(self._handlers))}",
                )
            )
        try:
            return request, await handler(request)
        except LaunchError as error:
            return {}, {"problems": [problem.as_dict() for problem in error.problems]}
        except LabmeshError as error:
            return {}, _failure(error)
        except Exception as error:
            logger.exception("asked to %s", request.get("do"))
            return {}, _failure(LabmeshError(f"{type(error).__name__}: {error}"))


def _failure(error: LabmeshError) -> dict[str, Any]:
    return {
        "failure": {
            "what": error.what,
            "where": error.where,
            "remedy": error.remedy,
            "refused": isinstance(error, ConfigurationError),
        }
    }
