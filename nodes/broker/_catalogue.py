"""Who serves what at present: capabilities, offers, and which nodes are there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from labmesh.links import Links
from messages.ledger import Offer
from messages.model import JsonObject
from messages.node import Presence, State
from nodes.broker._schemas import Schema

Key = tuple[str, str]
"""(quantity, method)."""


@dataclass(slots=True)
class KnownCapability:
    """A capability with its compiled schemas."""

    quantity: str
    method: str
    version: int
    description: str
    parameters: Schema
    result: Schema
    active: bool

    @property
    def key(self) -> Key:
        """(quantity, method)."""
        return self.quantity, self.method

    def body(self) -> JsonObject:
        """Return the body of its entry."""
        return {
            "quantity": self.quantity,
            "method": self.method,
            "version": self.version,
            "description": self.description,
            "parameters_schema": self.parameters.schema,
            "result_schema": self.result.schema,
            "active": self.active,
        }


@dataclass(slots=True)
class Standing:
    """An offer that stands. ``confirmed``: heard since the ledger's start, not only remembered."""

    node: str
    offer: Offer
    limitations: Schema
    confirmed: bool = True

    @property
    def key(self) -> Key:
        """(quantity, method)."""
        return self.offer.quantity, self.offer.method


class Catalogue:
    """All of it, in memory.

    Args:
        here: The ledger's site.
    """

    def __init__(self, here: str) -> None:
        self.links = Links(here)
        self._reached: dict[str, bool] = {}
        self.capabilities: dict[Key, KnownCapability] = {}
        self._offers: dict[Key, dict[str, Standing]] = {}
        self._keys: defaultdict[str, set[Key]] = defaultdict(set)
        self._limits: dict[Key, tuple[int, dict[str, Schema]]] = {}
        self._ready: set[str] = set()
        self._presence: dict[str, dict[str, Presence]] = {}
        self._doubted: set[tuple[str, str]] = set()
        self._state: dict[str, State] = {}
        self.busy: Counter[tuple[str, Key]] = Counter()
        self.last_served: dict[tuple[str, Key], int] = {}

    def offer(self, node: str, key: Key) -> Standing | None:
        """Return a node's offer."""
        return self._offers.get(key, {}).get(node)

    def offers(self, key: Key) -> list[Standing]:
        """Return the offers of a capability at its present version."""
        capability = self.capabilities.get(key)
        return [
            standing
            for standing in self._offers.get(key, {}).values()
            if capability is not None and standing.offer.version == capability.version
        ]

    def all_offers(self) -> Iterator[Standing]:
        """Return every offer."""
        for offers in self._offers.values():
            yield from list(offers.values())

    def offers_of(self, node: str) -> set[Key]:
        """Return the capabilities a node offers."""
        return self._keys.get(node, set())

    def put(self, standing: Standing) -> None:
        """Set a node's offer."""
        key, limitations = standing.key, standing.limitations
        before = self._offers.setdefault(key, {}).get(standing.node)
        self._offers[key][standing.node] = standing
        self._keys[standing.node].add(key)
        version, limits = self._limits.get(key, (-1, {}))
        if before is not None and before.limitations.hash != limitations.hash:
            self._limits.pop(key, None)
        elif standing.offer.version == version:
            # Of many offers that come together each costs the same, however many stand.
            limits[limitations.hash] = limitations
        elif before is not None and before.offer.version == version:
            self._limits.pop(key, None)

    def withdraw(self, node: str, key: Key) -> Standing | None:
        """Forget a node's offer."""
        self._keys[node].discard(key)
        self._limits.pop(key, None)
        return self._offers.get(key, {}).pop(node, None)

    def limits(self, key: Key) -> dict[str, Schema]:
        """Return the different limitations of a capability's offers, by hash."""
        capability = self.capabilities.get(key)
        version, limits = self._limits.get(key, (-1, {}))
        if capability is None or version != capability.version:
            limits = {s.limitations.hash: s.limitations for s in self.offers(key)}
            if capability is not None:
                self._limits[key] = (capability.version, limits)
        return limits

    def free(self, key: Key) -> list[Standing]:
        """Return the offers whose node could take an order now."""
        return [s for s in self.offers(key) if s.node in self._ready and self.has_slot(s)]

    def has_slot(self, standing: Standing) -> bool:
        """Tell whether a node could take another order by an offer."""
        return self.busy[standing.node, standing.key] < standing.offer.slots

    def hear(self, node: str, presence: Presence) -> bool:
        """Take a word about presence; return whether it is news.

        An older boot's word (its late will, above all) says nothing about the newer one.
        """
        instances = self._presence.setdefault(node, {})
        before = instances.get(presence.instance)
        if before is not None and presence.epoch < before.epoch:
            return False
        instances[presence.instance] = presence
        self._doubted.discard((node, presence.instance))
        self._look(node)
        return before is None or (before.epoch, before.state) != (presence.epoch, presence.state)

    def doubt_presences(self) -> None:
        """The MQTT broker may have forgotten who was there: whoever is has to say so again."""
        self._doubted = {
            (node, instance)
            for node, instances in self._presence.items()
            for instance, presence in instances.items()
            if presence.state == "online"
        }

    def doubted(self) -> list[tuple[str, Presence]]:
        """Return the presences that were doubted and not repeated since, and doubt no more."""
        found = [(node, self._presence[node].get(name)) for node, name in sorted(self._doubted)]
        self._doubted.clear()
        return [(node, presence) for node, presence in found if presence is not None]

    def forget_presence(self, node: str, instance: str) -> None:
        """A node's retained presence was cleared."""
        self._presence.get(node, {}).pop(instance, None)
        self._look(node)

    def set_state(self, node: str, state: State | None) -> None:
        """Take a lifecycle state; None when it was cleared."""
        if state is None:
            self._state.pop(node, None)
        else:
            self._state[node] = state
        self._look(node)

    def online(self, node: str) -> bool:
        """Tell whether a node's process is there, and can be reached."""
        return self._says_online(node) and self.links.reaches(_site(node))

    def newly_reached(self) -> dict[str, bool]:
        """Return the nodes whose sites are reached, or not, otherwise than at the last look."""
        nodes = [node for node in self._presence if _site(node) != self.links.here]
        now = {node: self.links.reaches(_site(node)) for node in nodes}
        news = {node: it for node, it in now.items() if it != self._reached.get(node, True)}
        self._reached = now
        for node in news:
            self._look(node)
        return news

    def _says_online(self, node: str) -> bool:
        return any(p.state == "online" for p in list(self._presence.get(node, {}).values()))

    def hosts(self) -> dict[str, str]:
        """Return the machine that each node which can be reached runs on. From any thread."""
        known = [(node, list(said.values())) for node, said in list(self._presence.items())]
        return {node: said[-1].host for node, said in known if said and self.online(node)}

    def absent(self, node: str) -> bool:
        """Tell whether a node was heard of, and its process is not there now."""
        return bool(self._presence.get(node)) and not self.online(node)

    def ready(self, node: str) -> bool:
        """Tell whether a node takes orders: there, and active."""
        return node in self._ready

    def epoch(self, node: str) -> int:
        """Return the latest boot heard of."""
        return max((p.epoch for p in self._presence.get(node, {}).values()), default=0)

    def condition(self, node: str) -> str:
        """Return in words whether a node takes orders."""
        if not self._presence.get(node):
            return "never seen"
        if not self._says_online(node):
            return "offline"
        if down := self.links.down(_site(node)):
            return f"unreachable, {down}"
        state = self._state.get(node)
        return state.value if state is not None else "lifecycle state not known"

    def _look(self, node: str) -> None:
        if self._state.get(node) is State.ACTIVE and self.online(node):
            self._ready.add(node)
        else:
            self._ready.discard(node)


def _site(node: str) -> str:
    return node.partition("/")[0]
