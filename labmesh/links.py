"""Which sites are reached from here: half of the truth about a node, the other is its presence.

A node says ``online`` once and its will says ``lost``, but neither comes from a site whose bridge
to the hub is down: there the MQTT broker knows better than the node. So whoever shows or relies on
a presence asks for both.
"""

from __future__ import annotations

import time
from typing import Final

from labmesh.transport import Delivery
from messages.errors import TopicError
from messages.topics import BRIDGE, HUB, LINK, parse_topic

_UP: Final = b"1"

SILENCE: Final = 22.0
"""Seconds without a sign of life of the hub after which the link to it counts as down: four of our
own hubs' (5 s), or two of a mosquitto as it comes (``sys_interval``, 10 s)."""


class Links:
    """The links of all sites, as far as the MQTT broker here knows.

    A site that has no link is not bridged: it is the hub, or shares an MQTT broker with others.
    Where a connection silently carries nothing any more, the hub's MQTT broker says so of the
    site, and the site's says nothing; there it shows in the hub's signs of life, to whoever has
    listened for `SILENCE`. One who only takes a look asks somebody beyond (`in_doubt`).

    Args:
        here: The site whose MQTT broker tells.
    """

    def __init__(self, here: str) -> None:
        self.here: Final = here
        self._up: dict[str, bool] = {}
        self._heard: float | None = None
        self._unanswered = False

    @staticmethod
    def pattern(realm: str) -> str:
        """Return the filter for every site's link, and for the signs of the hub's life."""
        return f"{realm}/+/{BRIDGE}/#"

    def take(self, topic: str, payload: bytes) -> bool:
        """Take what was published on one of these topics; return whether that is news.

        An empty payload is a link that is no more. Anything on another topic is no news.
        """
        try:
            parsed = parse_topic(topic)
        except TopicError:
            return False
        site, before = parsed.author.site, self._state()
        if parsed.author.node != BRIDGE:
            return False
        if parsed.kind == HUB and site == self.here:
            self._heard, self._unanswered = time.monotonic(), False
            return before != self._state()
        if parsed.kind != LINK:
            return False
        self._up.pop(site, None)
        if payload:
            self._up[site] = payload == _UP
        return before != self._state()

    def no_answer(self) -> None:
        """Take word that nobody beyond the own link answers, until the hub gives a sign of life."""
        self._unanswered = True

    @property
    def silent(self) -> bool:
        """Whether the hub gave no sign of life for too long; False where it never gives one."""
        return self._heard is not None and time.monotonic() - self._heard > SILENCE

    @property
    def in_doubt(self) -> bool:
        """Whether the own link says that it is up, and could be wrong."""
        return self._own and self.here in self._up

    def hear(self, delivery: Delivery) -> None:
        """Take a delivery; for subscriptions."""
        self.take(delivery.topic, delivery.payload)

    def reaches(self, site: str) -> bool:
        """Tell whether a site's nodes can be heard, and can hear, as far as is known by now."""
        if site == self.here:
            return True
        return self._own and self._up.get(site, True)

    def bridged(self, site: str) -> bool:
        """Tell whether a bridge lies between: then not everything comes from there."""
        return site != self.here and (site in self._up or self.here in self._up)

    def has(self, site: str) -> bool:
        """Tell whether a site is known to have a link, as every site but the hub has."""
        return site in self._up

    def down(self, site: str) -> str:
        """Return in words why a site is not reached; empty when it is."""
        if self.reaches(site):
            return ""
        cut = site if self._own else self.here
        return f"the link of site {cut} is down"

    @property
    def _own(self) -> bool:
        if self.here not in self._up:
            return True
        return self._up[self.here] and not self._unanswered and not self.silent

    def _state(self) -> tuple[bool, dict[str, bool]]:
        return self._own, dict(self._up)
