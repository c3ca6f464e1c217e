"""A client without a node: for scripts, notebooks and the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from labmesh.artifacts import ArtifactDesk
from labmesh.calls import Caller
from labmesh.client._client import LabClient
from labmesh.clock import WallClock
from labmesh.discretion import Discretion
from labmesh.mesh import Mesh
from labmesh.outbox import Outbox
from labmesh.place import Place, data_dir, find_place
from labmesh.store import NodeStore
from labmesh.tracing import open_tracer
from labmesh.transport import make_transport
from messages.ids import NodeId, new_id
from messages.topics import Topics


@dataclass(frozen=True, slots=True)
class Visitor:
    """A short-lived participant: it listens, calls and requests, but is no node itself."""

    mesh: Mesh
    caller: Caller
    place: Place


@asynccontextmanager
async def visit(place: Place, name: str, *, patience: float = 5.0) -> AsyncIterator[Visitor]:
    """Take part in the mesh at ``place`` as ``{site}/{name}`` for as long as the block runs.

    Several processes may visit under one name at a time.

    Raises:
        NotConnectedError: The MQTT broker was not reached within ``patience`` seconds.
    """
    me = NodeId(place.site, name)
    instance = f"i{new_id().hex[-12:]}"
    transport = make_transport(place.access, client_id=f"{me}/{instance}", username=me.node)
    # Visitors keep no boot counter; the time of day orders their lives as well.
    epoch = time.time_ns()
    mesh = Mesh(transport, Topics(me, place.realm), WallClock(), epoch=epoch, instance=instance)
    try:
        await transport.open(timeout=patience)
        caller = Caller(mesh)
        await caller.open()
        yield Visitor(mesh, caller, place)
    finally:
        await mesh.close()
        await transport.close()


@asynccontextmanager
async def connect(
    *,
    mqtt: str | None = None,
    site: str | None = None,
    name: str | None = None,
    realm: str | None = None,
    ledger: str | None = None,
    account: str | Path | None = None,
    patience: float = 5.0,
) -> AsyncIterator[LabClient]:
    """Connect to a lab as a requester.

    Whatever is not given comes from LABMESH_* variables or from the launch that runs in this
    directory. The outbox lives in memory: what was not yet accepted when the block ends is lost
    (`LabClient.submit` returns only after it was).

    Args:
        mqtt: ``mqtts://host:port``, or ``mqtt://`` on one machine.
        site: The site to join.
        name: One's own name there; else the account's, else ``guest``.
        realm: First level of every topic.
        ledger: ``site/node`` of the broker node.
        account: An account file, else the one that LABMESH_ACCOUNT names.
        patience: Seconds to wait for the MQTT broker.

    Raises:
        ConfigurationError: No mesh is known, or the account file is none.
        NotConnectedError: Its MQTT broker cannot be reached.
    """
    place = find_place(mqtt=mqtt, site=site, realm=realm, ledger=ledger, account=account)
    async with (
        visit(place, name or place.own_name("guest"), patience=patience) as visitor,
        requester(visitor) as lab,
    ):
        yield lab


@asynccontextmanager
async def requester(visitor: Visitor) -> AsyncIterator[LabClient]:
    """Give a visitor the requester's side of its ledger; errors also as `open_tracer`.

    Where the block ends in order, the ledger has the artifacts of the results posted in it, or
    a warning names those it has not asked for.
    """
    tracer = open_tracer(str(visitor.mesh.me))
    store, ledger, me = NodeStore(None), visitor.place.need_ledger(), visitor.mesh.me
    folder = data_dir() / me.site / me.node / "artifacts"
    discretion = Discretion(visitor.mesh, ledger)
    desk = ArtifactDesk(
        visitor.place.access, visitor.mesh, visitor.caller, ledger, folder, visitor=True,
        gives=discretion.gives,
    )  # fmt: skip
    try:
        outbox = Outbox(visitor.mesh, store, ledger)
        lab = LabClient(visitor.mesh, outbox, visitor.caller, desk)
        visitor.mesh.tracer = tracer
        await discretion.open()
        await outbox.open()
        await lab.open()
        try:
            yield lab
            await desk.hand_over()
        finally:
            lab.close()
    finally:
        await desk.close()
        await visitor.mesh.close()
        await store.close()
        if tracer.recording:
            await asyncio.to_thread(tracer.close)
