"""What a node tells other sites while something at its own is confidential.

The broker node says on ``~/access``, which no bridge carries, whether its ledger holds anything
confidential. From then on the nodes of its site answer other sites nothing of their work, give
them no files, and keep the words of their logs and events at home. A node does not know what of
its work is confidential: the broker node does, and other sites ask that.
"""

from __future__ import annotations

from typing import Final

from labmesh.mesh import Mesh
from messages.access import SiteAccess
from messages.envelope import Header
from messages.ids import NodeId
from messages.topics import Topic

_ABOUT_ITSELF: Final = ("node.", "param.", "lifecycle.", "log.", "component.", "agent.")
"""Services, by the beginning of their names, that tell of a node itself and not of its work."""

_BUT: Final = frozenset({"agent.log"})
"""What nodes write on their screens has every word."""


class Discretion:
    """Heeds the word of the ledgers at this site.

    Args:
        mesh: The node's seat.
        ledger: The node's ledger: it may have everything, wherever it is.
    """

    def __init__(self, mesh: Mesh, ledger: NodeId) -> None:
        self._mesh = mesh
        self._ledger = ledger
        self._confidential: set[NodeId] = set()

    async def open(self) -> None:
        """Listen; whatever was said before arrives at once."""
        topics = self._mesh.topics
        pattern = f"{topics.realm}/{topics.me.site}/+/access"
        await self._mesh.on_message(pattern, SiteAccess, self._take, cleared=self._cleared)

    def _take(self, said: SiteAccess, _header: Header, topic: Topic) -> None:
        if said.confidential:
            self._confidential.add(topic.author)
        else:
            self._confidential.discard(topic.author)
        self._mesh.discreet = self.asked

    def _cleared(self, topic: Topic) -> None:
        self._confidential.discard(topic.author)
        self._mesh.discreet = self.asked

    @property
    def asked(self) -> bool:
        """Whether something at this site is confidential."""
        return bool(self._confidential)

    def answers(self, service: str, caller: str) -> bool:
        """Tell whether a caller gets an answer of a service."""
        about_itself = service.startswith(_ABOUT_ITSELF) and service not in _BUT
        return not self.asked or self._is_ours(caller) or about_itself

    def gives(self, _sha256: str, to: str) -> bool:
        """Tell whether a node gets an artifact from its author."""
        return not self.asked or self._is_ours(to)

    def _is_ours(self, node: str) -> bool:
        return node.partition("/")[0] == self._mesh.me.site or node == str(self._ledger)
