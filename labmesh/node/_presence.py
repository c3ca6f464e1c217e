"""Presence: one live process a name, and everyone knows which."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from labmesh.client import visit
from labmesh.listing import retained
from labmesh.mesh import Mesh
from labmesh.place import Place
from labmesh.transport import Will
from messages.envelope import Header, encode
from messages.errors import CallRefusedError, CallTimeoutError, NodeNameTakenError
from messages.ids import NodeId, new_id
from messages.node import Presence
from messages.topics import Topic

logger = logging.getLogger("labmesh.presence")

INSTANCE: Final = "0"
"""A node has one instance; the client id made of it lets the MQTT broker enforce that."""

_PING: Final = 2.0
"""Wall seconds that a namesake has to show that it lives."""


async def check_name_free(
    place: Place, me: NodeId, *, patience: float, by_right: bool = False
) -> tuple[int, Presence | None]:
    """Return the last epoch anyone used this name with (0: none), and who still seems online.

    The MQTT broker that still holds the will of an earlier process holds its birth, too: a boot
    counted on from what is retained here is newer than any will that may yet come, whatever host
    that process ran on.

    Args:
        place: The mesh.
        me: The name.
        patience: Wall seconds to wait for the MQTT broker.
        by_right: Whether the name is ours even if another process lives under it.

    Raises:
        NodeNameTakenError: A live process has the name; says where and since when.
        NotConnectedError: The MQTT broker was not reached within ``patience`` seconds.
    """
    async with visit(place, me.node, patience=patience) as visitor:
        mesh = visitor.mesh
        found = await retained(mesh, mesh.topics.own("node", "alive", INSTANCE), Presence)
        if not found:
            return 0, None
        presence = found[-1][1]
        if presence.state == "online" and not by_right:
            with suppress(CallTimeoutError):
                with suppress(CallRefusedError):  # a refusal is a sign of life, too
                    await visitor.caller.call(me, "node.ping", {}, timeout=_PING)
                since = time.strftime("%F %T", time.localtime(presence.since / 1e9))
                raise NodeNameTakenError(
                    f"{me} is online since {since} on {presence.host} (pid {presence.pid})",
                    remedy="stop that process, or start this one under another --name",
                )
        return presence.epoch, presence if presence.state == "online" else None


class PresenceKeeper:
    """Publishes birth and will, and notices when a newer process has taken the name.

    Args:
        mesh: The node's seat; its epoch is this boot's.
        fenced: Called with the reason when another process has the name; this one must end.
    """

    def __init__(self, mesh: Mesh, fenced: Callable[[str], None]) -> None:
        self._mesh = mesh
        self._fenced = fenced
        self._boot_id = new_id()
        self._since = time.time_ns()
        self._topic = mesh.topics.own("node", "alive", INSTANCE)
        self._online = False

    def presence(self, state: Literal["online", "offline", "lost"]) -> Presence:
        """Return the message."""
        return Presence(
            state=state,
            epoch=self._mesh.epoch,
            boot_id=self._boot_id,
            instance=INSTANCE,
            since=self._since,
            host=socket.gethostname(),
            pid=os.getpid(),
        )

    def will(self) -> Will:
        """Return the last will."""
        header = self._mesh.header(Presence)
        return Will(self._topic, encode(header, self.presence("lost")))

    async def open(self) -> None:
        """Say that we are here, now and after every reconnect; watch for namesakes."""
        await self.publish("online")
        await self._mesh.on_message(
            self._topic, Presence, self._take, cleared=lambda _topic: self._cleared()
        )

    def _cleared(self) -> None:
        """Say it again: somebody with our user name has cleared what is retained of us."""
        if self._online:
            self._mesh.restore()

    async def publish(self, state: Literal["online", "offline"]) -> None:
        """Publish a state, retained."""
        self._online = state == "online"
        await self._mesh.keep(self._topic, self.presence(state))

    def _take(self, presence: Presence, header: Header, topic: Topic) -> None:
        if presence.state != "online" and presence.epoch <= self._mesh.epoch:
            if self._online:
                # A will that came late, of an earlier life or connection, has buried our birth.
                self._mesh.background(self.publish("online"), "presence")
            return
        if presence.boot_id == self._boot_id or presence.state == "offline":
            return
        # Of two that booted at one moment the older one keeps the name. A newer one that is lost
        # was thrown out by our own coming back, most likely, and will be back to do the same.
        if presence.epoch < self._mesh.epoch:
            # It stood still while its name was taken, and has said everything anew on coming back.
            # It leaves when it hears of us; what it has said must not stand.
            self._mesh.restore()
        theirs = (presence.epoch, -presence.boot_id.int)
        if theirs > (self._mesh.epoch, -self._boot_id.int):
            self._fenced(
                f"{self._mesh.me} was taken over by pid {presence.pid} on {presence.host} "
                f"(epoch {presence.epoch}, ours {self._mesh.epoch})"
            )
