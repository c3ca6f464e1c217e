"""A term as the vocabulary's table has it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"
"""Folder of the vocabulary's files; its ``PROVENANCE.md`` says where they come from."""

ONE: Final = "T0 L0 M0 I0 Θ0 N0 J0"
"""The dimension of a number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A term.

    Attributes:
        label: As schemas and documents write it: ``IonicConductivity``, ``schema:name``.
        iri: Its full name.
        kind: ``class``, ``object property``, ``property``, ``unit`` ...
        ontology: Prefix of the ontology it is from; ``labmesh`` for our own.
        symbols: Of a unit, how schemas write it.
        dimension: Of a quantity or a unit, exponents of the base units of the SI, as EMMO writes
            them; empty where nobody has said it.
        factor: Of a unit, how many coherent SI units it is; None where nobody has said it.
        qudt: IRI of the same unit in QUDT, or empty.
        inchikey: Of a substance, or empty.
        note: For people.
    """

    label: str
    iri: str
    kind: str
    ontology: str
    symbols: tuple[str, ...]
    dimension: str
    factor: float | None
    qudt: str
    inchikey: str
    note: str


def read_table(path: Path = DATA / "terms.csv") -> tuple[Entry, ...]:
    """Return every term of the table."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            Entry(
                label=row["label"],
                iri=row["iri"],
                kind=row["kind"],
                ontology=row["ontology"],
                symbols=tuple(row["symbols"].split()),
                dimension=row["dimension"],
                factor=float(row["factor"]) if row["factor"] else None,
                qudt=row["qudt"],
                inchikey=row["inchikey"],
                note=row["note"],
            )
            for row in csv.DictReader(file)
        )
