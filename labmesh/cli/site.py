"""``labmesh site``: how a lab becomes a site, and sites become one lab."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from labmesh.cli._output import Output
from labmesh.cli._session import json_command
from labmesh.cli._site_accounts import add_node, revoke, rotate
from labmesh.cli._site_join import invite, join, refresh
from labmesh.cli._site_show import FOLDER, plain_changes, read_site, say_restart, show_changes
from labmesh.cli._site_status import list_sites, status
from labmesh.cli._verbs import Verbs


@click.group(cls=Verbs)
def command() -> None:
    """Sites: a lab's own MQTT broker, its accounts, and the hub that joins labs."""
    import logging

    # That a connection is tried again, the error itself will say.
    logging.getLogger("labmesh.transport").setLevel(logging.ERROR)


@command.command("init")
@click.argument("name", required=False)
@click.option(
    "--from",
    "files",
    metavar="LAUNCH_FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Make an account for each of its nodes at this site; may be repeated.",
)
@click.option(
    "--host",
    "hosts",
    metavar="DNS_OR_IP",
    multiple=True,
    help="By which others reach this machine; may be repeated (default: its name).",
)
@click.option("--realm", metavar="REALM", help="First level of every topic (lab1).")
@click.option("--port", type=click.IntRange(1, 65535), help="TLS, for others (8883).")
@click.option(
    "--local-port",
    type=click.IntRange(1, 65535),
    help="Without TLS, for this machine alone (1883).",
)
@click.option("--hub", is_flag=True, help="Other sites shall join here: what it takes is said.")
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
@FOLDER
@json_command
def init(
    out: Output, name: str | None, files: tuple[Path, ...], hosts: tuple[str, ...],
    realm: str | None, port: int | None, local_port: int | None, hub: bool, dry_run: bool,
    folder: Path | None,
) -> None:  # fmt: skip
    """Make the site NAME in folder NAME-site, or bring its files in line with its site.yaml.

    Again and again: what is there stays, passwords and keys above all.
    """
    import socket

    from labmesh.site import (
        SUFFIX,
        Description,
        SiteFolder,
        accounts_of,
        apply,
        changes_of,
        reload,
    )
    from messages.errors import ConfigurationError

    there = SiteFolder((folder or Path(f"{name}{SUFFIX}")).expanduser().absolute())
    if name is None:
        there = SiteFolder.find(folder)
    given = {"realm": realm, "port": port, "local_port": local_port, "hosts": list(hosts) or None}
    given = {key: value for key, value in given.items() if value is not None}
    fresh = not there.description.exists()
    if fresh:
        assert name is not None  # noqa: S101 - find() has raised
        description = Description.new(name, **{"hosts": [socket.gethostname()], **given})
    else:
        description = Description.read(there.root).but(**given)
    if name is not None and description.site != name:
        raise ConfigurationError(
            f"is the folder of site {description.site}", where=str(there.root),
            remedy="name another one with --folder",
        )  # fmt: skip
    wanted = accounts_of(files, description.site)
    new = {each: grant for each, grant in wanted.items() if each not in description.accounts}
    description = description.but(accounts={**description.accounts, **new})
    changes = changes_of(there, description) if dry_run else apply(there, description)
    if not dry_run and changes:
        reload(there)
    if out.as_json:
        out.document({"folder": str(there.root), **plain_changes(changes)})
        return
    show_changes(out, there, changes, diffs=True)
    if not changes:
        out.text(f"{there.root} is as its site.yaml says")
    if dry_run:
        return
    say_restart(out, there, changes)
    if changes.uninvited:
        out.remark(f"not invited yet: {', '.join(changes.uninvited)}")
    if fresh:
        _say_what_next(out, there.root, description.site, description.url, hub=hub)


@command.command("start")
@FOLDER
def start(folder: Path | None) -> None:
    """Run the site's MQTT broker until it is told to stop.

    This process becomes mosquitto. systemd runs it with the unit in the site's folder.
    """
    from labmesh.site import become_mosquitto, changes_of

    there, description = read_site(folder)
    if description.has_broker and changes_of(there, description):
        # A page that was edited and not yet applied must not keep a lab from starting again.
        Output(as_json=False).remark(
            "site.yaml says something else than is started now: labmesh site init --dry-run"
        )
    become_mosquitto(there)


@command.command("check")
@FOLDER
@json_command
def check(out: Output, folder: Path | None) -> None:
    """Start the MQTT broker on a free port and try every account; touches nothing that runs.

    Each may publish below its own prefix and nowhere else, and who has none stays out.
    """
    from labmesh.site import check_site

    there, description = read_site(folder)
    findings = asyncio.run(check_site(there, description))
    if out.as_json:
        out.document([{"account": f.account, "trouble": f.trouble} for f in findings])
    else:
        rows = [(f.account, f.roles, f.trouble or "ok") for f in findings]
        out.table(("account", "roles", "state"), rows, empty="no accounts")
    if any(each.trouble for each in findings):
        click.get_current_context().exit(1)


for verb in (invite, join, refresh, add_node, rotate, revoke, list_sites, status):
    command.add_command(verb)


def _say_what_next(out: Output, root: Path, site: str, url: str, *, hub: bool) -> None:
    out.text("")
    out.text(f"site {site} is in {root}; site.yaml says what it is, accounts/ holds secrets")
    out.text(f"check it:            labmesh site check --folder {root}")
    out.text(f"run its MQTT broker: labmesh site start --folder {root}   ({url})")
    unit = f"labmesh-site-{site}.service"
    out.text(f"  or by systemd:     systemctl --user enable --now {root / unit}")
    out.text(f"look at it:          labmesh node list --account {root}/accounts/cli.json")
    out.text(f"launch with it:      labmesh launch FILE --site {site} --accounts {root}/accounts")
    out.text(f"run its agent:       labmesh agent --account {root}/accounts/agent.json")
    if hub:
        out.text(f"let a site join:     labmesh site invite SITE --folder {root}")
