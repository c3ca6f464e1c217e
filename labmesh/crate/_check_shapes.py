"""That the graph is one, and satisfies the shapes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from labmesh.crate._types import GRAPH, Finding


def check_shapes(folder: Path) -> Iterator[Finding]:
    """Yield what the shapes find wrong with the graph; warnings are none."""
    import rdflib  # noqa: PLC0415

    from labmesh.semantics import check  # noqa: PLC0415

    path = folder / GRAPH
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # rdflib's reader of JSON-LD uses what rdflib calls deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            graph = rdflib.Graph().parse(file, format="json-ld")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        yield Finding(GRAPH, f"it cannot be read: {error}", "shapes")
        return
    for found in check(graph):
        if found.severity == "violation":
            where = f" ({found.path})" if found.path else ""
            yield Finding(GRAPH, f"{found.node}: {found.message}{where}", "shapes")
