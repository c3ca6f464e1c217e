"""What the triple store is asked: the verbs of its process, and of whoever reads a file."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from messages.errors import LabmeshError
from nodes.search._sparql import GRAPHS, TABLES, check, evaluate, written
from nodes.search._store import Document, Place, TripleStore

if TYPE_CHECKING:
    from nodes.search._answers import Answers


class Desk:
    """Answers with plain values, so that the asker may be another process.

    Args:
        store: Is asked.
    """

    def __init__(self, store: TripleStore) -> None:
        self._store = store

    def state(self) -> dict[str, Any]:
        """Return how far the store is."""
        place = self._store.place()
        return {
            "offset": place.offset,
            "hash": place.hash,
            "edition": place.edition,
            "withheld": self._store.withheld(),
        }

    def size(self) -> int:
        """Return the number of triples."""
        return self._store.size()

    def found(self, ontology: str, edition: str) -> None:
        """Begin an empty store with the ontology (Turtle)."""
        self._store.found(ontology, edition)
        self.__dict__.pop("_answers", None)

    def take(self, documents: list[Document], offset: int, chain: str, edition: str) -> int:
        """Add described entries, all or none; return the triples given."""
        return self._store.take(documents, Place(offset, chain, edition))

    def sparql(
        self, query: str, *, inside: bool, table: str | None = "json",
        graph: str | None = "turtle", skip: int = 0, rows: int, size: int,
    ) -> dict[str, Any]:  # fmt: skip
        """Answer a query, if it only reads what is here.

        Args:
            query: SPARQL 1.1.
            inside: Whether the asker may see what never leaves the site.
            table: The form of an answer to SELECT or ASK; None: the asker takes none.
            graph: The form of an answer to CONSTRUCT or DESCRIBE; likewise.
            skip: Rows to leave out at the beginning.
            rows: Most rows.
            size: Bytes, about, after which no further row is added.

        Returns:
            text, media_type, rows on it, more: whether others follow.

        Raises:
            LabmeshError: It is refused, or its answer is not written in that form.
        """
        plain = check(query)
        part = evaluate(self._store, plain, inside=inside, skip=skip, rows=rows, size=size)
        form = graph if part.kind == "graph" else table
        if form is None:
            raise LabmeshError(
                "the answer to this query is not written in any form that is accepted",
                where="Accept", remedy=f"accept {', '.join((TABLES | GRAPHS).values())}",
            )  # fmt: skip
        return {
            "text": written(part, form),
            "media_type": (TABLES | GRAPHS)[form],
            "rows": len(part.bindings) + len(part.triples),
            "more": part.more,
        }

    def find(self, question: dict[str, Any], *, inside: bool, provenance: bool) -> dict[str, Any]:
        """Answer a `nodes.search._services.Question`, with the fields of `Findings`."""
        return self._answers.find(question, inside=inside, provenance=provenance)

    def related(self, like: str, *, limit: int, inside: bool, provenance: bool) -> dict[str, Any]:
        """Return what is nearest to a result or a sample, with the fields of `Findings`."""
        return self._answers.related(like, limit=limit, inside=inside, provenance=provenance)

    def warm(self) -> None:
        """Read what recommendations need, before anybody waits for it."""
        self._answers.warm()

    @cached_property
    def _answers(self) -> Answers:
        # Begins a second later, where the store alone must be there soon.
        from nodes.search._answers import Answers  # noqa: PLC0415

        return Answers(self._store)
