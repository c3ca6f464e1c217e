"""A mesh without a network, and a ledger that says what a test wants it to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from labmesh.clock import WallClock
from labmesh.mesh import Mesh
from labmesh.transport import Delivery, MemoryHub, MemoryTransport
from messages.envelope import Header, decode, encode
from messages.ids import NodeId
from messages.ledger import Receipt
from messages.model import Message
from messages.topics import Topic, Topics, parse_topic

ME = NodeId("kit", "me")
LEDGER = NodeId("kit", "broker")


async def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Return when the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def settle() -> None:
    """Let everything that is under way in memory arrive."""
    for _ in range(50):
        await asyncio.sleep(0)


@asynccontextmanager
async def seat(
    hub: MemoryHub, me: NodeId = ME, *, instance: str = "0", epoch: int = 1
) -> AsyncIterator[Mesh]:
    """Take a seat in the mesh of a hub."""
    transport = MemoryTransport(hub, client_id=f"{me}/{instance}")
    mesh = Mesh(transport, Topics(me), WallClock(), epoch=epoch, instance=instance)
    await transport.open()
    try:
        yield mesh
    finally:
        await mesh.close()
        await transport.close()


class FakeLedger:
    """Notes what is addressed to it; answers with receipts when told to.

    Attributes:
        heard: Topic, header and body of every message, in order.
        answer: Gives the receipt's reason of a message ("" accepts it), or None for silence.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.heard: list[tuple[Topic, Header, dict[str, Any]]] = []
        self.answer: Callable[[Topic, dict[str, Any]], str | None] = lambda _topic, _body: ""

    async def open(self) -> None:
        for kind in ("request", "cancel", "progress", "result"):
            pattern = self.mesh.topics.to_me(kind, "#")
            await self.mesh.transport.subscribe(pattern, self._take)

    def of(self, topic_kind: str, /, **fields: Any) -> list[dict[str, Any]]:
        """Return the bodies heard of one kind of topic, with these values among their fields."""
        bodies = [body for topic, _, body in self.heard if topic.kind == topic_kind]
        return [b for b in bodies if all(b.get(key) == value for key, value in fields.items())]

    async def receipt(self, header: Header, reason: str = "") -> None:
        """Accept, or with a reason refuse, a message."""
        receipt = Receipt(
            message=header.id, accepted=not reason, offset=None if reason else 7, reason=reason
        )
        await self.say("receipt", receipt, to=NodeId.parse(header.sender))

    async def say(self, kind: str, message: Message, *levels: str, to: NodeId = ME) -> None:
        """Send a message to somebody."""
        topic = self.mesh.topics.to(kind, to, *levels)
        await self.mesh.send(topic, message)

    async def _take(self, delivery: Delivery) -> None:
        raw = decode(delivery.payload)
        topic = parse_topic(delivery.topic)
        self.heard.append((topic, raw.header, raw.body))
        if raw.body.get("kind") in ("heartbeat", "feedback"):
            return
        reason = self.answer(topic, raw.body)
        if reason is not None:
            await self.receipt(raw.header, reason)


@asynccontextmanager
async def fake_ledger(hub: MemoryHub, me: NodeId = LEDGER) -> AsyncIterator[FakeLedger]:
    """Run a fake ledger on a hub."""
    async with seat(hub, me) as mesh:
        ledger = FakeLedger(mesh)
        await ledger.open()
        yield ledger


def payload(mesh: Mesh, message: Message, **changes: Any) -> bytes:
    """Return a message's bytes, its header changed."""
    header = mesh.header(type(message))
    fields = {name: getattr(header, name) for name in Header._fields}
    return encode(Header(**{**fields, **changes}), message)
