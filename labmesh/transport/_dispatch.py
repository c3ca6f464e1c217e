"""Which handlers a message concerns, and running them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final
from zlib import crc32

from labmesh.transport._acks import Release, Ticket
from labmesh.transport._api import Delivery, Handler, TransportStats
from labmesh.transport._route import Route
from messages.topics import check_filter, matches

log = logging.getLogger("labmesh.transport")

_CACHE: Final = 4096
"""Topics whose routes are remembered; the streams of a site are fewer."""


class _Node:
    """A level of the trie of wildcard filters."""

    __slots__ = ("below", "routes")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.routes: list[Route] = []


class Dispatcher:
    """The subscription table: exact filters in a dict, wildcard filters in a trie.

    An MQTT broker may send one copy for each filter that matches (mosquitto does), and tells by
    the subscription identifiers which filter a copy is for; then it goes to that filter's handlers
    alone. Where there are no identifiers a copy goes to everyone it concerns.
    """

    def __init__(self, name: str, stats: TransportStats) -> None:
        self._name = name
        self._stats = stats
        self._exact: dict[str, list[Route]] = {}
        self._root = _Node()
        self._filters: dict[str, list[Route]] = {}
        self._ids: dict[int, set[str]] = {}
        self._cache: dict[str, tuple[Route, ...]] = {}
        self._meant: dict[tuple[str, tuple[int, ...]], tuple[Route, ...]] = {}

    @property
    def filters(self) -> dict[str, int]:
        """Every filter in use, in order of first use, with the highest QoS asked for."""
        return {p: max(route.qos for route in routes) for p, routes in self._filters.items()}

    @property
    def routes(self) -> Iterator[Route]:
        """Every route."""
        for routes in self._filters.values():
            yield from routes

    def add(
        self,
        pattern: str,
        handler: Handler,
        *,
        qos: int,
        manual_ack: bool,
        cancel: Callable[[Route], None],
    ) -> Route:
        """Add a handler.

        Raises:
            TopicError: The filter is malformed.
        """
        check_filter(pattern)
        route = Route(
            pattern,
            handler,
            qos=qos,
            manual_ack=manual_ack,
            name=self._name,
            stats=self._stats,
            cancel=cancel,
        )
        self._filters.setdefault(pattern, []).append(route)
        self._ids.setdefault(subscription_id(pattern), set()).add(pattern)
        if _wild(pattern):
            self._leaf(pattern).routes.append(route)
        else:
            self._exact.setdefault(pattern, []).append(route)
        self._forget_matches()
        return route

    def remove(self, route: Route) -> bool:
        """Remove a handler; return whether nobody uses its filter any more. Idempotent."""
        routes = self._filters.get(route.pattern, [])
        if route not in routes:
            return False
        self._forget_matches()
        routes.remove(route)
        if _wild(route.pattern):
            self._leaf(route.pattern).routes.remove(route)
        else:
            self._exact[route.pattern].remove(route)
        if routes:
            return False
        del self._filters[route.pattern]
        self._ids[subscription_id(route.pattern)].discard(route.pattern)
        if _wild(route.pattern):
            self._prune(route.pattern)
        else:
            del self._exact[route.pattern]
        return True

    def match(self, topic: str) -> tuple[Route, ...]:
        """Return the routes ``topic`` concerns."""
        found = self._cache.get(topic)
        if found is None:
            if len(self._cache) >= _CACHE:
                self._cache.clear()
            found = self._cache[topic] = (*self._exact.get(topic, ()), *self._wildcards(topic))
        return found

    def dispatch(
        self, delivery: Delivery, ticket: Ticket | None, subscriptions: tuple[int, ...]
    ) -> bool:
        """Hand ``delivery`` to every handler it concerns; return whether there was any.

        ``ticket`` is held by the caller, who releases it afterwards.
        """
        if len(self._filters) == 1 or not subscriptions:
            routes = self.match(delivery.topic)
        else:
            routes = self._identified(delivery.topic, subscriptions)
        for route in routes:
            deliver_to(route, delivery, ticket)
        return bool(routes)

    def forget_replays(self) -> None:
        """Expect retained values anew: the subscriptions are about to be made again."""
        for route in self.routes:
            route.forget_replay()

    async def close(self) -> None:
        """Stop every handler and wait for its end."""
        for route in list(self.routes):
            self.remove(route)
            await route.stop()

    def _identified(self, topic: str, subscriptions: tuple[int, ...]) -> tuple[Route, ...]:
        found = self._meant.get((topic, subscriptions))
        if found is None:
            if len(self._meant) >= _CACHE:
                self._meant.clear()
            found = self._meant[topic, subscriptions] = tuple(
                route
                for number in subscriptions
                for pattern in self._ids.get(number, ())
                if matches(pattern, topic)
                for route in self._filters[pattern]
            )
        return found

    def _forget_matches(self) -> None:
        self._cache.clear()
        self._meant.clear()

    def _wildcards(self, topic: str) -> Iterator[Route]:
        nodes = [self._root]
        for index, level in enumerate(topic.split("/")):
            wild = index > 0 or not topic.startswith("$")  # MQTT 5 section 4.7.2
            following: list[_Node] = []
            for node in nodes:
                if wild and (rest := node.below.get("#")) is not None:
                    yield from rest.routes
                if (exact := node.below.get(level)) is not None:
                    following.append(exact)
                if wild and (plus := node.below.get("+")) is not None:
                    following.append(plus)
            nodes = following
        for node in nodes:
            yield from node.routes
            if (rest := node.below.get("#")) is not None:
                yield from rest.routes

    def _leaf(self, pattern: str) -> _Node:
        node = self._root
        for level in pattern.split("/"):
            node = node.below.setdefault(level, _Node())
        return node

    def _prune(self, pattern: str) -> None:
        path = [(self._root, "")]
        for level in pattern.split("/"):
            path.append((path[-1][0].below[level], level))
        for (parent, _), (node, level) in zip(path[-2::-1], path[:0:-1], strict=True):
            if node.routes or node.below:
                return
            del parent.below[level]


def subscription_id(pattern: str) -> int:
    """Return the subscription identifier of a filter, from 1 to 268435455 (MQTT 5 3.8.2.1.2).

    The same in every process: a session that another process left behind uses it still.
    """
    return crc32(pattern.encode()) % 0x0FFFFFFF + 1


def deliver_to(route: Route, delivery: Delivery, ticket: Ticket | None) -> None:
    """Hand ``delivery`` to one handler, which holds the ticket until it is done."""
    if not route.wants(delivery):
        return
    if ticket is None:
        route.take(delivery, None)
        return
    ticket.hold()
    if route.manual_ack:
        route.take(_with_ack(delivery, Release(ticket)), None)
    else:
        route.take(delivery, ticket)


def _with_ack(given: Delivery, ack: Callable[[], None]) -> Delivery:
    # `dataclasses.replace` takes more than twice as long, and this is the broker node's intake.
    return Delivery(
        given.topic,
        given.payload,
        given.qos,
        given.retain,
        given.properties,
        ack,
        given.correlation,
        given.expiry,
    )


def _wild(pattern: str) -> bool:
    return "+" in pattern or "#" in pattern
