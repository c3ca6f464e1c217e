"""Identifiers: time-ordered uuids and the names of realms, sites, nodes and capabilities."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from uuid_utils import compat, uuid7

from messages.errors import NameInvalidError

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
MAX_NAME: Final = 32
"""Longest name. The longest topic, ``~/request/@/{quantity}/{method}``, holds seven of them and
stays below 256 bytes."""

_SHOWN: Final = 80


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562 section 5.7): unique, and ordered by the time of its making."""
    return compat.uuid7()


def new_id_text() -> str:
    """Return the text of a `new_id`, for who needs no more."""
    return str(uuid7())


def check_name(name: str, what: str = "name") -> str:
    """Return ``name`` when it is ``[a-z][a-z0-9_-]*`` of at most 32 characters.

    Raises:
        NameInvalidError: It is not; the message carries a caret under the first bad character.
    """
    match = _NAME.match(name)
    end = match.end() if match else 0
    if end == len(name) and 0 < len(name) <= MAX_NAME:
        return name
    bad = min(end, MAX_NAME)
    # One line however wild the name: control characters would shift the caret or the terminal.
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:_SHOWN])
    raise NameInvalidError(
        f"{what} {name[:_SHOWN]!r} is not a valid name\n  {line}\n  {' ' * bad}^\n",
        remedy=f"use [a-z][a-z0-9_-]*, at most {MAX_NAME} characters",
    )


@dataclass(frozen=True, slots=True, order=True)
class NodeId:
    """The identity of a node: ``site/node``."""

    site: str
    node: str

    def __post_init__(self) -> None:
        check_name(self.site, "site")
        check_name(self.node, "node")

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> NodeId:
        """Parse ``site/node``.

        Raises:
            NameInvalidError: There is not exactly one slash, or a part is not a valid name.
        """
        site, slash, node = text.partition("/")
        if not slash:
            raise NameInvalidError(f"{text!r} is not a node", remedy="write it as site/node")
        return cls(site, node)

    def __str__(self) -> str:
        return f"{self.site}/{self.node}"
