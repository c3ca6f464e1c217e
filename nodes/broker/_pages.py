"""Pages that fit a reply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from messages.envelope import pack, unpack
from messages.model import JsonObject

PAGE_BYTES: Final = 64 * 1024
"""Largest page, packed."""

_FRAME: Final = 512
"""Bytes kept for what stands beside the items."""


def plain(value: JsonObject) -> JsonObject:
    """Return ``value`` as it arrives at the other end of a call: uuids and enums are text."""
    return dict(unpack(pack(value)))


def fill(
    items: Iterable[tuple[int, JsonObject]], limit: int
) -> tuple[list[JsonObject], int | None]:
    """Return as many items as fit, at least one, and the cursor of the last one if more follow.

    Args:
        items: (cursor, item), one more than ``limit`` where there are more.
        limit: Most items.
    """
    page: list[JsonObject] = []
    size, last = _FRAME, 0
    for cursor, item in items:
        packed = pack(item)
        if page and (len(page) == limit or size + len(packed) > PAGE_BYTES):
            return page, last
        page.append(dict(unpack(packed)))
        size += len(packed)
        last = cursor
    return page, None


def newest_that_fit(lines: list[JsonObject]) -> list[Any]:
    """Return the first line and as many of the last ones as fit a page."""
    if not lines:
        return []
    size = _FRAME + len(pack(lines[0]))
    kept: list[Any] = []
    for line in reversed(lines[1:]):
        size += len(pack(line))
        if size > PAGE_BYTES:
            break
        kept.append(plain(line))
    return [plain(lines[0]), *reversed(kept)]
