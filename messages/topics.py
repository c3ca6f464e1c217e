"""The topic tree: who may publish where, and how a topic reads.

``~`` is ``{realm}/{site}/{node}``, the author's own prefix and the only place it may publish to;
``@`` is ``{toSite}/{toNode}``, the addressee. At most 8 levels and 256 bytes (AWS IoT Core's,
the tightest of the clustered MQTT brokers).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from messages.errors import NameInvalidError, TopicError
from messages.ids import NodeId, check_name

DEFAULT_REALM: Final = "lab1"
MAX_LEVELS: Final = 8
MAX_BYTES: Final = 256

ADDRESSED: Final = frozenset(
    {
        "call", "reply", "request", "cancel", "decision", "amend", "progress", "result",
        "order", "void", "receipt", "journal", "fetch",
    }
)  # fmt: skip
"""Classes of topics that name an addressee, ``@``."""


BRIDGE: Final = "bridge"
"""The name of a site's bridge to the hub; no node has it."""

STOP: Final = "estop"
"""The class of topics of emergency stops: ``~/estop`` stops every site, ``~/estop/{site}`` one,
``~/estop/{site}/{node}`` one node."""

LINK: Final = "link"
HUB: Final = "hub"


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed topic.

    Attributes:
        realm: The realm.
        author: The node whose prefix it is.
        kind: The class of topic: ``node``, ``offer``, ``call``, ``request`` ...
        to: The addressee of a directed topic, else None.
        rest: The levels that remain. For ``journal`` the entry's kind comes first.
    """

    realm: str
    author: NodeId
    kind: str
    to: NodeId | None
    rest: tuple[str, ...]

    @property
    def name(self) -> str:
        """The topic as text."""
        head, to = [self.realm, str(self.author), self.kind], [str(self.to)] if self.to else []
        cut = 1 if self.kind == "journal" else 0
        return "/".join((*head, *self.rest[:cut], *to, *self.rest[cut:]))


@dataclass(frozen=True, slots=True)
class Topics:
    """Builds the topics that ``me`` publishes, and the filters of those it reads."""

    me: NodeId
    realm: str = DEFAULT_REALM

    def __post_init__(self) -> None:
        check_name(self.realm, "realm")

    @property
    def prefix(self) -> str:
        """``~``: the only prefix this node may publish below."""
        return f"{self.realm}/{self.me}"

    def own(self, *levels: str) -> str:
        """Return ``~/levels...``.

        Raises:
            TopicError: The topic would be too deep, too long or hold a wildcard.
        """
        return check_topic("/".join((self.prefix, *levels)))

    def to(self, kind: str, to: NodeId, *levels: str) -> str:
        """Return ``~/kind/@/levels...``."""
        return self.own(kind, to.site, to.node, *levels)

    def journal(self, kind: str, to: NodeId) -> str:
        """Return ``~/journal/{kind}/@``."""
        return self.own("journal", kind, to.site, to.node)

    def stop(self, site: str | None = None, node: str | None = None) -> str:
        """Return the topic of an emergency stop of a node, of a site, or of all sites."""
        return self.own(STOP, *(each for each in (site, node) if each is not None))

    def stops_me(self) -> tuple[str, ...]:
        """Return the filters of the emergency stops that concern this node, whoever presses."""
        site, node = self.me.site, self.me.node
        return tuple(self.of(None, STOP, *at) for at in ((), (site,), (site, node)))

    def of(self, author: NodeId | None, *levels: str) -> str:
        """Return the filter for ``levels`` below one author's prefix, or below everyone's."""
        return "/".join((self.realm, str(author) if author else "+/+", *levels))

    def to_me(self, kind: str, *levels: str, author: NodeId | None = None) -> str:
        """Return the filter for ``kind`` addressed to this node."""
        return self.of(author, kind, self.me.site, self.me.node, *levels)


def link_topic(realm: str, site: str) -> str:
    """Return ``{realm}/{site}/bridge/link``: ``1`` while a site is connected to the hub, or ``0``.

    Retained, and no envelope: the MQTT broker of the site writes it, and the hub's in its place.
    """
    return f"{realm}/{site}/{BRIDGE}/{LINK}"


def hub_topic(realm: str, site: str, figure: str = "uptime") -> str:
    """Return ``{realm}/{site}/bridge/hub/uptime``: comes every few seconds while the hub is heard.

    No envelope: what the hub's MQTT broker publishes under ``$SYS/broker``, as bridged to a site.
    """
    return f"{realm}/{site}/{BRIDGE}/{HUB}/{figure}"


def parse_topic(topic: str) -> Topic:
    """Take a topic apart.

    Raises:
        TopicError: It is not of the shape ``{realm}/{site}/{node}/{kind}/...``, or a node in it
            has no valid name.
    """
    levels = topic.split("/")
    if len(levels) < 4 or not all(levels):
        raise TopicError("topic is not {realm}/{site}/{node}/{kind}/...", where=_shown(topic))
    realm, site, node, kind, *rest = levels
    author = _node(site, node, topic)
    if kind not in ADDRESSED:
        return Topic(realm, author, kind, None, tuple(rest))
    head = rest[:1] if kind == "journal" else []
    tail = rest[len(head) :]
    if len(tail) < 2:
        raise TopicError(
            f"a {kind} topic names its addressee, {{site}}/{{node}}", where=_shown(topic)
        )
    return Topic(realm, author, kind, _node(tail[0], tail[1], topic), (*head, *tail[2:]))


def check_topic(topic: str) -> str:
    """Return ``topic`` when a message may be published to it.

    Raises:
        TopicError: It is empty, too long, too deep, has an empty level, a wildcard or a control
            character (MQTT 5 section 4.7).
    """
    levels = topic.split("/")
    _check_size(topic, levels)
    if any("+" in level or "#" in level for level in levels):
        raise TopicError("a topic to publish to has no wildcards", where=topic)
    return topic


def check_filter(pattern: str) -> str:
    """Return ``pattern`` when it may be subscribed to.

    Raises:
        TopicError: As `check_topic`, or a wildcard that does not stand alone in its level, or a
            ``#`` before the last level.
    """
    levels = pattern.split("/")
    _check_size(pattern, levels)
    for index, level in enumerate(levels):
        if ("+" in level or "#" in level) and len(level) > 1:
            raise TopicError("a wildcard stands alone in its level", where=pattern)
        if level == "#" and index + 1 != len(levels):
            raise TopicError("# is the last level of a filter", where=pattern)
    return pattern


def matches(pattern: str, topic: str) -> bool:
    """Tell whether ``topic`` matches the filter ``pattern`` (MQTT 5 section 4.7.1)."""
    filters = pattern.split("/")
    levels = topic.split("/")
    if topic.startswith("$") and filters[0] in ("+", "#"):
        return False
    for index, wanted in enumerate(filters):
        if wanted == "#":
            return True
        if index == len(levels) or wanted not in ("+", levels[index]):
            return False
    return len(filters) == len(levels)


def _check_size(topic: str, levels: list[str]) -> None:
    if len(topic.encode(errors="surrogatepass")) > MAX_BYTES:
        raise TopicError(f"topic is longer than {MAX_BYTES} bytes", where=_shown(topic))
    if len(levels) > MAX_LEVELS:
        raise TopicError(f"topic has {len(levels)} levels, at most {MAX_LEVELS}", where=topic)
    if not all(levels):
        raise TopicError("topic has an empty level", where=topic)
    # MQTT 5 section 1.5.4: no surrogates, and U+0001..001F, U+007F..009F should not occur.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in topic):
        raise TopicError("topic has a control character", where=repr(topic))


def _node(site: str, node: str, topic: str) -> NodeId:
    try:
        return NodeId(site, node)
    except NameInvalidError as error:
        raise TopicError(error.what.partition("\n")[0], where=_shown(topic)) from None


def _shown(topic: str) -> str:
    return topic if len(topic) <= MAX_BYTES else topic[:80] + "..."
