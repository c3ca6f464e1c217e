"""``labmesh site add-node|rotate|revoke``: who has an account."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from labmesh.cli._output import Output
from labmesh.cli._session import json_command
from labmesh.cli._site_show import FOLDER, changed, plain_changes, read_site, show_changes
from messages.errors import ConfigurationError


@click.command("add-node")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    metavar="ROLE",
    multiple=True,
    required=True,
    help="viewer, requester, operator, instrument, ledger; may be repeated.",
)
@FOLDER
@json_command
def add_node(out: Output, name: str, roles: tuple[str, ...], folder: Path | None) -> None:
    """Give a node or a person of this site an account; a running MQTT broker knows it at once."""
    there, description = read_site(folder)
    accounts = {**description.accounts, name: list(roles)}
    revoked = [each for each in description.revoked if each != name]
    if name in description.revoked:
        out.remark(f"{name} was revoked before; it gets a new password")
    changes = changed(there, description.but(accounts=accounts, revoked=revoked))
    if out.as_json:
        out.document({"account": str(there.account(name)), **plain_changes(changes)})
    else:
        show_changes(out, there, changes, diffs=False)
        out.text(f"its account file: {there.account(name)}")


@click.command("rotate")
@click.argument("name", metavar="[NODE|SITE]", required=False)
@click.option("--all", "everyone", is_flag=True, help="Every account of this site's own.")
@click.option("--certificates", is_flag=True, help="The MQTT broker's certificate.")
@FOLDER
@json_command
def rotate(
    out: Output, name: str | None, everyone: bool, certificates: bool, folder: Path | None
) -> None:
    """Make new passwords, or a new certificate; the old ones are worthless at once.

    A node goes on when it is started anew with its new account file, a site when it has joined
    with its new token.
    """
    from labmesh.site import give_password, reload, renew, running

    if not (name or everyone or certificates):
        raise click.UsageError("name a node or a site, or --all, or --certificates")
    there, description = read_site(folder)
    if name in description.sites:
        raise click.UsageError(f"{name} is a site: labmesh site invite {name} makes a new token")
    if name and name not in description.accounts:
        raise ConfigurationError(
            f"no account {name!r}", where=str(there.description),
            remedy=f"there are {', '.join(description.accounts)}",
        )  # fmt: skip
    changed(there, description)
    names = list(description.accounts) if everyone else [name] if name else []
    for each in names:
        give_password(there, description, each)
    if certificates:
        renew(there, description)
    reload(there)
    if out.as_json:
        out.document({"accounts": names, "certificate": certificates})
        return
    for each in names:
        out.text(f"new password in {there.account(each)}")
    if certificates:
        out.text(f"new certificate in {there.certificate}")
    if names and running(there) is not None:
        out.remark("who was connected with an old password was cut off: start it anew")


@click.command("revoke")
@click.argument("name", metavar="NODE|SITE")
@FOLDER
@json_command
def revoke(out: Output, name: str, folder: Path | None) -> None:
    """Take the account of a node or a site away; its connection is cut at once."""
    from labmesh.site import revoke as take_away
    from labmesh.site import running

    there, _ = read_site(folder)
    changes = asyncio.run(take_away(there, name))
    if out.as_json:
        out.document(plain_changes(changes))
        return
    cut = "" if running(there) is None else ", and is cut off"
    out.text(f"{name} has no account any more{cut}")
