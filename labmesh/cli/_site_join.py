"""``labmesh site invite|join|refresh``: how a site joins a hub with one token."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from labmesh.cli._output import Output
from labmesh.cli._session import json_command
from labmesh.cli._site_show import (
    FOLDER,
    plain_changes,
    read_site,
    say_restart,
    show_changes,
)
from messages.errors import ConfigurationError

if TYPE_CHECKING:
    from labmesh.site import Joined

_PATIENCE: Final = click.option(
    "--patience", metavar="S", type=click.FloatRange(min=0, min_open=True), default=10.0,
    show_default=True, help="Seconds to wait for the hub.",
)  # fmt: skip


@click.command("invite")
@click.argument("site")
@click.option("--url", metavar="URL", help="mqtts://host:port by which that site reaches this hub.")
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    default=7.0,
    show_default=True,
    help="How long the invitation is good.",
)
@click.option(
    "--print", "show", is_flag=True, help="Print the token (a secret) instead of where it lies."
)
@FOLDER
@json_command
def invite(
    out: Output, site: str, url: str | None, days: float, show: bool, folder: Path | None
) -> None:  # fmt: skip
    """Invite SITE to this hub: makes its account, and one token that SITE joins with.

    The token is a secret: who has it is that site. Inviting again makes the old one worthless.
    """
    from labmesh.site import invite as make
    from labmesh.site import reload

    there, _ = read_site(folder)
    invitation, _ = make(there, site, url=url, days=days)
    reload(there)
    file = there.invitation(site)
    if out.as_json:
        out.document({"site": site, "file": str(file), "expires": invitation.expires})
    elif show:
        out.text(invitation.pack())
    else:
        out.text(f"the invitation of {site} is in {file}; it is a secret, send it as one")
        out.text(f"there: labmesh site join --token-file {file.name}   (within {days:g} days)")


@click.command("join")
@click.argument("token", required=False)
@click.option("--token-file", metavar="FILE", help="The token; - for standard input.")
@click.option(
    "--direct",
    is_flag=True,
    help="Nodes connect to the hub themselves, even where the site has an MQTT broker.",
)
@_PATIENCE
@FOLDER
@json_command
def join(
    out: Output, token: str | None, token_file: str | None, direct: bool, patience: float,
    folder: Path | None,
) -> None:  # fmt: skip
    """Join a hub with the token it made.

    A site with an MQTT broker of its own is bridged to the hub; the nodes of any other one connect
    to the hub themselves.
    """
    from labmesh.site import Invitation
    from labmesh.site import join as enter

    invitation = Invitation.unpack(_token(token, token_file))
    if folder is None and Path("site.yaml").is_file():
        folder = Path.cwd()
    _say(out, asyncio.run(enter(invitation, folder, direct=direct, patience=patience)), first=True)


@click.command("refresh")
@_PATIENCE
@FOLDER
@json_command
def refresh(out: Output, patience: float, folder: Path | None) -> None:
    """Ask the hub which sites have joined by now, and let their messages in."""
    from labmesh.site import refresh as ask

    there, _ = read_site(folder)
    _say(out, asyncio.run(ask(there, patience=patience)), first=False)


def _token(token: str | None, file: str | None) -> str:
    if (token is None) == (file is None):
        raise click.UsageError("give the token, or --token-file FILE")
    if token is not None:
        return token
    if file == "-":
        return sys.stdin.read(1 << 20)
    try:
        return Path(file or "").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(file)) from error


def _say(out: Output, joined: Joined, *, first: bool) -> None:
    folder, upstream, site = joined.folder, joined.description.upstream, joined.description.site
    assert upstream is not None  # noqa: S101 - it has just joined
    if out.as_json:
        out.document(
            {
                "site": site, "hub": upstream.hub, "how": upstream.how, "url": upstream.url,
                "peers": list(upstream.peers), "folder": str(folder.root),
                **plain_changes(joined.changes),
            }
        )  # fmt: skip
        return
    show_changes(out, folder, joined.changes, diffs=not first)
    others = ", ".join(upstream.peers)
    if not first:
        out.text(f"sites at hub {upstream.hub}: {others}")
        say_restart(out, folder, joined.changes)
        return
    out.text(f"site {site} has joined hub {upstream.hub} ({upstream.url}); sites there: {others}")
    out.text("")
    root = folder.root
    if upstream.how == "bridge":
        out.text(f"start its MQTT broker anew: labmesh site start --folder {root}")
        out.text(f"see the link:               labmesh site status --folder {root}")
    else:
        out.text("its nodes connect to the hub themselves:")
        out.text(f"look around:   labmesh node list --account {folder.hub}")
        out.text(f"launch there:  labmesh launch FILE --site {site} --accounts {folder.hub}")
        out.text(f"run its agent: labmesh agent --account {folder.hub}")
