"""``labmesh launch``: start what a launch file describes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from labmesh import launch
from labmesh.cli._launch_control import VERBS
from labmesh.place import data_dir
from messages.errors import ConfigurationError, LabmeshError


class _Launch(click.Command):
    """``launch FILE``, unless the first word is a verb: then what controls a running launch."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of the verb that ``args`` begin with, else of the launch itself."""
        verb = VERBS.get(args[0]) if args else None
        if verb is None:
            return super().make_context(info_name, args, parent, **extra)
        return verb.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run what the context is of."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the verbs."""
        super().format_options(ctx, formatter)
        with formatter.section("Of a running launch (a file of such a name is written ./stop)"):
            formatter.write_dl(
                [(name, verb.get_short_help_str(limit=200)) for name, verb in VERBS.items()]
            )


@click.command("launch", cls=_Launch)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, metavar="[NAME:=VALUE]...")
@click.option("--check", is_flag=True, help="Resolve and validate everything, start nothing.")
@click.option("--print", "-p", "show", is_flag=True, help="Show the resolved plan, start nothing.")
@click.option("--args", "-s", "--show-args", "args", is_flag=True, help="Show FILE's arguments.")
@click.option("--schema", is_flag=True, help="Write the JSON Schema of launch files, for editors.")
@click.option("--resume", is_flag=True, help="Launch again as last time; new arguments win.")
@click.option("--site", help="Start only this site's part.")
@click.option("--data-dir", "folder", help="Folder of the mesh's files (default .labmesh).")
@click.option(
    "--accounts",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A site's account files, one a node; the MQTT broker is theirs (or LABMESH_ACCOUNTS).",
)
@click.option(
    "--on-agents", is_flag=True, help="Launch at all sites, each part by the agent there."
)
@click.option(
    "--all-or-nothing", is_flag=True, help="With --on-agents: where one site cannot, none does."
)
@click.option("--json", "as_json", is_flag=True, help="Plan and mistakes as JSON.")
@click.option("--no-live", is_flag=True, help="Lines only, no live table on a terminal.")
@click.option("--no-color", is_flag=True, help="No colour, not even on a terminal.")
def command(
    file: Path | None,
    arguments: tuple[str, ...],
    *,
    check: bool,
    show: bool,
    args: bool,
    schema: bool,
    resume: bool,
    site: str | None,
    folder: str | None,
    accounts: Path | None,
    on_agents: bool,
    all_or_nothing: bool,
    as_json: bool,
    no_live: bool,
    no_color: bool,
) -> None:
    """Start what a launch file describes: MQTT broker, nodes, programs.

    Exit code: 2 when anything is wrong before the start, 130 after Ctrl-C, else that of the first
    process that failed.
    """
    if schema:
        click.echo(json.dumps(launch.launch_schema(), indent=2))
        return
    try:
        if file is not None and ":=" in str(file):
            file, arguments = None, (str(file), *arguments)
        given: dict[str, Any] = dict(launch.parse_arguments(arguments))
        where = data_dir(folder)
        if accounts is not None:
            # As a variable, so that whoever reads the file again for this launch has it.
            os.environ[launch.ACCOUNTS_VARIABLE] = str(accounts.absolute())
        if resume:
            last, before, last_site = launch.read_last_launch(where)
            if file is not None and file.resolve() != last:
                raise ConfigurationError(
                    f"the last launch was of {last}", remedy="leave FILE out, or --resume"
                )
            file, given, site = last, {**before, **given}, site or last_site
        if file is None:
            raise click.UsageError("name a launch file, or --resume, or --schema")
        if args:
            click.echo(launch.show_arguments(launch.declared_arguments(file, given)), nl=False)
            return
        if on_agents and not show:
            flags = {"--check": check, "--all-or-nothing": all_or_nothing, "--json": as_json}
            _on_agents(file, given, site, folder, [flag for flag, on in flags.items() if on])
            return
        plan = launch.load_plan(file, given, only_site=site)
        if check or show:
            # Of the whole plan: another site's node may offer it.
            warnings = () if show else launch.missing_capabilities(plan)
            _show(plan.at_site(site) if site else plan, warnings, show=show, as_json=as_json)
            return
        code = asyncio.run(
            launch.execute(plan, where, only_site=site, colour=not no_color, live=not no_live)
        )
    except LabmeshError as error:
        _fail(error, as_json=as_json)
    sys.exit(code)


def _on_agents(
    file: Path, given: dict[str, Any], site: str | None, folder: str | None, flags: list[str]
) -> None:
    """Hand over to ``labmesh agent start``, which has more options."""
    from labmesh.cli._agent_verbs import start

    words = [str(file), *flags]
    for name, value in given.items():
        words.append(f"{name}:={value if isinstance(value, str) else json.dumps(value)}")
    words += ["--at", site] if site else []
    words += ["--data-dir", folder] if folder else []
    context = start.make_context("labmesh agent start", words)
    with context:
        start.invoke(context)


def _show(
    plan: launch.Plan, warnings: tuple[launch.Problem, ...], *, show: bool, as_json: bool
) -> None:
    if as_json:
        verdict = {"problems": [], "warnings": [warning.as_dict() for warning in warnings]}
        click.echo(json.dumps(plan.as_dict() if show else verdict, indent=2, default=str))
    elif show:
        click.echo(launch.show_plan(plan), nl=False)
    else:
        nodes = sum(1 for _ in plan.nodes())
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
        click.echo(f"{plan.file}: sound, {nodes} node{'s' if nodes != 1 else ''}")


def _fail(error: LabmeshError, *, as_json: bool) -> None:
    problems = error.problems if isinstance(error, launch.LaunchError) else ()
    if as_json:
        plain = [problem.as_dict() for problem in problems]
        click.echo(json.dumps({"problems": plain or [{"what": str(error)}]}, indent=2))
    else:
        click.echo(str(error), err=True)
    sys.exit(2 if isinstance(error, ConfigurationError) else 1)
