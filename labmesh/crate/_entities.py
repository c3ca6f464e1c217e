"""Entities of an RO-Crate: flat objects that name one another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from labmesh.crate._licences import Licence
from messages.model import JsonObject


class Entities:
    """The entities of a crate, each once."""

    def __init__(self) -> None:
        self._found: dict[str, JsonObject] = {}

    def add(self, identity: str, types: str | list[str], **properties: Any) -> JsonObject:
        """Add an entity, or find it; return the reference to it. Empty properties are left out."""
        kept = {key: value for key, value in properties.items() if value not in (None, "", [], {})}
        self._found.setdefault(identity, {"@id": identity, "@type": types, **kept})
        return {"@id": identity}

    def __iter__(self) -> Iterator[JsonObject]:
        """Yield them in the order of their identities, descriptor and root first."""
        first = ("ro-crate-metadata.json", "./")
        yield from (self._found[name] for name in first if name in self._found)
        yield from (self._found[name] for name in sorted(self._found) if name not in first)


def add_licence(entities: Entities, licence: Licence) -> JsonObject:
    """Add a licence; return the reference to it."""
    return entities.add(
        licence.url, "CreativeWork", name=licence.name, identifier=licence.id, url=licence.url,
        description=f"SPDX identifier {licence.id}",
    )  # fmt: skip


def refs(identities: Iterable[str]) -> list[JsonObject]:
    """Return references."""
    return [{"@id": each} for each in identities]


def one_or_all(items: list[Any]) -> Any:
    """Return the only item, else the list."""
    return items[0] if len(items) == 1 else items


def href(path: str) -> str:
    """Return the relative URL of a file in the crate."""
    return quote(path, safe="/-._~+=@")


def slug(text: str) -> str:
    """Return a text as part of a local identity."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
