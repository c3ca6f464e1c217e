"""``labmesh ledger query``: one SELECT on the ledger's tables."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections import Counter
from contextlib import closing, suppress
from functools import partial
from typing import Any, Final

import click

from labmesh.cli._format import one_line, plain
from labmesh.cli._records import (
    LedgerFile,
    SqlAnswer,
    database_option,
    ledger_place,
    open_place,
)
from labmesh.cli._session import Session, record_command
from messages.errors import ConfigurationError, LabmeshError

_WIDE: Final = 80
"""Characters of data in a cell of a table; --json and --csv show all."""

_AGAIN: Final = 0.1
"""Seconds between two attempts to end a statement."""


@click.command("query")
@click.argument("sql", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="Answer in CSV, its first line the names.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=0), default=500, show_default=True,
    help="Rows at most; 0 for all.",
)  # fmt: skip
@click.option(
    "--timeout", metavar="S", type=click.FloatRange(min=0, min_open=True), default=60.0,
    show_default=True, help="Seconds the statement may take.",
)  # fmt: skip
@click.option("--raw", is_flag=True, help="Show body columns as msgpack in hex, not as JSON.")
@database_option
@record_command
async def query(
    session: Session,
    *,
    sql: str | None,
    as_csv: bool,
    limit: int,
    timeout: float,  # noqa: ASYNC109 - the option's name
    raw: bool,
    database_url: str | None,
) -> None:
    """Answer one SQL statement from the ledger's tables; without SQL, list them.

    It reads the database itself, read-only, while the broker node runs or after; SQL "-" is
    standard input. Nothing can be written through it. Ctrl-C ends it.
    """
    if as_csv and session.out.as_json:
        raise ConfigurationError("--csv and --json exclude each other", remedy="leave one out")
    with closing(open_place(ledger_place(session, database_url))) as ledger:
        if sql is None:
            _list(session, ledger)
            return
        if sql == "-":
            sql = sys.stdin.read()
        if not sql.strip():
            raise ConfigurationError("the statement is empty", remedy="leave it out for the tables")
        ask = partial(ledger.sql, sql, limit=limit or None, seconds=timeout, decode=not raw)
        answer = await _in_thread(ledger, ask)
    if session.out.as_json:
        session.out.document(_maps(answer))
    elif as_csv:
        rows = csv.writer(sys.stdout)
        rows.writerow(answer.columns)
        rows.writerows([_text(value) for value in row] for row in answer.rows)
    else:
        session.out.table(
            answer.columns, ([_cell(value) for value in row] for row in answer.rows), "no rows"
        )
    if answer.cut:
        session.out.remark(f"cut after {limit} rows; --limit 0 shows all")


def _list(session: Session, ledger: LedgerFile) -> None:
    tables = ledger.tables()
    if session.out.as_json:
        session.out.document(
            [{"name": t.name, "about": t.about, "columns": t.columns} for t in tables]
        )
        return
    for table in tables:
        session.out.heading(table.name)
        session.out.text(f"    {table.about}")
        session.out.text(f"    {', '.join(table.columns)}")
    session.out.remark(
        'points in time are nanoseconds UTC; "offset" is written in quotes; JSON columns are text'
    )


async def _in_thread(ledger: LedgerFile, ask: partial[SqlAnswer]) -> SqlAnswer:
    """Run the statement beside the event loop, so that Ctrl-C can end it."""
    asking = asyncio.create_task(asyncio.to_thread(ask))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        # Again and again: the first may come before the statement has begun.
        while not asking.done():
            ledger.interrupt()
            await asyncio.wait({asking}, timeout=_AGAIN)
        with suppress(LabmeshError):
            asking.result()
        raise


def _maps(answer: SqlAnswer) -> list[dict[str, Any]]:
    twice = [name for name, count in Counter(answer.columns).items() if count > 1]
    if twice:
        raise ConfigurationError(
            f"more than one column is called {twice[0]!r}",
            remedy="name each of them with AS, or take --csv",
        )
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _text(value: Any) -> Any:
    """Return a value for CSV: data as JSON, bytes as hex."""
    value = plain(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _cell(value: Any) -> str | None:
    return None if value is None else one_line(_text(value), _WIDE)
