"""The ledger loses its connection: whoever was there is not taken for lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labmesh.transport import MemoryHub
from messages.ledger import Order
from nodes.broker import _engine
from tests.nodes.broker.test_engine import Party, engine_on, request


async def test_a_node_that_is_back_before_the_ledger_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it is online once, and the ledger hears that before anything else."""
    monkeypatch.setattr(_engine, "_PATIENCE", 0.2)
    hub = MemoryHub()
    asab, opt = Party(hub, "asab"), Party(hub, "opt")
    await asab.open()
    await opt.open()
    await asab.work()
    async with engine_on(hub, tmp_path / "ledger.sqlite") as engine:
        mesh = engine._mesh
        for _ in range(3):
            hub.drop("kit/broker/0")
            async with asyncio.timeout(10):
                while not mesh.transport.connected:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            assert engine.ledger.catalogue.online("kit/asab")
        await opt.send("request", request(), "q", "m")
        assert isinstance((await asab.wait(Order))[0], Order)
    await asab.close()
    await opt.close()


async def test_a_node_that_does_not_come_back_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The MQTT broker forgot everything; nobody's will is published any more."""
    monkeypatch.setattr(_engine, "_PATIENCE", 0.2)
    hub = MemoryHub()
    asab = Party(hub, "asab")
    await asab.open()
    await asab.work()
    async with engine_on(hub, tmp_path / "ledger.sqlite") as engine:
        async with asyncio.timeout(10):
            while not engine.ledger.catalogue.online("kit/asab"):
                await asyncio.sleep(0.01)
            hub._retained.clear()
            hub.drop("kit/broker/0")
            while engine.ledger.catalogue.online("kit/asab"):
                await asyncio.sleep(0.01)
    await asab.close()
