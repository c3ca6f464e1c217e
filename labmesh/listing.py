"""Complete listings of retained messages: no daemon, and no guessing how long to wait."""

from __future__ import annotations

import asyncio
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
    """Return every retained message that matches ``pattern``, in the order of arrival.

    After the SUBSCRIBE a probe is published with QoS 1 to one's own prefix; MQTT brokers keep the
    order of one client's QoS 1 messages, so once the probe is back every retained one has come.

    Raises:
        NotConnectedError: The probe did not come back within ``timeout`` seconds.
    """
    found: list[tuple[Topic, M]] = []

    def take(message: M, _header: Header, topic: Topic) -> None:
        found.append((topic, message))

    subscription = await mesh.on_message(pattern, model, take)
    try:
        await probe(mesh, timeout=timeout)
    finally:
        await subscription.cancel()
    return found


async def probe(mesh: Mesh, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109
    """Return once everything the MQTT broker had for this connection has been delivered.

    Raises:
        NotConnectedError: The probe did not come back within ``timeout`` seconds.
    """
    back = asyncio.Event()
    topic = mesh.topics.own("event", f"probe-{new_id().hex}")

    def take(_delivery: Delivery) -> None:
        back.set()

    subscription = await mesh.transport.subscribe(topic, take)
    try:
        async with asyncio.timeout(timeout):
            await mesh.send(topic, Milestone(task="probe", done=0), expiry=timeout)
            await back.wait()
    except TimeoutError:
        raise NotConnectedError(
            f"the MQTT broker did not return a probe within {timeout:g} s",
            where=topic,
            remedy="check that it runs, and that this user may publish below its own prefix",
        ) from None
    finally:
        await subscription.cancel()
