"""Unknown names: what was meant, and what there is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from messages.errors import ConfigurationError

_LISTED: Final = 12


def unknown(
    what: str,
    name: str,
    known: Iterable[str],
    *,
    where: str = "",
    look: str,
    nearest: str | None = None,
) -> ConfigurationError:
    """Return the error for a name that is not among ``known``.

    Args:
        what: ``node``, ``service`` ...
        name: As given.
        known: The real ones.
        where: Whose names they are.
        look: The command that lists them all.
        nearest: The one that was probably meant, where the caller knows better than the spelling;
            empty for none.
    """
    names = sorted(known)
    if nearest is None:
        nearest = next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.5)), "")
    if nearest:
        remedy = f"did you mean {nearest}? `{look}` shows them all"
    elif names:
        more = ", ..." if len(names) > _LISTED else ""
        remedy = f"there are {', '.join(names[:_LISTED])}{more}; see `{look}`"
    else:
        remedy = f"there is none; see `{look}`"
    return ConfigurationError(f"no {what} {name!r}", where=where, remedy=remedy)
