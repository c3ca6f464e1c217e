"""Follows the lifecycle states and milestones that nodes publish."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from labmesh.security import Account
from labmesh.transport import Delivery, Transport, make_transport
from messages.envelope import Envelope, decode
from messages.errors import LabmeshError
from messages.node import Lifecycle, Milestone
from messages.topics import parse_topic

_log = logging.getLogger(__name__)


class Watcher:
    """Subscribes to every node's ``~/node/life`` and ``~/event/milestone`` on one MQTT broker.

    Args:
        at: The MQTT broker, and who the launch is there.
        realm: First level of the topics.
        elsewhere: Sites whose nodes are watched on another MQTT broker; bridges bring their words
            here, too.
        on_life: Takes ``site/node``, its lifecycle state, its epoch, and whether that was retained.
        on_milestone: Takes ``site/node`` and its milestone.
    """

    def __init__(
        self,
        at: str | Account,
        realm: str,
        *,
        elsewhere: frozenset[str] = frozenset(),
        on_life: Callable[[str, str, int, bool], None],
        on_milestone: Callable[[str, Milestone], None],
    ) -> None:
        self._elsewhere = elsewhere
        self._realm = realm
        self._on_life = on_life
        self._on_milestone = on_milestone
        self._transport: Transport = make_transport(at, client_id=f"launch-{secrets.token_hex(6)}")

    async def start(self) -> None:
        """Connect and subscribe.

        Raises:
            TransportError: The MQTT broker does not answer, or refuses.
        """
        await self._transport.open()
        await self._transport.subscribe(f"{self._realm}/+/+/node/life", self._life)
        await self._transport.subscribe(f"{self._realm}/+/+/event/milestone", self._milestone)

    async def stop(self) -> None:
        """Disconnect."""
        await self._transport.close()

    def _life(self, delivery: Delivery) -> None:
        found = self._open(delivery)
        if found is not None and isinstance(life := found[1].body, Lifecycle):
            self._on_life(found[0], life.state.value, found[1].header.epoch, delivery.retain)

    def _milestone(self, delivery: Delivery) -> None:
        found = self._open(delivery)
        if found is not None and isinstance(milestone := found[1].body, Milestone):
            self._on_milestone(found[0], milestone)

    def _open(self, delivery: Delivery) -> tuple[str, Envelope] | None:
        if not delivery.payload:
            return None
        try:
            author = parse_topic(delivery.topic).author
            if author.site in self._elsewhere:
                return None
            return str(author), decode(delivery.payload).open()
        except LabmeshError as error:
            _log.warning("%s not taken: %s", delivery.topic, error)
            return None
