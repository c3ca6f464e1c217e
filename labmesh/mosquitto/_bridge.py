"""The bridge from a site's MQTT broker to the hub: mosquitto's ``connection`` sections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labmesh.security import refuse_plain
from messages.errors import ConfigurationError
from messages.ids import check_name
from messages.topics import (
    ADDRESSED,
    BRIDGE,
    DEFAULT_REALM,
    LINK,
    STOP,
    check_filter,
    hub_topic,
    link_topic,
)

KEEPALIVE: Final = 10
"""Seconds. mosquitto ends a silent connection after 1.5 keep-alives at the hub, which then says
that the link is down, and after 2 at the site (one without a word, one without an answer), which
says nothing: there `PULSE` tells."""

PULSE: Final = 5
"""Seconds between two signs of life of a hub."""

_RESTART: Final = (1, 4)
"""Seconds between two attempts to connect: mosquitto's back-off with jitter, first to longest."""

_STATE: Final = ("node/#", "offer/#", "schema/#", "sample/#", "head", "clock", "goal/#", "blob/+")
"""What is retained below a node's prefix, so that every site knows every other one's nodes."""

_EVENTS: Final = (
    "milestone", "problem", "takeover", "fenced", "lifecycle", "param", "void", "estop",
)  # fmt: skip
_LOGS: Final = ("warn", "error", "fatal")

_NOW: Final = 0
"""QoS of state, events and emergency stops: what is retained is sent anew after every connect. With
QoS 1 mosquitto 2.0 would queue all of it once more with each attempt to connect (measured), without
bound; and an emergency stop would wait behind whatever waits for its acknowledgement."""

_KEPT: Final = 1
"""QoS of what is addressed to somebody: it waits in the queue for the link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """The connection between a site's MQTT broker and the hub's; the site opens it.

    What crosses is the least that makes many sites one lab: state that is retained (nodes, offers,
    schemas, samples, the ledger's head, the clock), milestones, warnings, and whatever is addressed
    to another site or stops it. Streams of data cross only where they are named. What is addressed
    to somebody waits for the link while that is down, state is said anew; a retained value that is
    cleared meanwhile stays at the other side until it is cleared again.

    Attributes:
        site: The site whose MQTT broker this is.
        host: The hub's, a name or an address.
        port: The hub's.
        realm: First level of every topic.
        peers: The other sites, at least one; state of sites that are not named does not come in.
            (A wildcard would bring the site's own values back, old ones too, over its new ones.)
        streams: ``site/node/stream`` of each stream that crosses, wildcards allowed. The site's own
            go out, the others' come in.
        username: At the hub; the site's name unless given.
        password: At the hub.
        client_id: At the hub; ``site/bridge`` unless given, and the same at every start. Of the
            connection by which messages come in with ``/in`` behind it.
        ca: PEM file of the authority that signed the hub's certificate; None is no TLS, which is
            for one machine alone unless LABMESH_PLAIN_MQTT is 1.
        cert: PEM file of the site's own certificate, where the hub asks for one.
        key: Its key.
        keepalive: Seconds.
    """

    site: str
    host: str
    port: int
    realm: str = DEFAULT_REALM
    peers: tuple[str, ...]
    streams: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = None
    client_id: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    keepalive: int = KEEPALIVE

    def __post_init__(self) -> None:
        check_name(self.realm, "realm")
        for site in (self.site, *self.peers):
            check_name(site, "site")
        if not self.peers or self.site in self.peers:
            raise ConfigurationError(
                "the peers of a bridged site are the other sites", where=f"bridge of {self.site}"
            )
        for stream in self.streams:
            check_filter(stream)
            if stream.count("/") < 2 or stream.startswith(("+", "#")):
                raise ConfigurationError(
                    "a stream that crosses sites is named as site/node/stream", where=stream
                )
        for word in (self.host, self.username, self.password, self.client_id):
            # A line end would begin another setting.
            if word is not None and (not word or not word.isprintable()):
                raise ConfigurationError("empty, or not printable", where="bridge")
        if (self.cert is None) != (self.key is None):
            raise ConfigurationError("a certificate needs its key, and the reverse", where="bridge")
        if self.ca is None:
            refuse_plain(self.host, where=f"bridge of {self.site}")

    @property
    def link(self) -> str:
        """The topic that says ``1`` while the site is connected to the hub, else ``0``."""
        return link_topic(self.realm, self.site)

    def render(self) -> str:
        """Return the sections for ``mosquitto.conf``; they belong at the file's end.

        One connection a direction: mosquitto does not set TCP_NODELAY on those it opens itself, and
        the acknowledgement of what came in would hold up what goes out by 40 ms (measured).

        The site's own MQTT broker needs no account for it: mosquitto's access rules do not concern
        a bridge. At the hub `username` must be allowed to write below the site's prefix, and to
        read.
        """
        out = [f"topic {pattern} out {qos}" for pattern, qos in self.exports()]
        into = [f"topic {pattern} in {qos}" for pattern, qos in self.imports()]
        # The hub's uptime, as a sign of its life: of a connection that silently carries nothing
        # any more mosquitto tells the hub's end alone.
        into.append(f"topic uptime in 0 {hub_topic(self.realm, self.site, '')} $SYS/broker/")
        told = ["notifications true", f"notification_topic {self.link}"]
        lines = [
            *self._connection("out", "", told, out),
            "",
            *self._connection("in", "/in", ["notifications false"], into),
        ]
        return "\n".join(lines) + "\n"

    def _connection(
        self, name: str, suffix: str, notifications: list[str], topics: list[str]
    ) -> list[str]:
        own = f"{self.site}/{BRIDGE}{suffix}"
        return [
            f"connection {self.site}-{BRIDGE}-{name}",
            f"address {_address(self.host)}:{self.port}",
            "bridge_protocol_version mqttv50",
            f"remote_clientid {self.client_id + suffix if self.client_id else own}",
            f"local_clientid {own}/local",
            f"remote_username {self.username or self.site}",
            *([f"remote_password {self.password}"] if self.password else []),
            # Both sides keep what is published while the link is down.
            "cleansession false",
            f"keepalive_interval {self.keepalive}",
            "restart_timeout {} {}".format(*_RESTART),
            "try_private true",
            *notifications,
            # Nothing was subscribed to that would have to be given up.
            "bridge_attempt_unsubscribe false",
            *([f"bridge_cafile {self.ca}"] if self.ca else []),
            *([f"bridge_certfile {self.cert}", f"bridge_keyfile {self.key}"] if self.cert else []),
            *topics,
        ]

    def exports(self) -> Iterator[tuple[str, int]]:
        """Yield filter and QoS of what leaves the site."""
        own = f"{self.realm}/{self.site}"
        yield from ((f"{own}/+/{kind}", _NOW) for kind in _told())
        yield f"{own}/+/{STOP}", _NOW
        for peer in self.peers:
            yield f"{own}/+/{STOP}/{peer}/#", _NOW
            yield from ((f"{own}/+/{kind}", _KEPT) for kind in _addressed(peer))
        for site, rest, qos in self._streams():
            if site == self.site:
                yield f"{own}/{rest}", qos

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield filter and QoS of what comes in."""
        for peer in self.peers:
            theirs = f"{self.realm}/{peer}"
            # Not exported: a bridge says it of itself at both ends.
            yield f"{theirs}/{BRIDGE}/{LINK}", _NOW
            yield from ((f"{theirs}/+/{kind}", _NOW) for kind in _told())
            yield f"{theirs}/+/{STOP}", _NOW
            yield f"{theirs}/+/{STOP}/{self.site}/#", _NOW
            yield from ((f"{theirs}/+/{kind}", _KEPT) for kind in _addressed(self.site))
        for site, rest, qos in self._streams():
            if site in self.peers:
                yield f"{self.realm}/{site}/{rest}", qos

    def _streams(self) -> Iterator[tuple[str, str, int]]:
        named = [tuple(stream.split("/", 2)) for stream in self.streams]
        yield from ((site, f"{node}/data/{rest}", _KEPT) for site, node, rest in named)
        # By its beat a subscriber knows that a silent stream's node still works.
        nodes = dict.fromkeys((site, node) for site, node, _ in named)
        yield from ((site, f"{node}/beat", _NOW) for site, node in nodes)


def _told() -> Iterator[str]:
    yield from _STATE
    yield from (f"event/{kind}" for kind in _EVENTS)
    yield from (f"log/{level}" for level in _LOGS)


def _addressed(site: str) -> Iterator[str]:
    for kind in sorted(ADDRESSED):
        yield f"{kind}/+/{site}/#" if kind == "journal" else f"{kind}/{site}/#"


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host
