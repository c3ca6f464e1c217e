"""Logical names of inputs and call targets, and what they stand for at this site."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from messages.errors import ConfigurationError, LabmeshError, NameInvalidError
from messages.ids import NodeId

_WORDS: Final = "write it as name:=site/node"


def parse_remap(rules: Iterable[str]) -> dict[str, NodeId]:
    """Return ``name:=site/node`` rules as a map.

    Raises:
        ConfigurationError: A rule is none, its target is no node, or a name is bound twice.
    """
    found: dict[str, NodeId] = {}
    for rule in rules:
        name, assign, target = rule.partition(":=")
        if not assign or not name or not target:
            raise ConfigurationError(f"--remap {rule!r} is no rule", remedy=_WORDS)
        try:
            node = NodeId.parse(target)
        except NameInvalidError as error:
            what = error.what.partition("\n")[0]
            raise ConfigurationError(f"--remap {rule!r}: {what}", remedy=_WORDS) from None
        if found.setdefault(name, node) != node:
            raise ConfigurationError(
                f"{name} is remapped to {found[name]} and to {node}", remedy="leave one out"
            )
    return found


class Names:
    """Says which node a logical name means.

    A name means the node of that name at one's own site, unless it is remapped; ``site/node`` means
    that node.

    Args:
        me: Whose names they are.
        declared: Names that may be remapped.
        remap: What some of them mean here.

    Raises:
        ConfigurationError: A name to remap is not declared, or means the node itself.
    """

    def __init__(self, me: NodeId, declared: Iterable[str], remap: Mapping[str, NodeId]) -> None:
        self._me = me
        self._remap = dict(remap)
        known = sorted(set(declared))
        for name in self._remap:
            if name in (me.node, str(me), "~") and name not in known:
                raise ConfigurationError(
                    f"{name} is the node itself: what it publishes cannot be remapped",
                    where=str(me),
                    remedy="start it under another --name, and remap those who listen to it",
                )
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                raise ConfigurationError(
                    f"there is no input or call target {name!r} to remap",
                    where=str(me),
                    remedy=(f"did you mean {close[0]}? " if close else "")
                    + (f"it has {', '.join(known)}" if known else "it has none"),
                )

    def resolve(self, name: str) -> NodeId:
        """Return the node that ``name`` means.

        Raises:
            ConfigurationError: It is no name of a node.
        """
        if name in self._remap:
            return self._remap[name]
        try:
            return NodeId.parse(name) if "/" in name else NodeId(self._me.site, name)
        except LabmeshError as error:
            raise ConfigurationError(error.what, where=str(self._me), remedy=error.remedy) from None
