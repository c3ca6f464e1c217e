"""Keywords: terms of BattINFO and its kin that occur, and what the person adds."""

from __future__ import annotations

from collections.abc import Iterable

from labmesh.crate._description import CrateDescription


def keywords(types: Iterable[str], said: CrateDescription) -> tuple[str, ...]:
    """Return the keywords of a crate.

    Args:
        types: Labels of the classes that occur in its graph.
        said: What the person adds.
    """
    from labmesh.semantics import vocabulary  # noqa: PLC0415

    found = sorted(vocabulary().keywords & set(types))
    return tuple(dict.fromkeys((*found, *said.keywords)))
