"""The rating of a workflow's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from messages.ledger import Rating
from nodes.overlort._compiled import Compiled
from nodes.overlort._template import TemplateError, render

_LONGEST: Final = 3900


def rated(compiled: Compiled, names: Mapping[str, Any]) -> Rating | None:
    """Return the rating that a workflow gives to its answer, None where its file says none.

    Raises:
        TemplateError: It is no rating.
    """
    if not compiled.rating:
        return None
    said = {n: render(t, names, ("rating", n)) for n, t in compiled.rating.items()}
    try:
        return Rating(
            success=bool(said["success"]),
            rating=max(0, min(5, round(said["rating"]))),
            reason=str(said["reason"])[:_LONGEST],
        )
    except (TypeError, ValueError) as error:
        raise TemplateError(f"no rating: {error}", ("rating",)) from None
