"""``labmesh launch status|restart|reload|stop``: control of the launch that runs."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from labmesh.cli._output import Output
from labmesh.place import data_dir

VERBS: Final[dict[str, click.Command]] = {}
"""The verbs by name, in the order of the help."""


def _verb(function: Callable[..., None]) -> click.Command:
    """Register a verb; it gets an `Output` and the data folder first."""

    @functools.wraps(function)
    def command(*args: Any, as_json: bool, folder: Path | None, **options: Any) -> None:
        function(Output(as_json=as_json), data_dir(folder), *args, **options)

    made = click.command(function.__name__)(
        click.option(
            "--data-dir", "folder", metavar="DIR", type=click.Path(path_type=Path),
            help="Folder of the launch's files (.labmesh).",
        )(click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command))
    )  # fmt: skip
    VERBS[function.__name__] = made
    return made


@_verb
def status(out: Output, folder: Path) -> None:
    """Show the processes of the running launch."""
    from labmesh.launch import control

    answer = control(folder, {"do": "status"})
    if out.as_json:
        out.document(answer)
        return
    out.pairs(
        [
            ("launch", f"{answer['file']} (pid {answer['pid']})"),
            ("site", answer["site"]),
            ("up", _span(answer["since"])),
            *(
                (
                    f"MQTT broker{' of ' + broker['site'] if broker['site'] else ''}",
                    broker["url"] + (f" (pid {broker['pid']})" if broker["pid"] else ""),
                )
                for broker in answer["mqtt_brokers"]
            ),
        ]
    )
    out.text("")
    out.table(
        ("process", "state", "pid", "up", "restarts", "exit", "last line"),
        (
            (
                process["label"],
                process["state"],
                process["pid"],
                _span(process["since"]) if process["pid"] else "",
                process["restarts"] or "",
                process["exit_code"],
                process["last_line"][:_LINE],
            )
            for process in answer["processes"]
        ),
        empty="no processes",
    )


@_verb
@click.option("--no-wait", is_flag=True, help="Return at once, not when everything has ended.")
def stop(out: Output, folder: Path, *, no_wait: bool) -> None:
    """Stop the running launch as Ctrl-C does; asked again, it hurries."""
    from labmesh.launch import control

    answer = control(folder, {"do": "stop", "wait": not no_wait})
    if out.as_json:
        out.document(answer)
    else:
        out.text(f"{'stopping' if no_wait else 'stopped'} (pid {answer['pid']})")


_LINE: Final = 60
"""Characters of a process's last line in the table."""


def _span(since: int | None) -> str:
    """Return how long ago a point in time (ns UTC) was, in one or two units."""
    if since is None:
        return ""
    seconds = max(0, int(time.time() - since / 1e9))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
