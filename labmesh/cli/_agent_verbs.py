"""``labmesh agent list|status|start|stop|restart|reload|log``: the operators' side of agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from labmesh.cli._session import Session, mesh_command

if TYPE_CHECKING:
    from labmesh.agent import AgentStatus
    from labmesh.cli._agents import Agents, SiteAnswer

F = TypeVar("F", bound=Callable[..., Any])

_SITES = click.argument("sites", metavar="[SITE]...", nargs=-1)
_LINE: Final = 60


def _takes_a_launch_file(function: F) -> F:
    """Let a verb take a launch file, its arguments, the sites it is for, and what goes with it."""
    for add in (
        click.option(
            "--with", "extra", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
            help="Send this file, too (a node reads it); may be repeated.",
        ),
        click.option(
            "--at", "sites", metavar="SITE", multiple=True,
            help="Only at this site; may be repeated.",
        ),
        click.argument("arguments", nargs=-1, metavar="[NAME:=VALUE]..."),
        click.argument("file", type=click.Path(path_type=Path)),
    ):  # fmt: skip
        function = add(function)
    return function


@click.command("list")
@mesh_command
async def list_agents(session: Session) -> None:
    """List the sites that have an agent, and what runs there."""
    from labmesh.cli._agents import Agents

    async with session.visit() as visitor:
        agents = await Agents.find(visitor, session.patience)
        answers = await agents.ask_all(sorted(agents.states), "agent.status")
    views = [
        {
            "site": answer.site,
            "agent": agents.states[answer.site],
            "launch": answer.status.state if answer.status else "",
            "file": answer.status.file if answer.status else "",
            "processes": len(answer.status.processes) if answer.status else None,
            "operator": answer.status.operator if answer.status else "",
        }
        for answer in answers
    ]
    if session.out.as_json:
        session.out.document(views)
    else:
        columns = ("site", "agent", "launch", "file", "processes", "operator")
        rows = [[view[column] for column in columns] for view in views]
        session.out.table(columns, rows, empty="no site has an agent")


@click.command("status")
@_SITES
@mesh_command
async def status(session: Session, sites: tuple[str, ...]) -> None:
    """Show every process of the launches of SITEs, or of all sites."""
    answers = await _ask(session, sites, "agent.status")
    found = [answer.status for answer in answers if answer.status]
    if found:
        show_statuses(session, found)
    _troubles(session, answers)


@click.command("start")
@_takes_a_launch_file
@click.option("--check", is_flag=True, help="Let each site check its part, start nothing.")
@click.option("--all-or-nothing", is_flag=True, help="Where one site cannot, none does.")
@click.option(
    "--wait",
    metavar="S",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    help="Seconds until everything shall be up.",
)
@mesh_command
async def start(
    session: Session,
    file: Path,
    arguments: tuple[str, ...],
    sites: tuple[str, ...],
    extra: tuple[Path, ...],
    check: bool,
    all_or_nothing: bool,
    wait: float,
) -> None:
    """Launch FILE at all of its sites, each part by the agent there.

    Ctrl-C ends the waiting, not the launch.
    """
    from labmesh.launch import parse_arguments

    await start_on_agents(
        session, file, dict(parse_arguments(arguments)), sites=sites, extra=extra,
        check=check, all_or_nothing=all_or_nothing, wait=wait,
    )  # fmt: skip


async def start_on_agents(
    session: Session,
    file: Path,
    arguments: dict[str, Any],
    *,
    sites: tuple[str, ...] = (),
    extra: tuple[Path, ...] = (),
    check: bool = False,
    all_or_nothing: bool = False,
    wait: float = 120.0,
) -> None:
    """Launch a file through agents and show how it goes; exit code 1 where it does not go."""
    from labmesh.cli._agent_launch import launch_on_agents, pack
    from labmesh.cli._agents import Agents

    parcel = pack(file, arguments, extra)
    async with session.visit() as visitor:
        agents = await Agents.find(visitor, session.patience)
        statuses, trouble = await launch_on_agents(
            agents, parcel, session.out,
            sites=sites, check=check, all_or_nothing=all_or_nothing, patience=wait,
        )  # fmt: skip
    if check and not session.out.as_json:
        session.out.text(f"sound at: {', '.join(s for s in parcel.sites if s not in trouble)}")
    elif statuses or session.out.as_json:
        show_statuses(session, statuses)
    if all_or_nothing and trouble:
        session.out.remark("nothing runs: --all-or-nothing")
    if trouble:
        click.get_current_context().exit(1)


@click.command("stop")
@_SITES
@click.option("--no-wait", is_flag=True, help="Return at once.")
@mesh_command
async def stop(session: Session, sites: tuple[str, ...], no_wait: bool) -> None:
    """End the launches of SITEs, or of all sites; asked again, hurry."""
    import asyncio

    from labmesh.cli._agents import Agents

    async with session.visit() as visitor:
        agents = await Agents.find(visitor, session.patience)
        answers = await agents.ask_all(agents.choose(sites), "agent.stop")
        ending = {answer.site for answer in answers if answer.status}
        while ending:
            found = await agents.ask_all(sorted(ending), "agent.status")
            for answer in found:
                if no_wait or (answer.status and answer.status.state in ("stopped", "failed")):
                    ending.discard(answer.site)
                    if not session.out.as_json:
                        word = "stopping" if no_wait else "stopped"
                        session.out.text(f"{answer.site} is {word}")
            if ending:
                await asyncio.sleep(0.3)
    if session.out.as_json:
        session.out.document([_plain(answer) for answer in answers])
    _troubles(session, answers)


@click.command("restart")
@click.argument("what", metavar="SITE[/PROCESS]")
@mesh_command
async def restart(session: Session, what: str) -> None:
    """Start a process anew, or the whole launch of a site."""
    site, _, process = what.partition("/")
    answers = await _ask(
        session, (site,), "agent.restart", {"process": what if process else ""}, patience=60.0
    )
    _done(session, answers, "restarted")


@click.command("reload")
@_takes_a_launch_file
@mesh_command
async def reload(
    session: Session,
    file: Path,
    arguments: tuple[str, ...],
    sites: tuple[str, ...],
    extra: tuple[Path, ...],
) -> None:
    """Give the running launches FILE anew: what has not changed goes on undisturbed."""
    from labmesh.cli._agent_launch import pack
    from labmesh.launch import parse_arguments

    parcel = pack(file, dict(parse_arguments(arguments)), extra)
    answers = await _ask(
        session, sites or tuple(parcel.sites), "agent.reload", parcel.as_arguments(), patience=180.0
    )
    _done(session, answers, "reloaded")


@click.command("log")
@click.argument("what", metavar="SITE[/PROCESS]")
@click.option(
    "-n", "--lines", type=click.IntRange(1, 500), default=50, show_default=True, help="How many."
)
@mesh_command
async def log(session: Session, what: str, lines: int) -> None:
    """Show the last lines of the launch of a site, or of one of its processes."""
    site, _, process = what.partition("/")
    arguments = {"process": process, "lines": lines}
    answers = await _ask(session, (site,), "agent.log", arguments)
    for answer in answers:
        if answer.value is not None and session.out.as_json:
            session.out.document(answer.value)
        elif answer.value is not None:
            from labmesh.cli._format import clean

            for line in answer.value["lines"]:
                session.out.text(clean(line))
    _troubles(session, answers)


def register(group: click.Group) -> None:
    """Add the verbs to ``labmesh agent``."""
    for verb in (list_agents, status, start, stop, restart, reload, log):
        group.add_command(verb)


def show_statuses(session: Session, statuses: Iterable[AgentStatus]) -> None:
    """Show the processes of several sites as one table."""
    found = list(statuses)
    if session.out.as_json:
        session.out.document([each.model_dump() for each in found])
        return
    rows: list[tuple[object, ...]] = []
    for each in found:
        if each.processes:
            rows += [
                (p.id, p.state, p.pid, p.restarts or "", p.exit_code, p.last_line[:_LINE])
                for p in each.processes
            ]
        else:
            rows.append((each.site, each.state, each.pid, "", "", each.reason[:_LINE]))
    columns = ("process", "state", "pid", "restarts", "exit", "last line")
    session.out.table(columns, rows, empty="nothing runs")


async def _ask(
    session: Session,
    sites: tuple[str, ...],
    service: str,
    arguments: dict[str, Any] | None = None,
    *,
    patience: float | None = None,
) -> list[SiteAnswer]:
    from labmesh.cli._agents import Agents

    async with session.visit() as visitor:
        agents: Agents = await Agents.find(visitor, session.patience)
        return await agents.ask_all(agents.choose(sites), service, arguments, patience=patience)


def _done(session: Session, answers: list[SiteAnswer], word: str) -> None:
    if session.out.as_json:
        session.out.document([_plain(answer) for answer in answers])
    else:
        for answer in answers:
            if answer.value is not None:
                changed = [
                    f"{key}: {', '.join(map(str, value))}"
                    for key, value in answer.value.items()
                    if isinstance(value, list | dict) and value
                ]
                session.out.text(f"{answer.site} {word}: {'; '.join(changed) or 'nothing changed'}")
    _troubles(session, answers)


def _plain(answer: SiteAnswer) -> dict[str, Any]:
    trouble = str(answer.trouble) if answer.trouble else None
    return {"site": answer.site, "value": answer.value, "trouble": trouble}


def _troubles(session: Session, answers: Iterable[SiteAnswer]) -> None:
    """Say what went wrong, if anything, and exit with 1."""
    troubled = [answer for answer in answers if answer.trouble is not None]
    for answer in troubled:
        text = str(answer.trouble)
        session.out.remark(text if answer.site in text else f"{answer.site}: {text}")
    if troubled:
        click.get_current_context().exit(1)
