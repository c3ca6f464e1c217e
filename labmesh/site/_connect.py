"""Connections that find out: who is let in, who may say what, who is there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from labmesh.security import Account
from labmesh.transport import Delivery, Transport, make_transport
from messages.errors import ConfigurationError, LabmeshError, PublishRefusedError, TransportError
from messages.topics import BRIDGE, LINK

PATIENCE: Final = 10.0


@asynccontextmanager
async def connected(account: Account, *, patience: float = PATIENCE) -> AsyncIterator[Transport]:
    """Connect as ``account`` for as long as the block runs.

    Raises:
        LabmeshError: Nobody answers, the certificate is not good, or the account is refused.
    """
    transport = make_transport(account, client_id=f"labmesh-site-{secrets.token_hex(6)}")
    try:
        await transport.open(timeout=patience)
        yield transport
    finally:
        await transport.close()


async def may_publish(transport: Transport, topic: str) -> bool:
    """Tell whether the MQTT broker takes a message on ``topic``."""
    try:
        await transport.publish(topic, b"", qos=1)
    except PublishRefusedError:
        return False
    return True


async def sites_at(
    account: Account, realm: str, *, patience: float = PATIENCE
) -> dict[str, bool | None]:
    """Return the sites that an MQTT broker knows: whether each is linked, None for no bridge.

    Raises:
        LabmeshError: As `connected`.
    """
    links: dict[str, bool] = {}
    nodes: set[str] = set()

    def take(delivery: Delivery) -> None:
        site = delivery.topic.split("/")[1]
        if delivery.topic.endswith(f"/{BRIDGE}/{LINK}"):
            if delivery.payload:
                links[site] = delivery.payload == b"1"
        elif delivery.payload:
            nodes.add(site)

    async with connected(account, patience=patience) as transport:
        for pattern in (f"{realm}/+/{BRIDGE}/{LINK}", f"{realm}/+/+/node/alive/+"):
            await transport.subscribe(pattern, take)
        await _all_delivered(transport, account, realm)
    return {**dict.fromkeys(sorted(nodes)), **links}


async def clear(account: Account, patterns: list[str], realm: str) -> None:
    """Clear what is retained on topics that match, as somebody who may.

    Raises:
        LabmeshError: As `connected`.
    """
    topics: set[str] = set()

    def take(delivery: Delivery) -> None:
        if delivery.retain and delivery.payload:
            topics.add(delivery.topic)

    async with connected(account) as transport:
        for pattern in patterns:
            await transport.subscribe(pattern, take)
        await _all_delivered(transport, account, realm)
        for topic in sorted(topics):
            await transport.publish(topic, b"", qos=1, retain=True)


async def _all_delivered(transport: Transport, account: Account, realm: str) -> None:
    """Return once what was retained has come: a message of one's own comes after it."""
    site = account.site or account.username or ""
    name = account.name or "join"
    topic = f"{realm}/{site}/{name}/event/probe-{secrets.token_hex(6)}"
    back = asyncio.Event()
    await transport.subscribe(topic, lambda _: back.set())
    await transport.publish(topic, b"?", qos=1)
    try:
        async with asyncio.timeout(PATIENCE):
            await back.wait()
    except TimeoutError:
        raise TransportError(
            "the MQTT broker does not deliver what is published there", where=topic
        ) from None


def in_words(error: LabmeshError, url: str) -> ConfigurationError:
    """Return why a hub cannot be joined, with what to do."""
    return ConfigurationError(
        f"the hub cannot be joined: {error.what}",
        where=url,
        remedy=error.remedy or "is it running, and does a firewall let its port through?",
    )
