"""``labmesh sample history``: the tree of a sample's life, in time; as a picture, a page, data."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labmesh.cli._format import plain, when
from labmesh.cli._progress import progress
from labmesh.cli._record import record_of
from labmesh.cli._session import Session, record_command
from messages.errors import ConfigurationError

if TYPE_CHECKING:
    from labmesh.cli._output import Output
    from labmesh.history import History
    from labmesh.record import Record


@click.command("history")
@click.argument("sample", metavar="SAMPLE")
@click.option("--back", is_flag=True, help="Only what it was made of.")
@click.option("--forward", is_flag=True, help="Only what became of it.")
@click.option("--since", metavar="TIME", help="Leave out what came before, by the lab's clock.")
@click.option("--until", metavar="TIME", help="Leave out what came after: 2026-11-22T05:00:00.")
@click.option(
    "--jsonld", metavar="FILE", type=click.Path(path_type=Path),
    help="Write it as linked data: the PROV chain of all its states.",
)  # fmt: skip
@click.option("--confidential", is_flag=True, help="With --jsonld: what is confidential, too.")
@click.option(
    "--picture", metavar="FILE", type=click.Path(path_type=Path),
    help="Draw it; the ending says which kind: .svg, .png, .pdf.",
)  # fmt: skip
@click.option(
    "--html", metavar="FILE", type=click.Path(path_type=Path),
    help="Write one page that shows it and needs nothing else.",
)  # fmt: skip
@record_command
async def history(
    session: Session,
    sample: str,
    *,
    back: bool,
    forward: bool,
    since: str | None,
    until: str | None,
    jsonld: Path | None,
    confidential: bool,
    picture: Path | None,
    html: Path | None,
) -> None:
    """Tell the life of a sample, from the bottles it was mixed from to the last made of it.

    Each state with its time by the lab's clock, its place, and the result that made it; between
    them what measured or predicted the sample and left it as it was. Neither --back nor --forward:
    both ways.
    """
    from labmesh.history import Span, read_history, tree_lines

    span = Span(
        back=back or not forward,
        forward=forward or not back,
        since=_time(since, "--since"),
        until=_time(until, "--until"),
    )
    async with record_of(session) as record:
        with progress(session.out, "entries") as tell:
            found = await read_history(record, sample, span, tell=tell)
        if jsonld is not None:
            await _link(session.out, record, found, jsonld, confidential=confidential)
        written = [jsonld] if jsonld is not None else []
    written += _write(found, picture, html)
    if session.out.as_json:
        session.out.document(found.plain())
        return
    if not written:
        for line in tree_lines(found, when):
            session.out.text(line)
    for path in written:
        session.out.text(str(path))


async def _link(
    out: Output, record: Record, found: History, path: Path, *, confidential: bool
) -> None:
    """Write the linked data; say what was left out."""
    from labmesh.history.linked import history_document

    document, left = await history_document(record, found, confidential=confidential)
    _save(path, json.dumps(plain(document), indent=1, ensure_ascii=False) + "\n")
    if left:
        out.remark(f"{left} entries are confidential and left out; --confidential takes them in")


def _write(found: History, picture: Path | None, html: Path | None) -> list[Path]:
    """Write the files that were asked for, and return them."""
    if html is not None:
        from labmesh.history.page import history_page

        _save(html, history_page(found))
    if picture is not None:
        from labmesh.history.picture import draw_history

        try:
            draw_history(found, picture)
        except ValueError as error:
            raise ConfigurationError(
                f"no picture of that kind: {error}", where=str(picture),
                remedy="end its name in .svg, .png or .pdf",
            ) from error  # fmt: skip
        except OSError as error:
            raise ConfigurationError(f"cannot be written: {error}", where=str(picture)) from error
    return [path for path in (picture, html) if path is not None]


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot be written: {error}", where=str(path)) from error


def _time(text: str | None, option: str) -> int | None:
    """Return a time as ns, local where it names no zone.

    Raises:
        ConfigurationError: It is none.
    """
    if text is None:
        return None
    try:
        return round(datetime.fromisoformat(text).astimezone().timestamp() * 1e9)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is no time", where=option, remedy="write it as 2026-11-22T05:00:00"
        ) from error
