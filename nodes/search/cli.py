"""``labmesh search``: find results by what they mean, in plain words or with SPARQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from labmesh.cli.extend import (
    ConfigurationError,
    Output,
    Session,
    progress,
    record_command,
)

_FORMATS = ("json", "csv", "tsv", "xml", "turtle", "ntriples", "jsonld", "rdfxml")


@click.command()
@click.argument("words", nargs=-1)
@click.option("--quantity", metavar="NAME", default="", help="What was found: ionic conductivity.")
@click.option("--containing", metavar="NAME", multiple=True, help="A substance in the sample.")
@click.option("--without", metavar="NAME", multiple=True, help="A substance that is not in it.")
@click.option("--above", metavar="VALUE", default="", help="Least value, with unit: '1 S/m'.")
@click.option("--below", metavar="VALUE", default="", help="Greatest value, with unit.")
@click.option(
    "--at", metavar="VALUE", multiple=True, help="A condition: '298 K', '25 degC +- 2 K'."
)
@click.option(
    "--sample", metavar="NAME", default="", help="An object (coin cell), or a sample's id."
)
@click.option("--method", metavar="NAME", default="", help="How: a term, or a capability's method.")
@click.option("--campaign", metavar="NAME", default="", help="Of this campaign.")
@click.option("--from", "site", metavar="SITE[/NODE]", default="", help="Found there.")
@click.option("--since", metavar="DAY", default="", help="Begun then or later (UTC).")
@click.option("--until", metavar="DAY", default="", help="Begun before (UTC).")
@click.option("--simulated/--measured", default=None, help="Only simulated, or only measured.")
@click.option("--quality", metavar="N", type=click.IntRange(0, 5), help="Least rating.")
@click.option("--like", metavar="ID", default="", help="What is nearest to this result or sample.")
@click.option("--limit", metavar="N", type=click.IntRange(1), default=20, show_default=True,
              help="Most values.")  # fmt: skip
@click.option("--provenance", is_flag=True, help="Show how each value came about.")
@click.option("--sparql", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True),
              help="Ask this SPARQL query; '-': from standard input.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Of the answer to SPARQL.")
@click.option("--node", metavar="[SITE/]NODE", default="search", show_default=True,
              help="The search node.")  # fmt: skip
@record_command
async def command(
    session: Session, /, *, words: tuple[str, ...], like: str, limit: int, provenance: bool,
    sparql: Path | None, form: str | None, node: str, **options: Any,
) -> None:  # fmt: skip
    """Find results by what they mean.

    WORDS are a question: labmesh search "ionic conductivity of electrolytes containing LiPF6 above
    1 S/m at 298 K". Options say the same, and count before words. With --ledger-file no node is
    needed.
    """
    from nodes.search._ask import Asker, Offline, Online

    asked = {name: value for name, value in options.items() if value not in (None, "", ())}
    text = " ".join(words)
    chosen = [sparql is not None, bool(like), bool(text or asked)]
    if sum(chosen) != 1:
        raise ConfigurationError(
            "nothing was asked" if not any(chosen) else "--sparql, --like and a question exclude "
            "each other", remedy="ask in words, by options, with --like or with --sparql",
        )  # fmt: skip
    desk: Asker = Online(session, node)
    if session.ledger_file is not None:
        with progress(session.out, "describing the ledger") as tell:
            desk = file = Offline(session.ledger_file, tell)
            await file.read()
    async with desk:
        if sparql is not None:
            query = _read(sparql)
            form = form or ("json" if session.out.as_json else None)
            async for page in desk.sparql(query, form):
                session.out.text(page.removesuffix("\n"))
            return
        if like:
            found = await desk.related(like, limit=limit, provenance=provenance)
        else:
            found = await desk.find({**asked, "text": text}, limit=limit, provenance=provenance)
    show(session.out, found, provenance=provenance)


def show(out: Output, found: Any, *, provenance: bool) -> None:
    """Show what was found, and how the question was understood."""
    from nodes.search._table import COLUMNS, row, understanding

    if out.as_json:
        out.document(found.model_dump(mode="json"))
        return
    for line in understanding(found):
        out.remark(line)
    near = bool(found.found) and found.found[0].distance is not None
    head = (*COLUMNS, "distance", "in common") if near else COLUMNS
    rows = [
        (*row(each), f"{each.distance:.2f}", ", ".join(each.because)) if near else row(each)
        for each in found.found
    ]
    used = [index for index in range(len(head)) if any(each[index] for each in rows)]
    out.table(
        [head[index] for index in used], [[each[index] for index in used] for each in rows],
        empty="nothing was found",
    )  # fmt: skip
    if provenance:
        for each in found.found:
            out.heading(f"{each.quantity} of {each.result}")
            out.pairs((name, _line(value)) for name, value in each.provenance.items())
    if found.next is not None:
        out.remark(f"there are more than {len(found.found)}: raise --limit, or ask more exactly")


def _line(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"it cannot be read: {error}", where=str(path)) from None
