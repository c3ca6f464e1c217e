"""``labmesh launch status|restart|reload|stop``: control of the launch that runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from labmesh.cli._format import one_line
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
    from labmesh.launch import control, span

    answer = control(folder, {"do": "status"})
    if out.as_json:
        out.document(answer)
        return
    out.pairs(
        [
            ("launch", f"{answer['file']} (pid {answer['pid']})"),
            ("site", answer["site"]),
            ("up", span(answer["since"])),
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
                span(process["since"]) if process["pid"] else "",
                process["restarts"] or "",
                process["exit_code"],
                process["last_line"][:_LINE],
            )
            for process in answer["processes"]
        ),
        empty="no processes",
    )


@_verb
@click.argument("processes", metavar="NODE...", nargs=-1, required=True)
@click.option("--with-dependants", is_flag=True, help="Those that come after them, too.")
def restart(
    out: Output, folder: Path, processes: tuple[str, ...], *, with_dependants: bool
) -> None:
    """End processes of the running launch and start them again."""
    from labmesh.launch import control

    answer = control(
        folder,
        {"do": "restart", "processes": processes, "with_dependants": with_dependants},
    )
    if out.as_json:
        out.document(answer)
    else:
        out.text(f"restarted {', '.join(answer['restarted'])}")


@_verb
@click.argument("file", metavar="[FILE]", required=False)
@click.argument("arguments", metavar="[NAME:=VALUE]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Show the difference, change nothing.")
def reload(
    out: Output, folder: Path, file: str | None, arguments: tuple[str, ...], *, dry_run: bool
) -> None:
    """Read the launch file again, check it as a whole, apply the difference.

    What is new starts, what is gone stops, what changed starts again; parameters are set where
    the node takes them while it runs. A file with mistakes changes nothing. Another FILE takes the
    place of the first.
    """
    from labmesh.launch import control, parse_arguments

    given = [file] if file is not None and ":=" in file else []
    request: dict[str, Any] = {
        "do": "reload",
        "file": str(Path(file).absolute()) if file is not None and not given else None,
        "arguments": parse_arguments([*given, *arguments]),
    }
    answer = control(folder, {**request, "dry_run": True})
    if not out.as_json:
        _show_difference(out, answer)
    if not dry_run:
        answer = control(folder, request)
    if out.as_json:
        out.document(answer)
        return
    for warning in answer["warnings"]:
        out.remark(f"warning: {warning}")
    if not dry_run:
        out.text("done")


def _show_difference(out: Output, answer: dict[str, Any]) -> None:
    out.text(f"{answer['file']}:")
    for what in ("stop", "start", "restart"):
        for process in answer[what]:
            out.text(f"  {what:<8}{process}")
    for node, changes in answer["set"].items():
        values = ", ".join(f"{name}={one_line(value)}" for name, value in changes.items())
        out.text(f"  {'set':<8}{node}: {values}")
    for process in answer["adopt"]:
        out.text(f"  {'keep':<8}{process}, watched in another way")
    if not any(answer[what] for what in ("stop", "start", "restart", "set", "adopt")):
        out.text("  no process differs")


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
