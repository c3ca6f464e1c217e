"""One look at whether a link is as good as it says."""

from __future__ import annotations

import pytest

import labmesh.client._beyond as module
from labmesh.calls import Server
from labmesh.client import ask_beyond
from labmesh.links import Links
from labmesh.transport import MemoryHub
from messages.ids import NodeId
from messages.topics import link_topic
from tests.labmesh.memory import seat

HUB, DTU = NodeId("hub", "broker"), NodeId("dtu", "opt")


async def test_where_nobody_beyond_answers_the_link_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    memory, links = MemoryHub(), Links("kit")
    async with seat(memory) as me:
        # Not bridged: nothing is in doubt, and nobody is asked.
        await ask_beyond(me, links, [HUB])
        assert links.reaches("hub")
        links.take(link_topic("lab1", "kit"), b"1")
        # Nobody is there to be asked.
        await ask_beyond(me, links, [me.me])
        assert links.reaches("hub")
        await ask_beyond(me, links, [DTU, HUB])
        assert links.down("hub") == "the link of site kit is down"


async def test_one_answer_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 5.0)
    memory, links = MemoryHub(), Links("kit")
    async with seat(memory) as me, seat(memory, HUB) as far:
        server = Server(far)
        server.add("node.ping", _pong)
        await server.open()
        links.take(link_topic("lab1", "kit"), b"1")
        await ask_beyond(me, links, [DTU, HUB])
        assert links.reaches("hub")


async def _pong(_arguments: object, _header: object) -> dict[str, object]:
    return {}
