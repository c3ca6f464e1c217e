"""Unknown names: what was meant, and what there is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from messages.errors import ConfigurationError

_LISTED: Final = 12


def unknown(
    what: str, name: str, known: Iterable[str], *, where: str = "", look: str
) -> ConfigurationError:
    """Return the error for a name that is not among ``known``.

    Args:
        what: ``node``, ``service`` ...
        name: As given.
        known: The real ones.
        where: Whose names they are.
        look: The command that lists them all.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    parts = [f"did you mean {close[0]}?"] if close else []
    if not names:
        parts.append("there is none")
    elif not close:
        more = ", ..." if len(names) > _LISTED else ""
        parts.append(f"there are {', '.join(names[:_LISTED])}{more}")
    parts.append(f"see `{look}`")
    return ConfigurationError(f"no {what} {name!r}", where=where, remedy=", ".join(parts))
