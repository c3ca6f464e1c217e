"""Terms of a lab's own, from Turtle files that its packages bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from labmesh.semantics._entry import Entry
from labmesh.semantics._tree import SUBCLASS, Tree, closure
from messages.errors import ConfigurationError

GROUP: Final = "labmesh.vocabularies"
"""Entry points that name the path of a Turtle file; their names are for people."""

OWN: Final = "urn:labmesh:term:"
_PREFERRED: Final = "http://www.w3.org/2004/02/skos/core#prefLabel"
_DEFINITION: Final = "http://www.w3.org/2004/02/skos/core#definition"


@cache
def lab_files() -> tuple[Path, ...]:
    """Return the Turtle files of the packages that are installed, by entry point.

    Raises:
        ConfigurationError: An entry point cannot be loaded or names no file.
    """
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        try:
            path = Path(point.load())
        except Exception as error:
            raise ConfigurationError(
                f"cannot load {point.value}: {type(error).__name__}: {error}",
                where=f"entry point {point.name} of {GROUP}",
                remedy="it names the path of a Turtle file, as mylab:TERMS",
            ) from error
        if not path.is_file():
            raise ConfigurationError(f"{path} is no file", where=f"{GROUP}: {point.name}")
        found.append(path)
    return tuple(found)


def lab_entries(files: Sequence[Path], known: Mapping[str, Entry], tree: Tree) -> tuple[Entry, ...]:
    """Return the terms of a lab's Turtle files.

    A class has a ``skos:prefLabel``, a ``skos:definition`` and a super-class; a quantity whose
    super-class has no dimension says it by ``labmesh:dimension``, a unit its ``labmesh:symbol``,
    ``labmesh:dimension`` and ``labmesh:factor`` (prefix labmesh: ``urn:labmesh:term:``).

    Args:
        files: The files.
        known: The terms there are, by label.
        tree: Of all files.

    Raises:
        ConfigurationError: A file is no Turtle, or a term lacks something or is there already.
    """
    return tuple(entry for path in files for entry in _read(path, known, tree))


def _read(path: Path, known: Mapping[str, Entry], tree: Tree) -> Iterator[Entry]:
    said: dict[str, dict[str, list[str]]] = {}
    for subject, predicate, value in tree.triples(path):
        said.setdefault(subject, {}).setdefault(predicate, []).append(value)
    by_iri = {entry.iri: entry for entry in known.values()}
    for iri, about in said.items():
        label = about.get(_PREFERRED, [""])[0]
        needs = {"skos:prefLabel": label, "skos:definition": about.get(_DEFINITION),
                 "rdfs:subClassOf": about.get(SUBCLASS)}  # fmt: skip
        missing = [name for name, value in needs.items() if not value]
        if missing:
            raise ConfigurationError(f"{iri} has no {' and no '.join(missing)}", where=str(path))
        if label in known or ":" in label:
            reason = f"is {known[label].iri} already" if label in known else "has a colon"
            raise ConfigurationError(f"{label!r} {reason}", where=str(path), remedy="rename it")
        symbols = tuple(about.get(OWN + "symbol", ()))
        above = (by_iri[up].dimension for up in closure(iri, tree.above) if up in by_iri)
        factor = about.get(OWN + "factor")
        yield Entry(
            label=label,
            iri=iri,
            kind="unit" if symbols else "class",
            ontology=path.stem,
            symbols=symbols,
            dimension=about.get(OWN + "dimension", [next(filter(None, above), "")])[0],
            factor=float(factor[0]) if factor else None,
            qudt="",
            inchikey="",
            note="",
        )
