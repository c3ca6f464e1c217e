"""The chat's server: many people, each on a TCP connection that may be slow, gone or hostile."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from messages.errors import ConfigurationError, LabmeshError
from nodes.transport._desk import Happening
from nodes.transport._dialogue import Answer, Dialogue
from nodes.transport._gate import Gate
from nodes.transport._lines import BadLineError, lines
from nodes.transport._people import People, Person
from nodes.transport._words import one_line

_BEHIND: Final = 256 * 1024
"""Bytes that a client may leave unread before its connection ends: it is gone, or stands still."""

_PATIENCE: Final = 10.0
"""Wall seconds for a client to read an answer."""

_NONSENSE: Final = 20
"""Lines in a row that are none before the connection ends: nobody who types does that."""

_HASHING: Final = 2
"""PINs that are checked at a time; each takes a tenth of a second of a processor."""


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """What the node's parameters say of connections."""

    max_clients: int
    login_time: float


class Chat:
    """Listens, lets people in, and tells them what happens.

    Args:
        dialogue: Answers people.
        people: Who may come in.
        limits: Asked at every connection.
        me: Who greets.
        log: Told in words of who comes, and who is refused; never of a PIN.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        people: People,
        limits: Callable[[], ChatLimits],
        me: str,
        log: Callable[[str], None],
    ) -> None:
        self._dialogue = dialogue
        self._people = people
        self._limits = limits
        self._me = me
        self._log = log
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = Gate(lambda: asyncio.get_running_loop().time())
        self._hashing = asyncio.Semaphore(_HASHING)
        self.address: tuple[str, int] = ("", 0)
        self.refused = 0
        """Connections that were ended because they were too many, too slow or nonsense."""

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen.

        Raises:
            ConfigurationError: The port is taken, or the address is not this machine's.
        """
        try:
            self._server = await asyncio.start_server(self._serve, host, port, ssl=tls)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen for people: {error.strerror or error}",
                where=f"{host}:{port}",
                remedy="choose another port, or 0 for a free one",
            ) from error
        self.address = self._server.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Send everybody away, and listen no more. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for session in list(self._sessions):
            session.say("note", "the node stops; your jobs stay yours, come back in a moment")
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        if server is not None:
            await server.wait_closed()

    @property
    def present(self) -> list[str]:
        """Who is there."""
        return sorted({s.person.name for s in self._sessions if s.person is not None})

    def tell(self, happening: Happening) -> None:
        """Tell everybody who is there, but who did it. Never waits."""
        values = {"what": happening.what, "job": happening.job.model_dump(mode="json")}
        for session in list(self._sessions):
            if session.person is not None and session.person.name != happening.who:
                session.say("note", one_line(happening.words, 900), **values)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        session = _Session(writer, self._drop)
        self._sessions.add(session)
        try:
            if len(self._sessions) > self._limits().max_clients:
                self.refused += 1
                session.say("err", "too many are here; come back later")
                return
            await self._talk(session, reader)
        except (OSError, TimeoutError, ssl.SSLError):
            pass  # gone: what it has done is in the book
        except asyncio.CancelledError:
            # asyncio's own callback would log a cancelled connection as an error.
            if self._server is not None:
                raise
        finally:
            self._sessions.discard(session)
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError, TimeoutError, ssl.SSLError, asyncio.CancelledError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _talk(self, session: _Session, reader: asyncio.StreamReader) -> None:
        session.say("ok", f"transport of {self._me}; say: hello NAME PIN")
        loop = asyncio.get_running_loop()
        nonsense = 0
        async with asyncio.timeout(None) as patience:
            patience.reschedule(loop.time() + self._limits().login_time)
            async for line in lines(reader):
                if isinstance(line, BadLineError):
                    nonsense += 1
                    session.say("err", str(line))
                    if nonsense >= _NONSENSE:
                        self.refused += 1
                        return
                elif line:
                    nonsense = 0
                    answer = await self._answer(session, line)
                    if answer is not None and answer.leave:
                        return
                    if session.person is not None:
                        patience.reschedule(None)
                async with asyncio.timeout(_PATIENCE):
                    await session.drain()

    async def _answer(self, session: _Session, line: str) -> Answer | None:
        person, word = session.person, line.partition(" ")[0].lower()
        try:
            if word == "hello":
                await self._hello(session, line)
                return None
            if person is None and word not in ("help", "bye", "json"):
                session.say("err", "who are you? hello NAME PIN")
                return None
            if person is not None and person.name not in self._people.all():
                session.say("err", "you are not among the people any more")
                return Answer("", leave=True)
            answer = self._dialogue.answer(person or Person("", ""), line)
        except LabmeshError as error:
            remedy = f"; {error.remedy}" if error.remedy else ""
            session.say("err", one_line(f"{error.what}{remedy}", 900))
            return None
        for text, values in answer.lines:
            session.say("line", text, **values)
        if answer.as_json is not None:
            session.as_json = answer.as_json
        session.say("ok", answer.words, **answer.values)
        return answer

    async def _hello(self, session: _Session, line: str) -> None:
        _, _, rest = line.partition(" ")
        name, _, pin = rest.strip().partition(" ")
        wait = self._gate.wait(name)
        if wait:
            session.say("err", f"too many wrong PINs; try again in {wait:.0f} s")
            return
        async with self._hashing:
            person = await asyncio.to_thread(self._people.knows, name, pin.strip())
        if person is None:
            self._gate.wrong(name)
            self._log(f"somebody who says to be {one_line(name, 40)} was not let in")
            session.say("err", "no such name and PIN; labmesh transport person add makes one")
            return
        self._gate.right(name)
        session.person = person
        words = self._dialogue.answer(person, "me").words
        session.say("ok", f"hello, {words}; list shows what is to be carried", person=name)

    def _drop(self, session: _Session) -> None:
        self.refused += 1
        self._sessions.discard(session)
        self._log("a client of the chat does not read what it is told, and was dropped")


class _Session:
    """One connection."""

    def __init__(self, writer: asyncio.StreamWriter, dropped: Callable[[_Session], None]) -> None:
        self._writer = writer
        self._dropped = dropped
        self.person: Person | None = None
        self.as_json = False

    def say(self, kind: str, text: str, **values: Any) -> None:
        """Send a line, without waiting; a client that reads too slowly is dropped."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > _BEHIND:
            transport.abort()
            self._dropped(self)
            return
        if self.as_json:
            line = json.dumps({"kind": kind, "text": text, **values}, ensure_ascii=False)
        else:
            line = text if kind == "line" else f"{kind} {text}"
        self._writer.write(line.encode() + b"\n")

    async def drain(self) -> None:
        """Return when the client has taken most of what was sent."""
        await self._writer.drain()
