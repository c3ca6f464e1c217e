"""Which sites are reached from here: half of the truth about a node, the other is its presence.

A node says ``online`` once and its will says ``lost``, but neither comes from a site whose bridge
to the hub is down: there the MQTT broker knows better than the node. So whoever shows or relies on
a presence asks for both.
"""

from __future__ import annotations

from typing import Final, Literal

from labmesh.transport import Delivery
from messages.errors import TopicError
from messages.topics import BRIDGE, LINK, link_topic, parse_topic

PresenceState = Literal["online", "offline", "lost", "unreachable"]
"""A presence as seen from another site: ``unreachable`` is online beyond a link that is down."""

_UP: Final = b"1"


class Links:
    """The links of all sites, as far as the MQTT broker here knows.

    A site that has no link is not bridged: it is the hub, or shares an MQTT broker with others.

    Args:
        here: The site whose MQTT broker tells.
    """

    def __init__(self, here: str) -> None:
        self.here: Final = here
        self._up: dict[str, bool] = {}

    @staticmethod
    def pattern(realm: str) -> str:
        """Return the filter for every site's link."""
        return link_topic(realm, "+")

    def take(self, topic: str, payload: bytes) -> bool:
        """Take what was published on a link's topic; return whether that is news.

        An empty payload is a link that is no more. Anything but a link's topic is no news.
        """
        try:
            parsed = parse_topic(topic)
        except TopicError:
            return False
        if parsed.kind != LINK or parsed.author.node != BRIDGE:
            return False
        site, before = parsed.author.site, dict(self._up)
        self._up.pop(site, None)
        if payload:
            self._up[site] = payload == _UP
        return before != self._up

    def hear(self, delivery: Delivery) -> None:
        """Take a delivery; for subscriptions."""
        self.take(delivery.topic, delivery.payload)

    def reaches(self, site: str) -> bool:
        """Tell whether a site's nodes can be heard, and can hear."""
        if site == self.here:
            return True
        return self._up.get(self.here, True) and self._up.get(site, True)

    def bridged(self, site: str) -> bool:
        """Tell whether a bridge lies between: then not everything comes from there."""
        return site != self.here and (site in self._up or self.here in self._up)

    def down(self, site: str) -> str:
        """Return in words why a site is not reached; empty when it is."""
        if self.reaches(site):
            return ""
        cut = site if self._up.get(self.here, True) else self.here
        return f"the link of site {cut} is down"

    def seen(self, site: str, state: Literal["online", "offline", "lost"]) -> PresenceState:
        """Return the presence of a node of ``site`` as it is to be shown here."""
        return "unreachable" if state == "online" and not self.reaches(site) else state
