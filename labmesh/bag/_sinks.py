"""Who speaks when a bag is played: the player for itself, or each recorded author anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import Final, Protocol

from labmesh.bag._mapping import PlayMap
from labmesh.bag._record import BagMessage
from labmesh.mesh import Mesh
from labmesh.transport import Outbound, Transport
from messages.envelope import encode
from messages.errors import BagError, DecodeError, PublishRefusedError
from messages.ids import NodeId, new_id

_IN_FLIGHT: Final = 64
"""Batches whose acknowledgements may be outstanding."""


class Sink(Protocol):
    """Publishes recorded messages."""

    skipped: Counter[str]
    """Topics that were not played, with the number of messages."""

    async def send(self, messages: list[BagMessage]) -> int:
        """Publish messages in their order; return how many.

        Raises:
            BagError: The MQTT broker refused one.
        """
        ...

    async def settle(self) -> None:
        """Return when everything has been acknowledged; errors as `send`."""
        ...

    async def clear(self) -> None:
        """Clear what was retained by `send`."""
        ...


class _Publisher:
    """Publishes over one transport, many messages at a time, and remembers what it retained."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._under_way: list[asyncio.Future[list[Exception]]] = []
        self._retained: dict[str, None] = {}

    async def send(self, batch: list[tuple[Outbound, int]]) -> None:
        for sure, run in groupby(batch, key=lambda each: each[1] > 0):
            messages = [message for message, _ in run]
            self._retained.update(dict.fromkeys(m.topic for m in messages if m.retain))
            if sure:
                self._under_way.append(await self._transport.publish_all(messages))
                continue
            for message in messages:
                await self._transport.publish(
                    message.topic, message.payload, qos=0, retain=message.retain,
                    properties=message.properties,
                )  # fmt: skip
        if len(self._under_way) > _IN_FLIGHT:
            await self.settle()

    async def settle(self) -> None:
        futures, self._under_way = self._under_way, []
        for errors in await asyncio.gather(*futures):
            for error in errors:
                if isinstance(error, PublishRefusedError):
                    raise BagError(
                        f"the MQTT broker does not let this be played: {error.what}",
                        where=error.where,
                        remedy="without --as-recorded a bag is played below the player's own "
                        "prefix; with it the MQTT broker must let the player speak for others",
                    ) from error
                raise error

    async def clear(self) -> None:
        for topic in self._retained:
            await self._transport.publish(topic, b"", qos=1, retain=True, wait=False)
        self._retained.clear()


class BelowPrefix:
    """The player speaks, below its own prefix; each message says where it comes from.

    Envelopes get the player's name, epoch and numbers and an id of their own; type, stamp and body
    are as recorded. MQTT user properties ``recorded-from``, ``recorded-id`` and ``recorded-time``
    (ns UTC of receipt) name the original.

    Args:
        mesh: The player's.
        mapping: Where topics go.
    """

    def __init__(self, mesh: Mesh, mapping: PlayMap) -> None:
        self.skipped: Counter[str] = Counter()
        self._mesh = mesh
        self._mapping = mapping
        self._known: dict[str, str | None] = {}
        self._publisher = _Publisher(mesh.transport)

    async def send(self, messages: list[BagMessage]) -> int:
        """See `Sink.send`."""
        batch = [made for message in messages if (made := self._made(message)) is not None]
        await self._publisher.send(batch)
        return len(batch)

    async def settle(self) -> None:
        """See `Sink.settle`."""
        await self._publisher.settle()

    async def clear(self) -> None:
        """See `Sink.clear`."""
        await self._publisher.clear()

    def _made(self, message: BagMessage) -> tuple[Outbound, int] | None:
        channel = message.channel
        if channel.topic not in self._known:
            self._known[channel.topic] = self._mapping.played(channel.topic)
        topic = self._known[channel.topic]
        try:
            raw = message.envelope() if topic is not None else None
        except DecodeError:
            topic = None
        if topic is None:
            self.skipped[channel.topic] += 1
            return None
        properties = {"recorded-from": channel.topic, "recorded-time": str(message.log_time)}
        payload = message.data
        if raw is not None:
            properties |= {"type": raw.header.type, "recorded-id": str(raw.header.id)}
            mine = raw.header._replace(
                id=new_id(), sender=self._mesh.name, epoch=self._mesh.epoch,
                seq=self._mesh.next_seq(), trace="",
            )  # fmt: skip
            payload = encode(mine, raw.body)
        return Outbound(topic, payload, channel.retained, properties), channel.qos


class AsRecorded:
    """Every author speaks again, on its own topics, word for word; only for an isolated mesh.

    Args:
        connect: Returns an open transport that may publish below an author's prefix.
    """

    def __init__(self, connect: Callable[[NodeId], Awaitable[Transport]]) -> None:
        self.skipped: Counter[str] = Counter()
        self._connect = connect
        self._publishers: dict[str, _Publisher] = {}

    async def send(self, messages: list[BagMessage]) -> int:
        """See `Sink.send`. A topic without an author is skipped."""
        done = 0
        author, batch = "", list[tuple[Outbound, int]]()
        for message in messages:
            channel = message.channel
            if channel.author != author and batch:
                await (await self._publisher(author)).send(batch)
                batch = []
            author = channel.author
            try:
                payload = message.payload() if author else None
            except DecodeError:
                payload = None
            if payload is None:
                self.skipped[channel.topic] += 1
                continue
            batch.append((Outbound(channel.topic, payload, channel.retained), channel.qos))
            done += 1
        if batch:
            await (await self._publisher(author)).send(batch)
        return done

    async def settle(self) -> None:
        """See `Sink.settle`."""
        for publisher in self._publishers.values():
            await publisher.settle()

    async def clear(self) -> None:
        """See `Sink.clear`."""
        for publisher in self._publishers.values():
            await publisher.clear()

    async def _publisher(self, author: str) -> _Publisher:
        if author not in self._publishers:
            transport = await self._connect(NodeId.parse(author))
            self._publishers[author] = _Publisher(transport)
        return self._publishers[author]
