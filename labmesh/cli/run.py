"""``labmesh run``: one node as one process."""

from __future__ import annotations

import signal

import click

from labmesh.cli._output import Output


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Run one node as one process: labmesh run PROGRAM --site SITE --name NAME ...

    `labmesh run --list` shows the installed programs.
    """
    if "--list" in arguments:
        _list(Output(as_json="--json" in arguments))
        return
    # Ctrl-C in the middle of the imports shall not print a page of traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from labmesh.node.__main__ import main

    context.exit(main(list(arguments)))


def _list(out: Output) -> None:
    from labmesh.node import node_programs

    programs = dict(sorted(node_programs().items()))
    if out.as_json:
        out.document(programs)
    else:
        out.table(("program", "class"), programs.items(), empty="no programs are installed")
