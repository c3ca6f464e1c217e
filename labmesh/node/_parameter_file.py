"""Parameter files: a plain map of names to values, or ROS 2's with sections by node."""

from __future__ import annotations

from typing import Any, Final

from messages.errors import ConfigurationError
from messages.ids import NodeId
from messages.model import JsonObject

_SECTION: Final = "ros__parameters"
"""Key below which ROS 2's parameter files have a node's parameters."""

_EVERYONE: Final = ("/**", "/*")
"""Sections for every node, those that lose first."""


def parameters_of(document: dict[str, Any], node: NodeId | str, *, where: str) -> JsonObject:
    """Return what a parameter file says for one node.

    A section is named ``/**`` (every node), ``asab``, ``/asab``, ``kit/asab`` or ``/kit/asab``; the
    more exact one wins. A file without sections is the node's as a whole.

    Raises:
        ConfigurationError: Sections and plain values are mixed, or no section is for this node.
    """
    sections = {
        str(name): value[_SECTION]
        for name, value in document.items()
        if isinstance(value, dict) and set(value) == {_SECTION}
    }
    if not sections:
        return document
    if odd := [str(name) for name in document if str(name) not in sections]:
        raise ConfigurationError(
            f"{odd[0]} has no {_SECTION}, which other sections have",
            where=where,
            remedy=f"write `{odd[0]}: {{{_SECTION}: {{...}}}}`, or no sections at all",
        )
    own = str(node).rpartition("/")[2]
    names = (*_EVERYONE, own, f"/{own}", str(node), f"/{node}")
    found = [sections[name] or {} for name in names if name in sections]
    if not found:
        raise ConfigurationError(
            f"has no parameters for {node}",
            where=where,
            remedy=f"it has sections for {', '.join(sorted(sections))}",
        )
    merged: JsonObject = {}
    for section in found:
        if not isinstance(section, dict):
            raise ConfigurationError(f"{_SECTION} is not a map of parameters", where=where)
        merged |= section
    return merged
