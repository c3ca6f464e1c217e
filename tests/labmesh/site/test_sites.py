"""A hub and a site with real MQTT brokers over TLS: one lab, and no more for who was revoked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from labmesh.client import Visitor, visit
from labmesh.node import Node, NodeOptions
from labmesh.place import Place
from labmesh.security import Account
from labmesh.security.authority import Authority
from labmesh.site import Certificate, SiteFolder, sites_at
from labmesh.site._connect import connected
from labmesh.transport import Transport
from messages.errors import CallTimeoutError, LabmeshError
from messages.ids import NodeId
from messages.node import State
from tests.labmesh.site.conftest import Sites


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


def place(account: Path) -> Place:
    known = Account.read(account)
    return Place(mqtt=known.url, site=known.site or "", account=known)


@asynccontextmanager
async def node(account: Path, name: str, folder: Path) -> AsyncIterator[Node]:  # type: ignore[type-arg]
    made: Node = Node(  # type: ignore[type-arg]
        NodeOptions(place=place(account), name=name, data_dir=folder)
    )
    running = asyncio.create_task(made.run())
    try:
        await until(lambda: made.state is State.ACTIVE or running.done())
        yield made
    finally:
        made.finish()
        await asyncio.gather(running, return_exceptions=True)


async def pinged(who: Visitor, name: str) -> bool:
    try:
        await who.caller.call(NodeId.parse(name), "node.ping", {}, timeout=2)
    except CallTimeoutError:
        return False
    return True


async def until_pinged(who: Visitor, name: str) -> None:
    async with asyncio.timeout(60):
        while not await pinged(who, name):
            pass


async def links(folder: SiteFolder) -> dict[str, bool | None]:
    return await sites_at(Account.read(folder.account("cli")), "lab1")


async def until_link(folder: SiteFolder, site: str, up: bool | None) -> None:
    async with asyncio.timeout(60):
        while (await links(folder)).get(site) is not up:
            await asyncio.sleep(0.1)


async def let_in(account: Path) -> bool:
    try:
        async with connected(Account.read(account), patience=5):
            return True
    except LabmeshError:
        return False


async def cut_off(transport: Transport) -> None:
    await until(lambda: not transport.connected)


@pytest.mark.timeout(300)
async def test_sites_become_one_lab_until_one_is_revoked(sites: Sites, tmp_path: Path) -> None:
    kit, dtu = sites.make("kit", "--hub"), sites.make("dtu")
    sites("add-node", "rinser", "--role", "instrument", site="dtu")
    Authority.open(kit.authority).issue_server(["localhost"], kit.certificate, kit.key, days=9)
    page = kit.description.read_text()
    kit.description.write_text(page.replace("cli: operator", "cli: viewer"))
    hub = await sites.start("kit")
    assert "site.yaml says something else" in hub.output, "it starts as it was, and says so"
    kit.description.write_text(page)
    assert Certificate.read(kit.certificate).days > 300, "one that ends soon is renewed at a start"
    said = await sites.off_loop("invite", "dtu", site="kit")
    assert "labmesh site join --token-file" in said
    token = kit.invitation("dtu")
    said = await sites.off_loop("join", "--token-file", token, site="dtu")
    assert "site dtu has joined hub kit" in said
    bridged = await sites.start("dtu")
    await until_link(kit, "dtu", up=True)

    # A site without an MQTT broker of its own: its nodes connect to the hub themselves.
    await sites.off_loop("invite", "uu", site="kit")
    said = await sites.off_loop("join", "--token-file", kit.invitation("uu"), site="uu")
    assert "its nodes connect to the hub themselves" in said
    uu = sites.folder("uu")
    said = await sites.off_loop("status", site="uu")
    assert "none of its own" in said
    assert "direct" in said

    async with (
        visit(place(kit.account("cli")), "cli") as operator,
        node(dtu.account("rinser"), "rinser", tmp_path / "data"),
        node(uu.hub, "model", tmp_path / "data"),
        visit(place(dtu.account("cli")), "cli") as far,
    ):
        await until_pinged(operator, "dtu/rinser")
        await until_pinged(operator, "uu/model")
        # The first site learns of the third one when it asks.
        assert not await pinged(far, "uu/model")
        said = await sites.off_loop("status", site="dtu")
        assert "kit, mqtts://localhost:" in said
        assert "up" in said
        said = await sites.off_loop("refresh", site="dtu")
        assert "sites at hub kit: kit, uu" in said
        assert "restart the MQTT broker" in said

        # A new password for one account: who had the old one is cut off, all others are not.
        old = Account.read(kit.account("launch"))
        async with connected(old) as stale, connected(Account.read(kit.account("agent"))) as other:
            await sites.off_loop("rotate", "launch", site="kit")
            await cut_off(stale)
            assert other.connected
        assert await let_in(kit.account("launch"))
        assert Account.read(kit.account("launch")).password != old.password

        # A new certificate is taken over while everything goes on.
        await sites.off_loop("rotate", "--certificates", site="kit")
        assert await let_in(kit.account("cli"))
        await until_pinged(operator, "dtu/rinser")

        # An account that is gone.
        gone = Account.read(kit.account("agent"))
        async with connected(gone) as revoked:
            await sites.off_loop("revoke", "agent", site="kit")
            await cut_off(revoked)
        assert "it was revoked" in await sites.off_loop("revoke", "agent", site="kit", code=2)
        assert "agent" not in await sites.off_loop("check", site="kit")

        # A site that is gone: its bridge is cut off, its nodes are heard of no more.
        await sites.off_loop("revoke", "dtu", site="kit")
        assert "dtu" not in await links(kit)
        assert not await pinged(operator, "dtu/rinser")
        await until_pinged(operator, "uu/model")
        assert await let_in(dtu.account("rinser")), "its own MQTT broker goes on"
        assert not token.exists(), "an invitation to nothing is not left lying about"
    bridged.terminate()
    assert await bridged.wait() == 0
