"""Triples as Turtle, the same bytes for the same triples.

Our own, because the two libraries at hand will not do: rdflib writes seven digits of a double,
pyoxigraph its prefixes in another order each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from labmesh.semantics._render import ESCAPES, TYPE, Triple
from labmesh.semantics._words import Words

_LOCAL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""Names that may follow a prefix as they are; Turtle allows more."""


def as_turtle(triples: Iterable[Triple], words: Words) -> Iterator[str]:
    """Yield the lines of a Turtle document, sorted by subject, property and value."""
    bases = {words.expand(f"{prefix}:"): prefix for prefix in words.prefixes}
    for base, prefix in sorted(bases.items(), key=lambda item: item[1]):
        yield f"@prefix {prefix}: <{base}> .\n"

    def named(iri: str) -> str:
        cut = max(iri.rfind("#"), iri.rfind("/"), iri.rfind(":")) + 1
        prefix = bases.get(iri[:cut])
        return f"{prefix}:{iri[cut:]}" if prefix and _LOCAL.fullmatch(iri[cut:]) else f"<{iri}>"

    def shown(value: str, datatype: str | None) -> str:
        if datatype is None:
            return named(value)
        return f'"{value.translate(ESCAPES)}"' + (f"^^{named(datatype)}" if datatype else "")

    ordered = sorted(triples, key=lambda t: (t[0], t[1] != TYPE, t[1], t[2], t[3] or ""))
    for subject, about in groupby(ordered, key=lambda t: t[0]):
        said = []
        for relation, values in groupby(about, key=lambda t: t[1]):
            told = " , ".join(shown(value, datatype) for _, _, value, datatype in values)
            said.append(f"{'a' if relation == TYPE else named(relation)} {told}")
        yield f"\n{named(subject)} " + " ;\n    ".join(said) + " .\n"
