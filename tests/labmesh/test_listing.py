"""Complete listings of retained messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from labmesh.listing import probe, retained
from labmesh.mesh import Mesh
from labmesh.transport import MemoryHub
from messages.errors import NotConnectedError
from messages.ids import NodeId
from messages.node import Diagnostic, Level
from tests.labmesh.memory import seat, until

OTHER = NodeId("kit", "other")


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


@pytest.fixture
async def mesh(hub: MemoryHub) -> AsyncIterator[Mesh]:
    async with seat(hub) as made:
        yield made


def said(text: str) -> Diagnostic:
    return Diagnostic(level=Level.OK, message=text)


async def test_a_listing_is_complete_and_has_one_value_a_topic(hub: MemoryHub, mesh: Mesh) -> None:
    async with seat(hub, OTHER) as other:
        for n in range(300):
            await other.keep(other.topics.own("node", "diag", f"d{n}"), said("old"))
        await other.keep(other.topics.own("node", "diag", "d7"), said("new"))
        await other.clear(other.topics.own("node", "diag", "d8"))
        found = await retained(mesh, other.topics.of(OTHER, "node", "diag", "+"), Diagnostic)
    assert len(found) == 299
    assert [d.message for t, d in found if t.rest == ("diag", "d7")] == ["new"]
    assert await retained(mesh, "lab1/kit/nobody/#", Diagnostic) == []


async def test_a_listing_without_an_answer_ends_in_words(hub: MemoryHub, mesh: Mesh) -> None:
    hub.ban("kit/me/0")
    await until(lambda: not mesh.transport.connected)
    for ask in (retained(mesh, "lab1/#", Diagnostic, timeout=0.2), probe(mesh, timeout=0.2)):
        with pytest.raises(NotConnectedError, match="within 0.2 s"):
            await asyncio.wait_for(ask, 5)
