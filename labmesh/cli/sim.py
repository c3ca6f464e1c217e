"""``labmesh sim``: instruments that are not there, on real ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from labmesh.cli._output import Output
from labmesh.cli._session import json_command
from labmesh.cli._verbs import Verbs

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Simulators(Verbs):
    """``list``, and a command for each installed simulator."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, ``list`` first."""
        from labmesh.sim import simulators

        return ["list", *simulators()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return ``list``, or import a simulator and return the command that runs it."""
        from labmesh.sim import find_simulator, simulators

        if cmd_name not in simulators() and ":" not in cmd_name:
            return super().get_command(ctx, cmd_name)
        from labmesh.cli._sim_run import run_command

        return run_command(cmd_name, find_simulator(cmd_name))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin so, without importing a simulator."""
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [CompletionItem(name) for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names: what each stands in for is `labmesh sim list`'s to say."""
        from labmesh.sim import simulators

        with formatter.section("Commands"):
            formatter.write_dl([("list", "List the installed simulators.")])
        with formatter.section("Simulators (their options: labmesh sim NAME --help)"):
            formatter.write_text(", ".join(simulators()) or "none is installed")


@click.group(cls=Simulators)
def command() -> None:
    """Run an instrument that is not there, on real ports: `labmesh sim meca500 --port 10000`.

    Drivers cannot tell it from hardware. In a launch file it is the node `simulator`.
    """


@command.command("list")
@json_command
def list_(out: Output) -> None:
    """List the installed simulators with their ports and faults."""
    from labmesh.sim import find_simulator, simulators
    from messages.errors import LabmeshError

    found: list[dict[str, Any]] = []
    for name in simulators():
        try:
            kind = find_simulator(name)
        except LabmeshError as error:
            out.remark(f"{name}: {error}")
            continue
        ports = {port.name: {"kind": port.kind, "default": port.default} for port in kind.ports}
        found.append(
            {"name": name, "title": kind.title, "ports": ports, "faults": kind.all_faults()}
        )
    if out.as_json:
        out.document(found)
        return
    rows = (
        (
            each["name"],
            each["title"],
            ", ".join(_port(name, **port) for name, port in each["ports"].items()),
            ", ".join(each["faults"]),
        )
        for each in found
    )
    out.table(("name", "what", "ports", "faults"), rows, empty="no simulator is installed")


def _port(name: str, kind: str, default: int) -> str:
    return f"{name} ({kind} {default})" if default else f"{name} ({kind})"
