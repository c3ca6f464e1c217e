"""What nodes tell other sites while something at their own is confidential."""

from __future__ import annotations

import pytest

from labmesh.discretion import Discretion
from labmesh.mesh import Mesh
from labmesh.transport import Delivery, MemoryHub
from messages.access import SiteAccess
from messages.envelope import decode
from messages.ids import NodeId
from messages.node import LogRecord, Milestone, NodeEvent, Problem
from tests.labmesh.memory import seat, settle

LEDGER = NodeId("kit", "broker")


async def say(ledger: Mesh, *, confidential: bool) -> None:
    await ledger.keep(ledger.topics.own("access"), SiteAccess(confidential=confidential))
    await settle()


async def test_a_node_heeds_the_ledgers_of_its_site() -> None:
    hub = MemoryHub()
    async with (
        seat(hub, LEDGER) as ledger,
        seat(hub, NodeId("dtu", "broker")) as strange,
        seat(hub) as mesh,
    ):
        discretion = Discretion(mesh, LEDGER)
        await discretion.open()
        await say(strange, confidential=True)
        assert not discretion.asked
        assert discretion.answers("stock.levels", "dtu/opt")
        await say(ledger, confidential=True)
        assert discretion.asked
        assert mesh.discreet
        for service in ("stock.levels", "instrument.journal", "agent.log"):
            assert not discretion.answers(service, "dtu/opt")
            assert discretion.answers(service, "kit/opt")
        assert discretion.answers("param.get", "dtu/opt")
        assert discretion.answers("node.ping", "dtu/opt")
        assert not discretion.gives("ab" * 32, "dtu/opt")
        assert discretion.gives("ab" * 32, "kit/opt")
        await say(ledger, confidential=False)
        assert discretion.gives("ab" * 32, "dtu/opt")
        assert not mesh.discreet
        await say(ledger, confidential=True)
        await ledger.clear(ledger.topics.own("access"))
        await settle()
        assert not discretion.asked


async def test_a_ledger_elsewhere_gets_what_it_asks_for() -> None:
    hub = MemoryHub()
    async with seat(hub, LEDGER) as ledger, seat(hub) as mesh:
        discretion = Discretion(mesh, NodeId("hub", "broker"))
        await discretion.open()
        await say(ledger, confidential=True)
        assert discretion.gives("ab" * 32, "hub/broker")
        assert not discretion.gives("ab" * 32, "hub/other")


@pytest.mark.parametrize(
    ("topic", "message", "crosses"),
    [
        ("log/error", LogRecord(level="error", logger="x", text="it is 7", values={"x": 7}), False),
        ("log/info", LogRecord(level="info", logger="x", text="it is 7"), True),
        ("event/milestone", Milestone(task="t", done=1, text="it is 7"), False),
        ("event/void", NodeEvent(kind="void", text="it is 7", values={"x": "is 7"}), False),
        ("event/lifecycle", NodeEvent(kind="lifecycle", text="it is 7"), True),
        ("event/problem", Problem(topic="t", reason="it is 7"), False),
    ],
)
async def test_words_stay_one_level_deeper(
    topic: str, message: LogRecord | Milestone | NodeEvent | Problem, crosses: bool
) -> None:
    hub = MemoryHub()
    heard: dict[str, str] = {}

    def take(delivery: Delivery) -> None:
        heard[delivery.topic.removeprefix("lab1/kit/me/")] = repr(decode(delivery.payload).body)

    async with seat(hub) as mesh, seat(hub, NodeId("kit", "other")) as other:
        await other.transport.subscribe("lab1/kit/me/#", take)
        mesh.discreet = True
        await mesh.send(mesh.topics.own(*topic.split("/")), message)
        await settle()
    assert ("is 7" in heard[topic]) == crosses
    assert crosses or "is 7" in heard[f"{topic}/here"]
