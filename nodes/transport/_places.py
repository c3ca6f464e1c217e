"""Places as people write them, and whether two of them can be the same."""

from __future__ import annotations

import re
from typing import Final

from messages.location import Location

_PARTS: Final = re.compile(r"[/,]")
_LONGEST: Final = 200
"""Characters of one part of a `Location`."""


def place_of(text: str) -> Location | None:
    """Return the place that ``address / detail_1 / detail_2`` says; None where it says none.

    What stands after a third slash belongs to the last part.
    """
    parts = [" ".join(each.split())[:_LONGEST] for each in text.split("/", 2)]
    if not parts[0]:
        return None
    parts += [""] * (3 - len(parts))
    return Location(address=parts[0], detail_1=parts[1], detail_2=parts[2])


def lies_in(inner: str, outer: str) -> bool:
    """Tell whether ``inner`` is ``outer``, or a place in it; by words, whatever their case."""
    inner_parts, outer_parts = _parts(inner), _parts(outer)
    return inner_parts[: len(outer_parts)] == outer_parts


def may_be_same(one: str, other: str) -> bool:
    """Tell whether two places may be the same, one perhaps said more exactly than the other."""
    return lies_in(one, other) or lies_in(other, one)


def same_address(one: str, other: str) -> bool:
    """Tell whether two places are in the same building, or one does not say."""
    return _parts(one)[:1] == _parts(other)[:1] or not one.strip() or not other.strip()


def _parts(text: str) -> list[str]:
    """Return the parts of a place. Nodes separate them by slashes or commas."""
    return [" ".join(each.casefold().split()) for each in _PARTS.split(text) if each.strip()]
