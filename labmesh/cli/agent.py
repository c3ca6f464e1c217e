"""``labmesh agent``: the agent of a lab machine, and its operators' side."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Final

import click

from labmesh.cli._agent_verbs import register
from labmesh.cli._verbs import Verbs

NAME: Final = "agent"
"""The node's name at every site."""


class _Agent(Verbs):
    """Runs the agent, unless a verb follows."""


@click.group(cls=_Agent, invoke_without_command=True)
@click.option("--site", metavar="SITE", help="The site whose part of launch files runs here.")
@click.option("--mqtt", metavar="URL", help="MQTT broker (default: the account's).")
@click.option(
    "--account",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Account file (or LABMESH_ACCOUNT): where the MQTT broker is, and as whom.",
)
@click.option(
    "--accounts",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Account files of the nodes that it launches (default: those beside --account).",
)
@click.option("--realm", metavar="REALM", help="First level of every topic (lab1).")
@click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the mesh's files (.labmesh).",
)
@click.option(
    "--operator",
    "operators",
    metavar="SITE/NODE",
    multiple=True,
    help="Who may start and stop here (default: SITE/cli); may be repeated.",
)
@click.option(
    "--program",
    "programs",
    metavar="NAME",
    multiple=True,
    help="Installed node that may run (default: all); may be repeated.",
)
@click.option("--executables", is_flag=True, help="Take launch files that run any program.")
@click.option("--modules", is_flag=True, help="Run module:Class, too.")
@click.option(
    "--env",
    "variables",
    metavar="NAME",
    multiple=True,
    help="Environment variable that launch files may set; may be repeated.",
)
@click.option("--leave-running", is_flag=True, help="The launch outlives the agent's end.")
@click.option("--unit", is_flag=True, help="Print a systemd unit that runs this, and exit.")
@click.option("--install-unit", is_flag=True, help="Write that unit for this user, and exit.")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Run the agent of a lab machine: operators launch, watch and stop through it.

    A verb after it is for operators: they see and control the agents of all sites.
    """  # fmt: skip
    if context.invoked_subcommand is not None:
        return
    unit, install = options.pop("unit"), options.pop("install_unit")
    if unit or install:
        _unit(options, install=install)
        return
    # Ctrl-C in the middle of the imports shall not print a page of traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from labmesh.node.__main__ import main

    context.exit(main(_run_words(options)))


register(command)


def _run_words(options: dict[str, Any]) -> list[str]:
    """Return the command line of the node."""
    import json

    parameters = {
        "operators": list(options["operators"]),
        "programs": list(options["programs"]),
        "environment": list(options["variables"]),
        "executables": options["executables"],
        "modules": options["modules"],
        "leave_running": options["leave_running"],
        "accounts": _accounts(options),
    }
    words = ["labmesh.agent:AgentNode", "--name", NAME]
    for name in ("site", "mqtt", "account", "realm", "data_dir"):
        if options[name]:
            words += [f"--{name.replace('_', '-')}", str(options[name])]
    for name, value in parameters.items():
        if value:
            words += ["--param", f"{name}={json.dumps(value)}"]
    return words


def _accounts(options: dict[str, Any]) -> str:
    """Return the folder of the launch's accounts: beside the agent's own, where it has one."""
    given = options["accounts"] or os.environ.get("LABMESH_ACCOUNTS")
    own = options["account"] or os.environ.get("LABMESH_ACCOUNT")
    if not given and own:
        from labmesh.security import Account

        if Path(own).with_name("launch.json").is_file():
            given = Path(own).parent
        elif Account.read(own).name is None:  # nobody's in particular: the whole site's
            given = Path(own)
    return str(Path(given).expanduser().absolute()) if given else ""


def _unit(options: dict[str, Any], *, install: bool) -> None:
    from labmesh.place import data_dir
    from labmesh.systemd import UNIT_FOLDER, unit_text

    options["data_dir"] = data_dir(options["data_dir"])
    account = options["account"] or os.environ.get("LABMESH_ACCOUNT")
    options["account"] = Path(account).absolute() if account else None
    options["accounts"] = _accounts(options) or None
    for name in ("site", "mqtt", "realm"):
        options[name] = options[name] or os.environ.get(f"LABMESH_{name.upper()}")
    flags = {
        "operators": "--operator", "programs": "--program", "variables": "--env",
        "executables": "--executables", "modules": "--modules", "leave_running": "--leave-running",
    }  # fmt: skip
    words = ["agent"]
    for name, value in options.items():
        flag = flags.get(name, f"--{name.replace('_', '-')}")
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [word for each in value for word in (flag, each)]
        elif value:
            words += [flag, str(value)]
    whose = f" of {options['site']}" if options["site"] else ""
    text = unit_text(
        f"Labmesh agent{whose}", words, options["data_dir"].parent, kill_mode="process"
    )
    if not install:
        click.echo(text, nl=False)
        return
    name = f"labmesh-agent{'-' + options['site'] if options['site'] else ''}.service"
    file = UNIT_FOLDER.expanduser() / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    click.echo(f"wrote {file}")
    click.echo(f"now: systemctl --user daemon-reload && systemctl --user enable --now {name}")
    click.echo("to let it run while nobody is logged in: loginctl enable-linger")
