"""A leak test: what is confidential at one site arrives at no other, and what is not does.

Two sites and a hub, each with a mosquitto of its own, bridged as in a lab. A word is put into
parameters, data, a sample's place, an artifact, logs, events and failures of a campaign, once for
a confidential one and once for another. Everything that arrives at the other site and at the hub is
recorded, everything that can be asked there is asked.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from labmesh.calls import Caller
from labmesh.client import LabClient, Visitor, requester, visit
from labmesh.crate import CrateDescription, write_crate
from labmesh.mosquitto import Bridge
from labmesh.place import Place
from labmesh.record import file_record
from labmesh.transport import Delivery
from messages.access import DECLARATION
from messages.envelope import pack
from messages.errors import (
    ArtifactError,
    CallError,
    CallRefusedError,
    ConfigurationError,
    LabmeshError,
    RefusedError,
)
from messages.ids import NodeId
from messages.ledger import Result
from messages.model import JsonObject
from nodes.broker import transfer
from tests.mesh.conftest import ROOT
from tests.support import MqttBroker, Processes

SITES = ("kit", "dtu", "hub")
SECRET, LATER, PLAIN = b"MARKERsecret", b"MARKERlater", b"MARKERplain"
LEDGER = NodeId("kit", "broker")
TALKER = NodeId("kit", "talker")
SEARCH = NodeId("kit", "search")


@dataclass
class Recorder:
    """Everything that arrives at a site's MQTT broker."""

    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def take(self, delivery: Delivery) -> None:
        self.heard.append((delivery.topic, delivery.payload))

    def where(self, marker: bytes, since: int = 0) -> list[str]:
        """The topics of kit's nodes on which a marker came, in the name or in the content."""
        return [
            topic for topic, payload in self.heard[since:]
            if topic.startswith("lab1/kit/") and (marker in payload or marker in topic.encode())
        ]  # fmt: skip


@dataclass
class Seat:
    """Somebody at a site."""

    visitor: Visitor
    lab: LabClient
    recorder: Recorder


@dataclass
class World:
    """The lab of the test: Ada at the ledger's site, Eve at another, somebody at the hub."""

    folder: Path
    ada: Seat
    eve: Seat
    hub: Seat


@asynccontextmanager
async def seat(mqtt: MqttBroker, site: str, name: str) -> AsyncIterator[Seat]:
    place = Place(mqtt=mqtt.url, site=site, ledger=LEDGER)
    async with visit(place, name) as visitor, requester(visitor) as lab:
        recorder = Recorder()
        await visitor.mesh.transport.subscribe("#", recorder.take)
        yield Seat(visitor, lab, recorder)


@pytest.fixture
async def world(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("LABMESH_DATA_DIR", str(tmp_path / "visitors"))
    with MqttBroker(tmp_path / "mqtt-hub", sites=("hub",), bridged=("kit", "dtu")) as hub:

        def bridged(site: str) -> MqttBroker:
            peers = tuple(each for each in SITES if each != site)
            line = Bridge(site=site, host="127.0.0.1", port=hub.port, peers=peers)
            return MqttBroker(tmp_path / f"mqtt-{site}", sites=(site,), bridge=line)

        with bridged("kit") as kit, bridged("dtu") as dtu:
            async with AsyncExitStack() as stack:
                enter = stack.enter_async_context
                for program, name in (
                    ("broker", "broker"), ("tests.mesh.secret_node:TalkativeNode", "talker"),
                    ("search", "search"),
                ):  # fmt: skip
                    await processes.start(
                        sys.executable, "-m", "labmesh.node", program, "--site", "kit",
                        "--name", name, "--mqtt", kit.url, "--data-dir", str(tmp_path / "data"),
                        name=name, env={"PYTHONPATH": str(ROOT)},
                    )  # fmt: skip
                made = World(
                    tmp_path / "data" / "kit" / "broker",
                    await enter(seat(kit, "kit", "ada")),
                    await enter(seat(dtu, "dtu", "eve")),
                    await enter(seat(hub, "hub", "bob")),
                )
                for each in (made.ada, made.eve, made.hub):
                    await until_offered(each.lab)
                yield made


async def until_offered(lab: LabClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                offers = (await lab.query("query.offers", timeout=1.0))["offers"]
            except CallError:
                continue
            if any(each["online"] and each["active"] for each in offers):
                return
            await asyncio.sleep(0.05)


async def declare(lab: LabClient, subject: str, name: str, level: str) -> None:
    about = {"subject": subject, "name": name}
    said = {**about, "level": level, "person": "Ada", "reason": f"{SECRET.decode()} patent"}
    quantity, method = DECLARATION
    await lab.post_result(
        Result(
            quantity=quantity, method=method, parameters=about, outcome="resolved", data=said,
            campaign=name if subject == "campaign" else None,
        )
    )  # fmt: skip


async def say(
    lab: LabClient, marker: bytes, campaign: str, number: int = 1, **fields: Any
) -> JsonObject:
    """Run a request of a campaign; return its result, failed or not."""
    word = marker.decode()
    handle = await lab.submit(
        "word", "saying", {"word": word, "sample": f"{word}-{number}", **fields}, campaign=campaign
    )
    await handle.done(timeout=30)
    found = await lab.query("query.results", {"request": str(handle.id)})
    return dict(found["results"][-1])


async def test_what_is_confidential_arrives_nowhere_else(world: World) -> None:
    ada, eve = world.ada.lab, world.eve.lab
    # A campaign that nobody had declared when it ran; what has left has left, but no more of it.
    later = await say(ada, LATER, "later")
    await arrived(world.eve.recorder, LATER)
    # One of Eve's own, under way while it is declared: its result is not for her any more.
    go = world.folder / "go"
    hers = await eve.submit(
        "word", "saying", {"word": LATER.decode(), "sample": "hers", "file": str(go)},
        campaign="later",
    )  # fmt: skip
    await until_running(eve, hers.id)
    await declare(ada, "campaign", "secret", "confidential")
    await declare(ada, "campaign", "later", "confidential")
    await until_discreet(world)
    marks = {id(each): len(each.recorder.heard) for each in (world.eve, world.hub)}
    secret = [await say(ada, SECRET, "secret"), await say(ada, SECRET, "secret", 2, fail=True)]
    # One thing of an open campaign: its word is in the request, too.
    await declare(ada, "sample", f"{SECRET.decode()}-3", "confidential")
    secret.append(await say(ada, SECRET, "open", 3))
    go.touch()
    await until_resolved(ada, hers.id)
    plain = await say(ada, PLAIN, "open")
    handle = await eve.submit(
        "word", "saying", {"word": f"{PLAIN.decode()}-eve", "sample": "eves"}, campaign="open"
    )
    assert (await handle.result(timeout=30)).data["word"] == f"{PLAIN.decode()}-eve"
    await arrived(world.eve.recorder, PLAIN)

    for other in (world.eve, world.hub):
        answers = await everything_asked(other)
        assert SECRET not in answers
        assert LATER not in answers
        assert PLAIN in answers
        assert await artifacts_of(other, plain, world.folder) == [
            f"raw {PLAIN.decode()}\n".encode() * 2000
        ]
        for result in (*secret, later):
            assert await artifacts_of(other, result, world.folder) == []
            assert await pieces_of(other, result) == []
        assert len(await pieces_of(other, plain)) == 1
        assert other.recorder.where(SECRET) == []
        assert other.recorder.where(LATER, marks[id(other)]) == []
        assert other.recorder.where(PLAIN)
        # What is for the site alone, no bridge carries.
        assert not [t for t, _ in other.recorder.heard if t.endswith(("/here", "/broker/access"))]
        assert await retained_now(other, SECRET) == []
        # Of what was told before, nothing is left but the name that everybody had heard.
        covered = f"lab1/kit/broker/sample/{LATER.decode()}-1"
        assert await retained_now(other, LATER) == [covered]
        assert await retained_now(other, b"shelf " + LATER) == []
        assert f"lab1/kit/broker/sample/{PLAIN.decode()}-1" in await retained_now(other, PLAIN)
    for seat in (world.eve, world.hub, world.ada):
        found = await searched(seat)
        assert PLAIN in found
        assert (SECRET in found) == (LATER in found) == (seat is world.ada)
    # At home nothing of it is hidden.
    at_home = await everything_asked(world.ada)
    assert SECRET in at_home
    assert LATER in at_home
    assert len(await artifacts_of(world.ada, secret[0], world.folder)) == 1
    assert "lab1/kit/talker/log/warn/here" in world.ada.recorder.where(SECRET)
    await refused_from_elsewhere(eve, secret[0])
    with pytest.raises(CallRefusedError, match="has no sample"):
        await eve.query("query.sample", {"id": f"{SECRET.decode()}-1"})
    assert (await ada.query("query.sample", {"id": f"{SECRET.decode()}-1"}))["states"]
    export_refused(world.folder)
    written = await crate_of(world.folder, "open")
    assert PLAIN in written
    assert SECRET not in written
    assert LATER not in written
    with pytest.raises(LabmeshError, match="confidential"):
        await crate_of(world.folder, "secret")


async def until_discreet(world: World) -> None:
    """Wait until the node has heard the ledger's word: it tells others nothing of its work."""
    async with asyncio.timeout(10):
        while True:
            try:
                await world.eve.visitor.caller.call(TALKER, "notes.list", {}, timeout=2.0)
            except CallRefusedError as error:
                if error.code == "confidential":
                    return
                raise
            await asyncio.sleep(0.05)


async def until_running(lab: LabClient, request: UUID) -> None:
    async with asyncio.timeout(20):
        while await status_of(lab, request) != "running":
            await asyncio.sleep(0.05)


async def until_resolved(lab: LabClient, request: UUID) -> None:
    async with asyncio.timeout(20):
        while await status_of(lab, request) != "resolved":
            await asyncio.sleep(0.05)


async def status_of(lab: LabClient, request: UUID) -> str:
    return str((await lab.query("query.request", {"id": str(request)}))["request"]["status"])


async def arrived(recorder: Recorder, marker: bytes) -> None:
    """Wait until the last that could carry a marker is there: its sample's topic."""
    async with asyncio.timeout(10):
        while not any("/sample/" in topic for topic in recorder.where(marker)):
            await asyncio.sleep(0.05)


async def everything_asked(seat: Seat) -> bytes:
    """Everything that services answer: whole lists, each thing by itself, refusals."""
    said: list[bytes] = []

    async def ask(node: NodeId, service: str, **arguments: Any) -> JsonObject:
        try:
            answer = await seat.visitor.caller.call(node, service, arguments, timeout=10.0)
        except CallError as error:
            said.append(str(error).replace(str(arguments.get("id", "?")), "").encode())
            return {}
        said.append(pack(answer))
        return answer

    journal = await ask(LEDGER, "journal.read", limit=500)
    assert [entry["offset"] for entry in journal["entries"]] == list(range(len(journal["entries"])))
    for service in ("query.requests", "query.results", "query.samples", "query.artifacts"):
        for more in ({}, {"newest_first": True}, {"campaign": "secret"}):
            if "campaign" not in more or service in ("query.requests", "query.results"):
                await ask(LEDGER, service, limit=500, **more)
    for service in ("ledger.stats", "ledger.head", "query.capabilities", "query.offers"):
        await ask(LEDGER, service)
    for entry in journal["entries"]:
        for service in ("query.request", "query.result"):
            await ask(LEDGER, service, id=str(entry["uuid"]))
    for marker in (SECRET, LATER, PLAIN):
        await ask(LEDGER, "query.samples", location=f"shelf {marker.decode()}")
    await ask(TALKER, "notes.list")
    await ask(TALKER, "param.get")
    return b"\n".join(said)


async def artifacts_of(seat: Seat, result: JsonObject, folder: Path) -> list[bytes]:
    """The contents of a result's artifacts that can be had, from the ledger or from the author."""
    found: list[bytes] = []
    for ref in result["artifacts"]:
        file = folder / f"{seat.visitor.mesh.me.node}-{ref['sha256']}"
        try:
            async with asyncio.timeout(30):
                await seat.lab.artifact(ref["sha256"], to=file)
        except ArtifactError:
            continue
        found.append(file.read_bytes())
    return found


async def pieces_of(seat: Seat, result: JsonObject) -> list[bytes]:
    """The pieces that the broker node itself gives to who knows the hash."""
    caller = Caller(seat.visitor.mesh, kind="fetch")
    await caller.open()
    found: list[bytes] = []
    for ref in result["artifacts"]:
        try:
            piece = await caller.call(LEDGER, ref["sha256"], {"offset": 0, "length": 100})
        except CallRefusedError:
            continue
        found.append(piece["data"])
    return found


async def retained_now(seat: Seat, marker: bytes) -> list[str]:
    """The topics whose retained value carries a marker for somebody who comes only now."""
    late = Recorder()
    place = seat.visitor.place
    async with visit(place, f"late-{seat.visitor.mesh.me.node}") as visitor:
        await visitor.mesh.transport.subscribe("lab1/#", late.take)
        await asyncio.sleep(0.2)
    return late.where(marker)


async def searched(seat: Seat) -> bytes:
    """Everything that the search node at the ledger's site says, once it knows all."""
    call, said = seat.visitor.caller.call, []
    async with asyncio.timeout(30):
        while True:
            status = await call(SEARCH, "search.status", {}, timeout=10.0)
            if status["offset"] == (await seat.lab.query("ledger.head"))["offset"]:
                break
            await asyncio.sleep(0.1)
    where = 'FILTER(CONTAINS(CONCAT(STR(?s), " ", STR(?o)), "MARKER"))'
    after: int | None = 0
    while after is not None:
        query = f"SELECT ?s ?p ?o WHERE {{ ?s ?p ?o {where} }} ORDER BY ?s ?p ?o"
        page = await call(SEARCH, "search.sparql", {"query": query, "after": after}, timeout=20.0)
        said.append(page["text"].encode())
        after = page["next"]
    return b"".join(said)


async def crate_of(folder: Path, campaign: str) -> bytes:
    """Every byte of a campaign's crate, unpacked."""
    target = folder / f"crate-{campaign}"
    record = file_record(str(folder / "ledger.sqlite"), folder / "artifacts")
    await write_crate(record, campaign, target, CrateDescription(title="A leak test"))
    parts = []
    for file in sorted(each for each in target.rglob("*") if each.is_file()):
        content = file.read_bytes()
        parts += [file.name.encode(), content]
        if file.suffix == ".gz":
            parts.append(gzip.decompress(content))
    return b"".join(parts)


async def refused_from_elsewhere(eve: LabClient, secret: JsonObject) -> None:
    for more in ({"campaign": "secret"}, {"parent": UUID(secret["request"])}):
        with pytest.raises(RefusedError, match="taken from nodes of site kit alone"):
            await eve.submit("word", "saying", {"word": "x", "sample": "y"}, **more)
    with pytest.raises(RefusedError, match="stays at site kit"):
        await declare(eve, "campaign", "secret", "public")


def export_refused(folder: Path) -> None:
    target = folder / "export.gz"
    with pytest.raises(ConfigurationError, match="confidential"):
        transfer.export(str(folder / "ledger.sqlite"), target, force=False, tell=lambda *_: None)
    assert not target.exists()
