"""Where a recorded topic is played: below the player's own prefix, its author after its class.

``lab1/kit/asab/data/t`` is played by ``kit/bag`` on ``lab1/kit/bag/data/kit/asab/t``: the class of
the topic stays where it is, so that ``+/+/data/#`` finds it, and nothing on it passes for the
author's own word. What was addressed to somebody (requests, orders, calls, results ...) is not
played: it would be addressed to whoever the author was, and an act is not repeated by showing it.
Nor are emergency stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from messages.errors import ConfigurationError, TopicError
from messages.topics import STOP, Topics, check_filter, check_topic, parse_topic

_ARROW: Final = ":="


@dataclass(frozen=True, slots=True)
class Rule:
    """One ``FROM:=TO``; both may end in ``/#``, and then keep what follows.

    Attributes:
        source: Topic without its realm, or the part before ``/#``.
        target: Levels below the player's prefix.
        tail: Whether what follows ``source`` is kept.
    """

    source: str
    target: str
    tail: bool

    @classmethod
    def parse(cls, text: str, realm: str) -> Rule:
        """Return the rule in ``text``.

        Raises:
            ConfigurationError: It is none.
        """
        source, arrow, target = text.partition(_ARROW)
        source = source.removeprefix("~").removeprefix("/").removeprefix(f"{realm}/")
        target = target.removeprefix("~").removeprefix("/")
        tails = (source.endswith("/#"), target.endswith("/#"))
        plain = (source.removesuffix("/#"), target.removesuffix("/#"))
        if not arrow or not all(plain) or tails[0] != tails[1] or "#" in "".join(plain):
            raise ConfigurationError(
                f"{text!r} is no mapping of topics",
                remedy="write kit/asab/data/t:=data/t, or kit/asab/data/#:=data/# for all below",
            )
        try:
            check_filter(source)
            check_topic(plain[1])
        except TopicError as error:
            raise ConfigurationError(error.what, where=text) from None
        return cls(plain[0], plain[1], tails[0])

    def apply(self, topic: str) -> str | None:
        """Return the levels below the player's prefix for a topic without realm, or None."""
        if topic == self.source and not self.tail:
            return self.target
        if self.tail and topic.startswith(self.source + "/"):
            return self.target + topic[len(self.source) :]
        return None


@dataclass(frozen=True, slots=True)
class PlayMap:
    """Maps recorded topics to the player's own.

    Attributes:
        topics: The player's.
        rules: The first that fits wins.
    """

    topics: Topics
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, topics: Topics, remaps: tuple[str, ...] = ()) -> PlayMap:
        """Return the map with the rules in ``remaps``; errors as `Rule.parse`."""
        return cls(topics, tuple(Rule.parse(each, topics.realm) for each in remaps))

    def played(self, topic: str) -> str | None:
        """Return where ``topic`` is played, None where it is not.

        Not played is what is addressed to somebody or stops instruments, what has no author, and
        what would be deeper than MQTT brokers take; a rule may give it a place.
        """
        rest = topic.partition("/")[2]
        for rule in self.rules:
            found = rule.apply(rest)
            if found is not None:
                return self.topics.own(*found.split("/"))
        try:
            parsed = parse_topic(topic)
            if parsed.to is not None or parsed.kind == STOP:
                return None
            author = parsed.author
            return self.topics.own(parsed.kind, author.site, author.node, *parsed.rest)
        except TopicError:
            return None
