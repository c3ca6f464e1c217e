"""A name that changed hands: what the process that has it now tells of it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Final

from messages.envelope import Header
from messages.node import Level, NodeEvent, Presence
from messages.topics import Topic

if TYPE_CHECKING:
    from labmesh.node._node import Node

_COMPONENT: Final = "identity"


class TakeoverWatch:
    """Tells that the node has its name from a process that did not answer, until that has left.

    Args:
        node: The survivor.
        before: Who had the name and was still online by its presence, or None.
    """

    def __init__(self, node: Node[Any], before: Presence | None) -> None:
        self._node = node
        self._before = before if before is not None and not _ended(before) else None

    async def open(self) -> None:
        """Tell, and listen to a namesake that leaves; call it when the node is on the mesh."""
        node, before = self._node, self._before
        if before is None and node.options.succeeds is None:
            return
        # It publishes below our own prefix, as us, but of an earlier boot.
        topic = node.topics.own("event", "fenced")
        await node.mesh.on_message(topic, NodeEvent, self._take)
        if before is None:
            node.happened("takeover", "took the name over", epoch=node.mesh.epoch)
            return
        whom = f"pid {before.pid} on {before.host} (epoch {before.epoch})"
        silent = "" if node.options.succeeds is not None else ", which did not answer"
        text = f"took the name over from {whom}{silent}"
        node.log.warn(text)
        node.happened(
            "takeover", text, epoch=node.mesh.epoch, before=before.epoch, pid=before.pid,
            host=before.host,
        )  # fmt: skip
        remedy = f"make sure that it has ended: on {before.host}, ps -p {before.pid}"
        node.diagnose(_COMPONENT, Level.WARN, text, remedy=remedy)

    def _take(self, event: NodeEvent, _header: Header, _topic: Topic) -> None:
        epoch = event.values.get("epoch")
        if isinstance(epoch, int) and epoch < self._node.mesh.epoch:
            self._node.log.info(f"who had the name before has left: {event.text}")
            words = f"who had the name before (epoch {epoch}) has left"
            self._node.diagnose(_COMPONENT, Level.OK, words)


def _ended(presence: Presence) -> bool:
    """Tell whether a process is known to have ended: it was one of this very machine."""
    if presence.host != socket.gethostname() or not presence.pid:
        return False
    if presence.pid == os.getpid():
        return False
    try:
        os.kill(presence.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
