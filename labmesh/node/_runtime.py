"""What a node is made of while it runs: connection, clock, outbox, services, worker, presence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from labmesh.artifacts import ArtifactDesk
from labmesh.calls import Caller, Server
from labmesh.client import LabClient, Visitor, visit
from labmesh.clock import Clock, ScaledClock, WallClock
from labmesh.discretion import Discretion
from labmesh.mesh import Mesh
from labmesh.node._capability import BoundCapability
from labmesh.node._options import NodeOptions
from labmesh.node._outcome import Identity
from labmesh.node._parameter_model import NodeParameters, public
from labmesh.node._presence import INSTANCE, PresenceKeeper, check_name_free
from labmesh.node._software import software_version
from labmesh.node._worker import Worker
from labmesh.outbox import Outbox
from labmesh.place import Place
from labmesh.store import NodeStore
from labmesh.streams import Resources
from labmesh.transport import Transport, make_transport
from messages.envelope import Header
from messages.errors import CallRefusedError, ConfigurationError, LabmeshError
from messages.ids import NodeId
from messages.node import ClockTick, NodeEvent, Presence
from messages.topics import Topic, Topics

if TYPE_CHECKING:
    from labmesh.node._node import Node


logger = logging.getLogger("labmesh.node")

_WATCHING: Final = frozenset(NodeParameters.model_fields)
"""How a node is watched has no part in what it measures."""

_OTHERS_RETURN: Final = 3.0
"""Wall seconds that the process which has taken our name has to be heard."""

_GOODBYE: Final = 1.0
"""Wall seconds the MQTT broker has to take our goodbye; it may be frozen."""


@dataclass(slots=True)
class Runtime:
    """The parts, wired; made by `join`, started by `open`, ended by `leave`."""

    transport: Transport
    clock: Clock
    mesh: Mesh
    store: NodeStore
    caller: Caller
    server: Server
    ledger: NodeId
    outbox: Outbox | None
    lab: LabClient | None
    artifacts: ArtifactDesk | None
    discretion: Discretion | None = None
    """Heeds what is confidential; the ledger itself knows it better."""
    before: Presence | None = None
    """Who had the name and, by its presence, still has."""
    presence: PresenceKeeper | None = None
    worker: Worker | None = None
    fenced: bool = False

    @classmethod
    async def join(
        cls,
        options: NodeOptions,
        folder: Path,
        *,
        is_ledger: bool,
        artifact_limit: int,
        artifact_retention: float,
    ) -> Runtime:
        """Make sure that the name is free, count the boot, and wire everything up.

        Raises:
            NotConnectedError: The MQTT broker was not reached.
            NodeNameTakenError: Another live process has the name.
            ConfigurationError: The node's file cannot be opened, or the address is none.
        """
        place, me = options.place, options.id
        last, before = await check_name_free(
            place, me, patience=options.patience, by_right=options.succeeds is not None
        )
        store = NodeStore(folder / "node.sqlite")
        try:
            epoch = await store.next_epoch(max(last, options.succeeds or 0))
            transport = make_transport(place.access, client_id=f"{me}/{INSTANCE}", username=me.node)
        except BaseException:
            await store.close()
            raise
        clock: Clock = ScaledClock() if place.clock and place.clock != me else WallClock()
        mesh = Mesh(transport, Topics(me, place.realm), clock, epoch=epoch, instance=INSTANCE)
        caller = Caller(mesh)
        ledger = me if is_ledger else place.need_ledger()
        outbox = desk = discretion = None
        if not is_ledger:
            discretion = Discretion(mesh, ledger)
            outbox = Outbox(mesh, store, ledger)
            desk = ArtifactDesk(
                place.access, mesh, caller, ledger, folder / "artifacts",
                limit=artifact_limit, retention=artifact_retention, gives=discretion.gives,
            )  # fmt: skip
        return cls(
            transport=transport,
            clock=clock,
            mesh=mesh,
            store=store,
            caller=caller,
            server=Server(mesh),
            ledger=ledger,
            outbox=outbox,
            lab=None if outbox is None else LabClient(mesh, outbox, caller, desk),
            artifacts=desk,
            discretion=discretion,
            before=before,
        )

    async def open(
        self,
        node: Node[Any],
        capabilities: Mapping[tuple[str, str], BoundCapability],
        resources: Resources,
        fenced: Callable[[str], None],
    ) -> None:
        """Connect, be born, and listen."""
        self.presence = PresenceKeeper(self.mesh, fenced)
        self.transport.set_will(self.presence.will())
        await self.transport.open(timeout=node.options.patience)
        await self._open_clock(node.options)
        await self.presence.open()
        await self.caller.open()
        if self.discretion is not None:
            if not node.knows_access:
                self.server.answers = self.discretion.answers
            await self.discretion.open()
        self.server.operators = frozenset(node.parameters.operators) or None
        await self.server.open()
        if self.outbox is None or self.lab is None or self.artifacts is None:
            return
        self.outbox.refused = node.refused_later
        await self.outbox.open()
        await self.lab.open()
        await self.artifacts.open()
        if capabilities:
            identity = Identity(
                software=software_version(type(node)),
                instrument=str(node.id),
                parameters=lambda: public(node.parameters, _WATCHING),
                dry_run=lambda: node.dry_run,
                module=type(node).__module__,
            )
            self.worker = Worker(
                self.mesh,
                self.outbox,
                self.store,
                capabilities,
                identity,
                node.refuses_orders,
                self.artifacts.attach,
                resources,
                lambda: node.works,
            )
            await self.worker.open()

    async def _open_clock(self, options: NodeOptions) -> None:
        clock, source = self.clock, options.place.clock
        if not isinstance(clock, ScaledClock) or source is None:
            return

        def tick(message: ClockTick, _header: Header, _topic: Topic) -> None:
            clock.tick(message)

        await self.mesh.on_message(self.mesh.topics.of(source, "clock"), ClockTick, tick)
        try:
            await clock.ready(timeout=options.patience)
        except TimeoutError:
            raise ConfigurationError(
                f"no simulated time came from {source} within {options.patience:g} s",
                remedy="start the clock node first, or leave out --clock for wall time",
            ) from None

    def need_lab(self) -> LabClient:
        """Return the requester's side of the ledger; the ledger itself has none."""
        if self.lab is None:
            raise RuntimeError("the broker node makes no requests")
        return self.lab

    def health(self) -> dict[str, int]:
        """Return the counters that `diag/messages` shows."""
        stats = self.transport.stats
        return {
            "problems": self.mesh.problems,
            "calls_refused": self.server.refused,
            "handler_errors": stats.handler_errors,
            "reconnects": max(stats.connections - 1, 0),
            "outbox": self.outbox.pending if self.outbox else 0,
            "orders_in_hand": self.worker.busy if self.worker else 0,
            "orders_done": self.worker.done if self.worker else 0,
            "orders_failed": self.worker.failed if self.worker else 0,
        }

    async def stop_work(self, reason: str) -> None:
        """Break off the orders in hand."""
        if self.worker is not None:
            await self.worker.stop(reason)

    async def leave(self) -> None:
        """Say goodbye (unless another process has the name), and close everything."""
        try:
            if self.presence is not None and self.transport.connected and not self.fenced:
                async with asyncio.timeout(_GOODBYE):
                    await self.presence.publish("offline")
        except (LabmeshError, TimeoutError) as error:
            logger.warning("could not say goodbye: %s", error or "no answer")
        finally:
            if self.artifacts is not None:
                await self.artifacts.close()
            await self.mesh.close()
            await self.transport.close()
            await self.store.close()
            if self.lab is not None:
                self.lab.close()
            if self.mesh.tracer.recording:
                await asyncio.to_thread(self.mesh.tracer.close)

    async def fall_silent(self, place: Place, reason: str) -> None:
        """Leave the name to the process that has taken it: whatever we said now would be its.

        But that we leave, the other one and the operator shall hear. Our own connection is of no
        use for that: the two of one client id throw each other out.
        """
        self.fenced = True
        if self.artifacts is not None:
            await self.artifacts.close()
        await self.transport.close()
        event = NodeEvent(kind="fenced", text=reason[:4000], values={"epoch": self.mesh.epoch})
        me = self.mesh.me
        with suppress(LabmeshError):
            async with visit(place, me.node, patience=_GOODBYE) as visitor:
                # It may be on its way back, thrown out by our last attempt to be there.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_OTHERS_RETURN):
                        while not await _answers(visitor, me):
                            pass
                await visitor.mesh.send(self.mesh.topics.own("event", "fenced"), event)


async def _answers(visitor: Visitor, node: NodeId) -> bool:
    try:
        await visitor.caller.call(node, "node.ping", {}, timeout=0.3)
    except CallRefusedError:
        return True
    except LabmeshError:
        return False
    return True
