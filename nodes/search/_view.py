"""Looking at the triples that somebody may see, one thing at a time."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode

from nodes.search._store import CONFIDENTIAL, TripleStore
from nodes.search._terms import TYPE, iri


class View:
    """The graph as somebody sees it; IRIs and values are text.

    Args:
        store: The store.
        inside: Whether what never leaves the site is seen.
    """

    def __init__(self, store: TripleStore, *, inside: bool) -> None:
        self._store = store.store
        self._graphs: list[DefaultGraph | NamedNode] = [DefaultGraph()]
        if inside and store.has_confidential:
            self._graphs.append(CONFIDENTIAL)

    def all(self, subject: str, *properties: str) -> list[str]:
        """Return the values of some properties, without repetition, sorted."""
        return sorted(set(self._all(subject, properties)))

    def one(self, subject: str, *properties: str) -> str:
        """Return the first of `all`; empty: there is none."""
        return next(iter(self.all(subject, *properties)), "")

    def who(self, value: str, *properties: str) -> list[str]:
        """Return the things of which a property has the value (an IRI), sorted."""
        found = {
            quad.subject.value
            for name in properties
            for graph in self._graphs
            for quad in self._store.quads_for_pattern(
                None, NamedNode(name), NamedNode(value), graph
            )
            if isinstance(quad.subject, NamedNode | BlankNode)
        }
        return sorted(found)

    def any(self, name: str) -> bool:
        """Tell whether anything has a property."""
        return any(
            next(iter(self._store.quads_for_pattern(None, NamedNode(name), None, graph)), None)
            for graph in self._graphs
        )

    def types(self, subject: str) -> set[str]:
        """Return the classes of a thing."""
        return set(self.all(subject, TYPE))

    def number(self, quantity: str) -> tuple[float | None, str]:
        """Return a quantity's number, and the IRI of its unit."""
        part = self.one(quantity, iri("hasNumericalPart"))
        text = self.one(part, iri("hasNumberValue")) if part else ""
        try:
            value = float(text) if text else None
        except ValueError:
            value = None
        return value, self.one(quantity, iri("hasMeasurementUnit"))

    def _all(self, subject: str, properties: tuple[str, ...]) -> Iterator[str]:
        node = NamedNode(subject)
        for name in properties:
            for graph in self._graphs:
                for quad in self._store.quads_for_pattern(node, NamedNode(name), None, graph):
                    if isinstance(quad.object, NamedNode | BlankNode | Literal):
                        yield quad.object.value
