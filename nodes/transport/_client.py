"""The other end of the chat, for programs: the terminal client, one-shot verbs, the courier."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from messages.envelope import validate
from messages.errors import LabmeshError
from messages.logistics import TransportJob
from nodes.transport._words import one_line

_PATIENCE: Final = 15.0
"""Wall seconds for an answer; a PIN is checked slowly on purpose."""

_LINE: Final = 256 * 1024
"""Bytes of the longest line that is read: a job of a hundred samples."""


class ChatError(LabmeshError):
    """The chat has answered that something cannot be done."""


class ChatLostError(LabmeshError):
    """There is no chat, or no longer."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: its last words, the values of that, and those of each line before."""

    words: str
    values: dict[str, Any]
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def job(self) -> TransportJob | None:
        """The transport that it is about."""
        found = self.values.get("job")
        return validate(TransportJob, found, where="job") if found is not None else None

    @property
    def jobs(self) -> list[TransportJob]:
        """The transports of a list."""
        return [validate(TransportJob, e["job"], where="job") for e in self.lines if "job" in e]


class ChatClient:
    """One connection to a chat; use it in ``async with``.

    Args:
        host: Where it listens.
        port: Its TCP port.
        tls: How to trust it; None: no TLS.
        on_note: Told of what happens to transports, and (None) of the end of the connection.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        on_note: Callable[[str | None, dict[str, Any]], None] = lambda _text, _values: None,
    ) -> None:
        self._where = host, port
        self._tls = tls
        self._on_note = on_note
        self._answers: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ChatClient:
        """Connect; ChatLostError where nobody listens."""
        host, port = self._where
        try:
            async with asyncio.timeout(_PATIENCE):
                self._reader, self._writer = await asyncio.open_connection(
                    host, port, ssl=self._tls, limit=_LINE
                )
                greeting = (await self._reader.readline()).decode(errors="replace").strip()
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise ChatLostError(
                f"nobody listens: {error}",
                where=f"{host}:{port}",
                remedy="is the transport node active? labmesh node list",
            ) from None
        if not greeting.startswith("ok "):
            self._writer.close()
            raise ChatLostError(
                one_line(greeting.removeprefix("err ")) or "it hangs up", where=f"{host}:{port}"
            )
        self.greeting = greeting.removeprefix("ok ")
        self._reading = asyncio.create_task(self._read(), name="chat")
        await self.ask("json on")
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        self._writer.close()
        with suppress(OSError, TimeoutError, ssl.SSLError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    async def hello(self, name: str, pin: str) -> Said:
        """Say who one is.

        Raises:
            ChatError: Not let in.
            ChatLostError: As `ask`.
        """
        return await self.ask(f"hello {name} {pin}")

    async def ask(self, line: str) -> Said:
        """Say a line and return the answer.

        Raises:
            ChatError: It cannot be done.
            ChatLostError: The connection has ended; whether it was done is not known, and asking
                again does no harm.
        """
        async with self._turn:
            lines: list[dict[str, Any]] = []
            try:
                async with asyncio.timeout(_PATIENCE):
                    self._writer.write(" ".join(line.split("\n")).encode() + b"\n")
                    await self._writer.drain()
                    while (said := await self._answers.get()) is not None:
                        if said["kind"] == "line":
                            lines.append(said)
                            continue
                        if said["kind"] == "err":
                            raise ChatError(said["text"])
                        return Said(said["text"], said, lines)
            except (OSError, TimeoutError) as error:
                raise ChatLostError(f"the chat does not answer: {error}") from None
        self._answers.put_nowait(None)
        raise ChatLostError("the chat has ended", remedy="connect again")

    async def _read(self) -> None:
        try:
            while raw := await self._reader.readline():
                said = _parsed(raw)
                if said["kind"] == "note":
                    self._on_note(said["text"], said)
                else:
                    self._answers.put_nowait(said)
        except (OSError, ValueError, ssl.SSLError):
            pass
        self._answers.put_nowait(None)
        self._on_note(None, {})


def _parsed(raw: bytes) -> dict[str, Any]:
    """Return a line's values; the answer to ``json on`` is the first that is JSON."""
    try:
        said = json.loads(raw)
    except ValueError:
        said = None
    if isinstance(said, dict) and isinstance(said.get("kind"), str):
        return {"text": "", **said}
    kind, _, text = raw.decode(errors="replace").strip().partition(" ")
    return {"kind": kind if kind in ("ok", "err", "note") else "line", "text": text}
