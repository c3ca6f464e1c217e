"""Search: results found by what they mean."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nodes.search._node import SearchNode
    from nodes.search._parameters import SearchParameters
    from nodes.search._services import (
        Condition,
        FindArguments,
        Findings,
        Found,
        Meant,
        Question,
        RelatedArguments,
        SearchStatus,
        SparqlAnswer,
        SparqlArguments,
    )

__all__ = [
    "Condition",
    "FindArguments",
    "Findings",
    "Found",
    "Meant",
    "Question",
    "RelatedArguments",
    "SearchNode",
    "SearchParameters",
    "SearchStatus",
    "SparqlAnswer",
    "SparqlArguments",
]

_HOMES: Final = {"SearchNode": "_node", "SearchParameters": "_parameters"}


def __getattr__(name: str) -> Any:
    """Import on first use: the process of the store must not pay for the node."""
    if name in __all__:
        home = _HOMES.get(name, "_services")
        return getattr(import_module(f"nodes.search.{home}"), name)
    raise AttributeError(f"module 'nodes.search' has no attribute {name!r}")
