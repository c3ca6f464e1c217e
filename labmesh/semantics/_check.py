"""Shapes: what a description must have and may not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rdflib import Graph


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that a shape does not allow.

    Attributes:
        severity: What its shape says of it; a warning is advice.
        node: IRI of what it is about.
        path: What is wrong with it: IRI of a property, or a path in words; empty where none.
        message: Words for people.
        value: The value that is wrong, as text; empty where one is missing.
        shape: IRI of the shape.
    """

    severity: Literal["violation", "warning", "info"]
    node: str
    path: str
    message: str
    value: str
    shape: str


def check(graph: Graph) -> tuple[Violation, ...]:
    """Return what our shapes and BattINFO's find wrong with a graph, the worst first.

    Sub-classes count as their super-classes. Blocks: tens of milliseconds for an entry.
    """
    raise NotImplementedError
