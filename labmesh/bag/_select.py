"""Which topics are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messages.errors import ConfigurationError
from messages.topics import check_filter, matches

_ALL: Final = "#"


@dataclass(frozen=True, slots=True)
class Selection:
    """Topics by filters and regular expressions.

    Attributes:
        realm: First level of every topic.
        filters: MQTT topic filters, whole; empty for every topic of the realm.
        regex: One that occurs in the topic without its realm, or None.
        exclude: Those in which this one occurs are left out, or None.
    """

    realm: str
    filters: tuple[str, ...] = ()
    regex: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None

    @classmethod
    def of(
        cls, realm: str, filters: tuple[str, ...] = (), regex: str = "", exclude: str = ""
    ) -> Selection:
        """Return the selection of texts as a person writes them.

        Raises:
            ConfigurationError: A regular expression is none.
            TopicError: A filter is malformed.
        """
        checked = tuple(dict.fromkeys(check_filter(each) for each in filters))
        return cls(realm, checked, _compiled(regex), _compiled(exclude))

    def wants(self, topic: str) -> bool:
        """Tell whether ``topic`` is one of them."""
        if self.filters and not any(matches(each, topic) for each in self.filters):
            return False
        rest = topic.partition("/")[2]
        if self.regex is not None and not self.regex.search(rest):
            return False
        return self.exclude is None or not self.exclude.search(rest)

    def subscriptions(self) -> tuple[str, ...]:
        """Return filters that bring each wanted topic exactly once.

        An MQTT broker may deliver a message once for each filter of a connection that it matches
        (MQTT 5 section 3.3.4), so no two of these match the same topic.
        """
        if not self.filters:
            return (f"{self.realm}/{_ALL}",)
        kept = [
            each
            for each in self.filters
            if not any(covers(other, each) for other in self.filters if other != each)
        ]
        clash = any(overlap(one, other) for i, one in enumerate(kept) for other in kept[i + 1 :])
        return (f"{self.realm}/{_ALL}",) if clash else tuple(kept)


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every topic that matches the filter ``narrow`` matches ``wide``, too."""
    outer, inner = wide.split("/"), narrow.split("/")
    for index, level in enumerate(outer):
        if level == "#":
            return True
        # "a/#" also matches "a", so "a/+" does not cover it.
        if index == len(inner) or inner[index] == "#":
            return False
        if level not in ("+", inner[index]):
            return False
    return len(outer) == len(inner)


def overlap(one: str, other: str) -> bool:
    """Tell whether some topic matches both filters."""
    left, right = one.split("/"), other.split("/")
    for a, b in zip(left, right, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    if len(left) == len(right):
        return True
    longer = max(left, right, key=len)
    return longer[min(len(left), len(right))] == "#"


def _compiled(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigurationError(
            f"{text!r} is no regular expression: {error}", remedy="as Python's re module has them"
        ) from None
