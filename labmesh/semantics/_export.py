"""A ledger as a file of linked data."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Final, Literal, Protocol

from labmesh.record import JournalEntry
from labmesh.semantics import iris
from labmesh.semantics._describer import Describer
from labmesh.semantics._render import Triple, as_nodes, as_nquads, triples
from labmesh.semantics._turtle import as_turtle
from labmesh.semantics._words import words

Format = Literal["jsonld", "turtle", "nquads"]

FORMATS: Final[tuple[Format, ...]] = ("jsonld", "turtle", "nquads")
"""``jsonld``: one document, nodes in the order of the ledger. ``turtle``: one graph. ``nquads``: a
line a triple, each entry a graph of its own, named by the entry's IRI."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        entries: How many were described.
        withheld: How many of them by their header alone.
    """

    entries: int
    withheld: int


async def export_linked_data(
    entries: AsyncIterator[JournalEntry],
    target: Path,
    form: Format,
    *,
    may_leave: Callable[[JournalEntry], bool] = lambda _: True,
    tell: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write entries as linked data into a file, which is there whole or not at all.

    The same entries give the same bytes. What JSON-LD and N-Quads need of memory does not grow with
    the ledger; Turtle needs the whole graph.

    Args:
        entries: From the first of a ledger on, so that schemas come before what they describe.
        target: The file; gzip'ed where its name ends in ``.gz``. What is there is replaced.
        form: See `FORMATS`.
        may_leave: Tells whether an entry's body may be told; of others the header is written.
        tell: Told how many entries are done.

    Raises:
        BodyError: An entry cannot be described.
        OSError: The file cannot be written.
    """
    describer = Describer()
    count = withheld = 0
    with _whole(target) as file:
        writer = _WRITERS[form](file)
        async for entry in entries:
            told = entry
            if entry.body is not None and not may_leave(entry):
                # Its schemas describe what others may have made by it.
                describer.learn(entry)
                told = replace(entry, body=None)
            withheld += told.body is None
            writer.add(describer, told)
            count += 1
            tell(count)
        writer.end()
    return Exported(count, withheld)


class _Writer(Protocol):
    def add(self, describer: Describer, entry: JournalEntry) -> None: ...

    def end(self) -> None: ...


class _NQuads:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, describer: Describer, entry: JournalEntry) -> None:
        nodes = describer.nodes(entry)
        self._file.write(as_nquads(nodes, words(), iris.entry(entry.hash)))

    def end(self) -> None:
        """Nothing follows the last line."""


class _JsonLd:
    """One document; a node that several entries tell of stands in it several times."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._first = True
        context = json.dumps(words().context(words().all), ensure_ascii=False)
        file.write(f'{{"@context": {context},\n"@graph": [')

    def add(self, describer: Describer, entry: JournalEntry) -> None:
        shown, _ = as_nodes(describer.nodes(entry), words())
        for node in shown:
            self._file.write("\n" if self._first else ",\n")
            self._file.write(json.dumps(node, ensure_ascii=False))
            self._first = False

    def end(self) -> None:
        self._file.write("\n]}\n")


class _Turtle:
    """One graph, sorted by subject."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._triples: set[Triple] = set()

    def add(self, describer: Describer, entry: JournalEntry) -> None:
        self._triples.update(triples(describer.nodes(entry), words()))

    def end(self) -> None:
        self._file.writelines(as_turtle(self._triples, words()))


_WRITERS: Final[dict[Format, Callable[[IO[str]], _Writer]]] = {
    "jsonld": _JsonLd,
    "turtle": _Turtle,
    "nquads": _NQuads,
}


@contextmanager
def _whole(target: Path) -> Iterator[IO[str]]:
    """Give a file to write; what is in it becomes ``target`` when the block ends well."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as raw:
            if target.suffix == ".gz":
                # Without name and time in it: the same entries, the same bytes.
                with (
                    gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
                    TextIOWrapper(packed, encoding="utf-8", newline="") as file,
                ):
                    yield file
            else:
                with TextIOWrapper(raw, encoding="utf-8", newline="") as file:
                    yield file
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
