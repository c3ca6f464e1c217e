"""An MQTT broker's behaviour in memory: sessions, retained values, wills, expiry."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Protocol

from labmesh.transport._api import Will
from labmesh.transport._message import Message
from messages.topics import matches

_HUBS: Final[dict[str, MemoryHub]] = {}


class Port(Protocol):
    """The hub's view of a connection."""

    def receive(self, message: Message, mid: int, pattern: str) -> None:
        """Take a message that matches the filter ``pattern``."""
        ...

    def cut(self, reason: str) -> None:
        """End: the hub has dropped the connection."""
        ...


@dataclass(slots=True)
class Attachment:
    """A client's connection to the hub."""

    port: Port
    will: Will | None
    receive_maximum: int
    loop: asyncio.AbstractEventLoop


class Session:
    """What the hub knows of a client id."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.filters: dict[str, int] = {}
        self.attachment: Attachment | None = None
        self.expiry = 0
        self.ends: float | None = None
        self._queue: deque[tuple[Message, str]] = deque()
        self._unacknowledged: dict[int, tuple[Message, str]] = {}
        self._mid = 0
        self._scheduled = False

    def push(self, message: Message, pattern: str) -> None:
        """Queue a message for one filter; QoS 0 is not kept for the absent."""
        if self.attachment is None and not message.qos:
            return
        self._queue.append((message, pattern))
        self.schedule()

    def acknowledge(self, mid: int) -> None:
        """Forget a message the client has acknowledged."""
        self._unacknowledged.pop(mid, None)
        self.schedule()

    def requeue(self) -> None:
        """Deliver again what was not acknowledged, before anything else."""
        self._queue.extendleft(reversed(self._unacknowledged.values()))
        self._queue = deque((m, p) for m, p in self._queue if m.qos)
        self._unacknowledged.clear()

    def schedule(self) -> None:
        """Deliver in the next turn of the client's event loop."""
        if self._queue and self.attachment is not None and not self._scheduled:
            self._scheduled = True
            self.attachment.loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        while self._queue and (attachment := self.attachment) is not None:
            if len(self._unacknowledged) >= attachment.receive_maximum:
                return
            message, pattern = self._queue.popleft()
            if message.deadline is not None and message.deadline <= time.monotonic():
                continue
            mid = 0
            if message.qos:
                self._mid = mid = self._mid % 65535 + 1
                self._unacknowledged[mid] = message, pattern
            attachment.port.receive(message, mid, pattern)


class MemoryHub:
    """The MQTT broker of `MemoryTransport`: what users' tests connect nodes by.

    Keeps retained values, sessions (also of clients that are away, while their session expiry
    lasts) and wills as an MQTT broker does; like mosquitto it sends a copy a matching filter. All
    its clients live in one event loop.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._retained: dict[str, Message] = {}
        self._up = True
        self._banned: set[str] = set()
        self._waiting: list[asyncio.Future[None]] = []

    @classmethod
    def named(cls, name: str) -> MemoryHub:
        """Return this process's hub of that name, made at the first call."""
        return _HUBS.setdefault(name, cls())

    @property
    def retained(self) -> dict[str, bytes]:
        """The retained payloads by topic."""
        return {topic: message.payload for topic, message in self._retained.items()}

    @property
    def clients(self) -> list[str]:
        """The ids of the clients that are connected."""
        return [s.client_id for s in self._sessions.values() if s.attachment is not None]

    def drop(self, client_id: str, reason: str = "dropped by the hub") -> None:
        """Cut a client's connection as a broken network would; its will is published.

        Raises:
            KeyError: No such client is connected.
        """
        session = self._sessions[client_id]
        if session.attachment is None:
            raise KeyError(client_id)
        self._cut(session, reason)

    def ban(self, client_id: str, reason: str = "banned by the hub") -> None:
        """Drop a client, if it is there, and let it not come back until `pardon`."""
        self._banned.add(client_id)
        if client_id in self.clients:
            self.drop(client_id, reason)

    def pardon(self, client_id: str) -> None:
        """End `ban`."""
        self._banned.discard(client_id)
        self._admit()

    def stop(self) -> None:
        """Go down: drop every client, without wills, and admit nobody. Sessions are kept."""
        self._up = False
        for session in list(self._sessions.values()):
            if session.attachment is not None:
                self._cut(session, "the hub was stopped", will=False)

    def start(self) -> None:
        """Come back after `stop`."""
        self._up = True
        self._admit()

    # For a connection

    async def admission(self, client_id: str) -> None:
        """Wait until the hub takes this client."""
        while not self._up or client_id in self._banned:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def attach(
        self, client_id: str, attachment: Attachment, *, clean_start: bool, expiry: int
    ) -> tuple[Session, bool]:
        """Connect a client; return its session and whether that was there before."""
        old = self._sessions.get(client_id)
        if old is not None and old.attachment is not None:
            self._cut(old, "session taken over")
            old = self._sessions.get(client_id)
        if old is not None and old.ends is not None and old.ends <= time.monotonic():
            old = None
        present = old is not None and not clean_start
        session = old if old is not None and present else Session(client_id)
        session.attachment, session.expiry, session.ends = attachment, expiry, None
        self._sessions[client_id] = session
        session.schedule()
        return session, present

    def detach(self, session: Session, *, lost: bool) -> None:
        """Disconnect a client; with ``lost`` publish its will."""
        attachment, session.attachment = session.attachment, None
        session.requeue()
        if session.expiry:
            session.ends = time.monotonic() + session.expiry
        elif self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]
        if lost and attachment is not None and (will := attachment.will) is not None:
            self.publish(Message(will.topic, will.payload, will.qos, will.retain, None, None, None))

    def publish(self, message: Message) -> bool:
        """Take a message; return whether anybody subscribes to its topic."""
        if message.retain:
            if message.payload:
                self._retained[message.topic] = replace(message, retain=True)
            else:
                self._retained.pop(message.topic, None)
        found = False
        for session in list(self._sessions.values()):
            if session.ends is not None and session.ends <= time.monotonic():
                del self._sessions[session.client_id]
                continue
            for pattern, qos in session.filters.items():
                if matches(pattern, message.topic):
                    found = True
                    session.push(replace(message, qos=min(qos, message.qos), retain=False), pattern)
        return found

    def subscribe(self, session: Session, pattern: str, qos: int, *, replay: bool = True) -> None:
        """Subscribe, and replay the retained values that match.

        Without ``replay`` only where the session did not have the filter.
        """
        known = pattern in session.filters
        session.filters[pattern] = qos
        if known and not replay:
            return
        for topic, message in list(self._retained.items()):
            if message.deadline is not None and message.deadline <= time.monotonic():
                del self._retained[topic]
            elif matches(pattern, topic):
                session.push(replace(message, qos=min(qos, message.qos), retain=True), pattern)

    def _admit(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _cut(self, session: Session, reason: str, *, will: bool = True) -> None:
        attachment = session.attachment
        self.detach(session, lost=will)
        if attachment is not None:
            attachment.port.cut(reason)
