"""Showing a request as it goes, then its result."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from labmesh.cli._format import clean, when
from labmesh.cli._records import Records
from labmesh.cli._result_view import show_result
from labmesh.cli._session import Session
from labmesh.cli._watch import Change, Feedback, Watch
from messages.envelope import validate
from messages.errors import CallTimeoutError, RequestFailedError
from messages.ledger import Status
from messages.query import ResultView

if TYPE_CHECKING:
    from rich.progress import Progress


async def follow(
    session: Session,
    source: Records,
    news: Watch,
    request: UUID,
    *,
    feedback: bool,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    """Show the news of a request until it ends, then its result.

    Without ``feedback`` only the result is shown.

    Raises:
        RequestFailedError: It ended without a result.
        CallTimeoutError: It did not end within ``timeout`` seconds.
    """
    last: Change | None = None
    try:
        with _display(session, show=feedback) as display:
            async with asyncio.timeout(timeout):
                async for event in news.events():
                    display.take(event)
                    last = event if isinstance(event, Change) else last
    except TimeoutError:
        raise CallTimeoutError(
            f"request {request} has not ended within {timeout:g} s",
            remedy=f"it goes on: labmesh request watch {request}, or cancel",
        ) from None
    except asyncio.CancelledError:
        session.out.remark(f"the request goes on; labmesh request cancel {request} retracts it")
        raise
    if last is None or last.after is not Status.RESOLVED or not last.line.get("result"):
        status = last.after.value if last else "unknown"
        reason = (last.line.get("message") if last else "") or "no reason given"
        raise RequestFailedError(
            f"request {request} is {status}: {reason}",
            remedy=f"see `labmesh request show {request}`",
            status=status,
        )
    reply = await source.query("query.result", {"id": str(last.line["result"])})
    if session.out.as_json and feedback:
        session.out.json_line({"event": "result", "result": reply["result"]})
    elif session.out.as_json:
        session.out.document(reply["result"])
    else:
        show_result(session.out, validate(ResultView, reply["result"], where="result"))


class _Display:
    """Takes events and shows nothing."""

    def take(self, event: Change | Feedback) -> None:
        """Take one event."""


class _Lines(_Display):
    """One line an event: JSON on stdout, or words on stderr."""

    def __init__(self, session: Session) -> None:
        self._out = session.out

    def take(self, event: Change | Feedback) -> None:
        """Print the event."""
        if self._out.as_json:
            self._out.json_line(_as_dict(event))
        else:
            click.echo(clean(_in_words(event)), err=True)


class _Bar(_Display):
    """A progress bar on the terminal; changes of status scroll above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("pending", total=1.0)

    def take(self, event: Change | Feedback) -> None:
        """Move the bar."""
        if isinstance(event, Change):
            self._progress.console.print(clean(_in_words(event)), markup=False, highlight=False)
            self._progress.update(self._task, description=event.after.value)
        else:
            self._progress.update(
                self._task, completed=event.fraction, description=clean(event.text)
            )


@contextmanager
def _display(session: Session, *, show: bool) -> Iterator[_Display]:
    if not show:
        yield _Display()
    elif session.out.as_json or not sys.stderr.isatty():
        yield _Lines(session)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True, highlight=False)
        columns = (
            BarColumn(30), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )  # fmt: skip
        with Progress(*columns, console=console, transient=True) as progress:
            yield _Bar(progress)


def _as_dict(event: Change | Feedback) -> dict[str, Any]:
    if isinstance(event, Change):
        return {"event": "status", **event.line}
    return {"event": "feedback", "worker": event.worker, "fraction": event.fraction,
            "text": event.text}  # fmt: skip


def _in_words(event: Change | Feedback) -> str:
    if isinstance(event, Feedback):
        return f"  {event} ({event.worker})"
    line = event.line
    who = f" {line['worker']}" if line.get("worker") else ""
    why = f": {line['message']}" if line.get("message") else ""
    return f"{when(line['load_time'])} {event.after.value}{who}{why}"
