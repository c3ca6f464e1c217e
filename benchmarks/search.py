"""Search: how fast entries are loaded, and how long questions take at a million triples.

    python -m benchmarks.search [--triples N] [--memory]

What the two recorded labs of the tests say is loaded again and again, each time with new ids, until
there are N triples. Wall times on one machine: compare ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from labmesh.record import file_record
from nodes.search._desk import Desk
from nodes.search._scribe import Scribe, edition, ontology_text
from nodes.search._store import Document, TripleStore
from tests.support.recorded_lab import CONDUCTIVITY, EOL, recorded_lab

QUERY: Final = Path(__file__).parents[1] / "tests/nodes/search/query_conductivity_lipf6.rq"

CONCEPT: Final = "ionic conductivity of electrolytes containing LiPF6 above 1 S/m at 298 K"

_BATCH: Final = 100
_REPEATS: Final = 7

_NEW: Final = 0.8
"""Share of an entry's triples that no other entry says, too; about."""

_IDS: Final = re.compile(
    r"urn:uuid:[0-9a-f-]{36}|urn:labmesh:(?:sample|campaign|settings|protocol):[^>#:]+"
    r"|urn:labmesh:entry:[0-9a-f]{64}"
)
"""What is another thing in another campaign; nodes, sites and capabilities stay."""


async def describe(folder: Path) -> tuple[list[str], float]:
    """Return what every entry of the recorded labs says, and entries a second."""
    texts: list[str] = []
    began = 0.0
    for name in (CONDUCTIVITY, EOL):
        place = folder / name
        place.mkdir()
        record = file_record(str(recorded_lab(name, place).ledger))
        scribe, entries = Scribe(), [entry async for entry in record.entries()]
        start = time.perf_counter()
        for entry in entries:
            scribe.hear(entry)
        texts += [text for _, text, _ in scribe.describe(entries).documents]
        began += time.perf_counter() - start
    return texts, len(texts) / began


def copies(texts: list[str], triples: int) -> Iterator[list[Document]]:
    """Yield batches of entries, each round with new ids, until there are so many triples."""
    batch: list[Document] = []
    said, offset, number = 0, 0, 0
    while said < triples:
        for text in texts:
            batch.append((offset, _IDS.sub(rf"\g<0>x{number}", text), True))
            said += round(text.count("\n") * _NEW)
            offset += 1
            if len(batch) == _BATCH:
                yield batch
                batch = []
        number += 1
    yield batch


def timed(work: Callable[[], Any]) -> tuple[str, Any]:
    """Return the median and the worst of some calls in milliseconds, and what the last returned."""
    spans: list[float] = []
    value = None
    for _ in range(_REPEATS):
        start = time.perf_counter()
        value = work()
        spans.append(1000 * (time.perf_counter() - start))
    return f"{statistics.median(spans):8.1f} {max(spans):8.1f}", value


def run(triples: int, folder: Path, *, memory: bool) -> None:
    """Print the table."""
    texts, rate = asyncio.run(describe(folder))
    place = None if memory else folder / "store"
    desk = Desk(TripleStore(place))
    desk.found(ontology_text(), edition())
    offset, load = 0, 0.0
    for batch in copies(texts, triples):
        if not batch:
            continue
        offset += len(batch)
        start = time.perf_counter()
        desk.take(batch, offset - 1, f"{offset:064x}", edition())
        load += time.perf_counter() - start
    size = desk.size()
    print(f"{'describe':<28} {rate:>12,.0f} entries/s")
    print(f"{'load':<28} {size / load:>12,.0f} triples/s, {offset / load:,.0f} entries/s")
    print(f"{'triples, entries':<28} {size:>12,} {offset:,}")
    if place is not None:
        mib = sum(each.stat().st_size for each in place.rglob("*") if each.is_file()) / 2**20
        print(f"{'on the disk':<28} {mib:>12,.0f} MiB")
    print(f"\n{'question':<28} {'median':>8} {'worst':>8} ms   rows")
    for name, work, count in questions(desk):
        times, value = timed(work)
        print(f"{name:<28} {times}      {count(value)}")


def questions(desk: Desk) -> Iterator[tuple[str, Callable[[], Any], Callable[[Any], int]]]:
    """Yield what is asked: its name, the call, and how many rows its answer has."""

    def sparql(query: str, rows: int = 1_000_000) -> Callable[[], Any]:
        return lambda: desk.sparql(query, inside=False, rows=rows, size=2**30)

    def find(**question: Any) -> Callable[[], Any]:
        return lambda: desk.find(question, inside=False, provenance=False)

    def rows(answer: Any) -> int:
        return int(answer["rows"])

    def found(answer: Any) -> int:
        return len(answer["found"])

    first = desk.find({"text": "ionic conductivity", "limit": 1}, inside=False, provenance=False)
    result = first["found"][0]["result"]
    start = time.perf_counter()
    desk.warm()
    print(f"{'ready for recommendations':<28} {time.perf_counter() - start:8.1f} s")
    yield "point", sparql(f"SELECT * {{ <urn:uuid:{result}> ?p ?o }}"), rows
    yield "reference query, all rows", sparql(QUERY.read_text()), rows
    yield "reference query, 100 rows", sparql(QUERY.read_text() + " LIMIT 100"), rows
    yield "concept, first page", find(text=CONCEPT), found
    yield "concept, one campaign", find(text=f"{CONCEPT} in campaign conductivityx3"), found
    yield "concept, nothing fits", find(text="ionic conductivity above 1 MS/m"), found
    yield "everything since a day", find(since="2026-01-01"), found
    yield (
        "recommendation",
        lambda: desk.related(result, limit=10, inside=False, provenance=False),
        found,
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--memory", action="store_true", help="a store in memory")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        run(given.triples, Path(folder), memory=given.memory)


if __name__ == "__main__":
    main()
