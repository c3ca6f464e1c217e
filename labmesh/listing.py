"""Complete listings of retained messages: no daemon, and no guessing how long to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from labmesh.mesh import Mesh
from labmesh.transport import Delivery
from messages.envelope import Header
from messages.errors import NotConnectedError
from messages.ids import new_id
from messages.model import Message
from messages.node import Milestone
from messages.topics import Topic

M = TypeVar("M", bound=Message)


async def retained(
    mesh: Mesh,
    pattern: str,
    model: type[M],
    *,
    timeout: float = 5.0,  # noqa: ASYNC109
) -> list[tuple[Topic, M]]:
    """Return every retained message that matches ``pattern``, the last value of each topic.

    After the SUBSCRIBE a probe is published with QoS 1 to one's own prefix; MQTT brokers keep the
    order of one client's QoS 1 messages, so once the probe is back every retained one has come.

    Raises:
        NotConnectedError: The probe did not come back within ``timeout`` seconds.
    """
    found: dict[Topic, M] = {}

    def take(message: M, _header: Header, topic: Topic) -> None:
        found[topic] = message

    def cleared(topic: Topic) -> None:
        found.pop(topic, None)

    async with _patience(timeout, pattern):
        subscription = await mesh.on_message(pattern, model, take, cleared=cleared)
        try:
            await probe(mesh, timeout=timeout)
        finally:
            await subscription.cancel()
    return list(found.items())


async def probe(mesh: Mesh, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
    """Return once everything the MQTT broker had for this connection has been delivered.

    Raises:
        NotConnectedError: The probe did not come back within ``timeout`` seconds.
    """
    back = asyncio.Event()
    topic = mesh.topics.own("event", f"probe-{new_id().hex}")

    def take(_delivery: Delivery) -> None:
        back.set()

    async with _patience(timeout, topic):
        subscription = await mesh.transport.subscribe(topic, take)
        try:
            await mesh.send(topic, Milestone(task="probe", done=0), expiry=timeout)
            await back.wait()
        finally:
            await subscription.cancel()


@asynccontextmanager
async def _patience(seconds: float, where: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise NotConnectedError(
            f"the MQTT broker did not return a probe within {seconds:g} s",
            where=where,
            remedy="check that it runs, and that this user may publish below its own prefix",
        ) from None
