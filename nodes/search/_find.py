"""Answering a question from the store."""

from __future__ import annotations

import time
from typing import Final

from pyoxigraph import NamedNode, QuerySolutions

from nodes.search._lexicon import Lexicon
from nodes.search._plan import freed, query
from nodes.search._reading import Reading
from nodes.search._rows import Teller
from nodes.search._services import Findings, Found, Question
from nodes.search._store import TripleStore
from nodes.search._terms import PROV
from nodes.search._understand import understand
from nodes.search._view import View

_SIZE: Final = 44 * 1024
"""Bytes of values on one page, as JSON, so that it travels with what is around it."""

_PATIENCE: Final = 1.0
"""Wall seconds after which no further hint is looked for."""

_COUNTED: Final = 100
"""Values up to which those are counted that a freer question would find."""


def find(
    store: TripleStore, lexicon: Lexicon, question: Question, *, inside: bool, provenance: bool
) -> Findings:
    """Return a page of what was found, and how the question was understood.

    Raises:
        LabmeshError: Nothing of the question was understood, or an option was not.
    """
    reading = understand(question, lexicon)
    view = View(store, inside=inside)
    amended = view.any(f"{PROV}invalidatedAtTime")
    wanted = query(reading, lexicon, skip=question.after, limit=question.limit + 1, amended=amended)
    rows = _rows(store, wanted, inside=inside)
    teller = Teller(view, lexicon)
    told: list[Found] = []
    size = 0
    for result, quantity in rows[: question.limit]:
        each = teller.found(result, quantity, provenance=provenance)
        size += len(each.model_dump_json())
        if told and size > _SIZE:
            break
        told.append(each)
    more = len(rows) > len(told)
    hints = list(reading.hints)
    if not rows and not question.after:
        hints += _why_nothing(store, lexicon, reading, inside=inside)
    return Findings(
        understood=tuple(reading.understood),
        ignored=tuple(reading.ignored),
        hints=tuple(hints),
        found=tuple(told),
        next=question.after + len(told) if more else None,
    )


def _why_nothing(
    store: TripleStore, lexicon: Lexicon, reading: Reading, *, inside: bool
) -> list[str]:
    """Return what would be found by asking for one thing less."""
    hints: list[str] = []
    until = time.monotonic() + _PATIENCE
    for name, freer in freed(reading):
        if time.monotonic() > until:
            break
        rows = _rows(store, query(freer, lexicon, skip=0, limit=_COUNTED), inside=inside)
        if rows:
            count = f"{len(rows)} or more" if len(rows) == _COUNTED else str(len(rows))
            words = {"bound": "the bound on the value", "simulated": "simulated or measured"}
            hints.append(f"Without {words.get(name, name)}: {count} found.")
    return hints


def _rows(store: TripleStore, text: str, *, inside: bool) -> list[tuple[str, str]]:
    found = store.ask(text, inside=inside)
    if not isinstance(found, QuerySolutions):
        raise TypeError("the query is a SELECT")
    rows = []
    for row in found:
        result, quantity = row["result"], row["q"]
        if isinstance(result, NamedNode) and isinstance(quantity, NamedNode):
            rows.append((result.value, quantity.value))
    return list(dict.fromkeys(rows))
