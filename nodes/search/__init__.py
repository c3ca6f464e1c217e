"""Search: results found by what they mean."""

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
