"""Joining a hub: from the invitation to a site whose MQTT broker is bridged, or that has none."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from labmesh.security import Account, new_password, set_password, write_private
from labmesh.site._apply import Changes, apply
from labmesh.site._connect import PATIENCE, in_words, sites_at
from labmesh.site._description import Description, Upstream
from labmesh.site._folder import SUFFIX, SiteFolder
from labmesh.site._token import Invitation
from messages.errors import ConfigurationError, LabmeshError

VALID_DAYS: Final = 7.0
"""How long an invitation is good, unless said otherwise."""

_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of joining.

    Attributes:
        folder: The site's folder.
        description: As it is now.
        changes: What has changed in the folder.
        before: Whether the site was described already.
    """

    folder: SiteFolder
    description: Description
    changes: Changes
    before: bool


def invite(
    folder: SiteFolder, site: str, *, url: str | None = None, days: float = VALID_DAYS
) -> tuple[Invitation, Description]:
    """Give a site an account at this hub; return the invitation and the new description.

    Inviting it again makes a new password: what it had from before is worth nothing from then on.

    Raises:
        ConfigurationError: This is no hub, or the name is taken, revoked, or none.
    """
    description = Description.read(folder.root)
    if site not in description.sites:
        description = description.but(sites=[*description.sites, site])
    apply(folder, description)
    password = new_password()
    set_password(folder.passwords, site, password)
    invitation = Invitation(
        realm=description.realm,
        hub=description.site,
        site=site,
        url=url or description.url,
        ca=folder.ca.read_text(encoding="ascii"),
        password=password,
        expires=int(time.time() + days * _DAY),
        peers=(description.site, *(each for each in description.sites if each != site)),
    )
    write_private(folder.invitation(site), invitation.pack() + "\n")
    return invitation, description


async def join(
    invitation: Invitation,
    folder: Path | None = None,
    *,
    direct: bool = False,
    patience: float = PATIENCE,
) -> Joined:
    """Set a site up as its invitation says, after a look at the hub.

    A site with an MQTT broker of its own gets a bridge, any other a direct connection.

    Args:
        invitation: From the hub.
        folder: The site's folder; by default the one of its name here.
        direct: Whether its nodes shall connect to the hub themselves all the same.
        patience: Wall seconds to wait for the hub.

    Raises:
        ConfigurationError: The folder is another site's, or the hub cannot be joined.
    """
    there = SiteFolder((folder or Path(f"{invitation.site}{SUFFIX}")).expanduser().absolute())
    before = there.description.exists()
    description = (
        Description.read(there.root)
        if before
        else Description(site=invitation.site, realm=invitation.realm)
    )
    _check_fits(invitation, description, there)
    there.root.mkdir(parents=True, exist_ok=True)
    there.root.chmod(0o700)
    kept = {file: file.read_bytes() for file in (there.hub, there.hub_ca) if file.exists()}
    _write_account(invitation, there)
    try:
        found = await sites_at(Account.read(there.hub), invitation.realm, patience=patience)
    except LabmeshError as error:
        _put_back(there, kept)
        raise in_words(error, invitation.url) from error
    how: Literal["bridge", "direct"] = (
        "bridge" if description.has_broker and not direct else "direct"
    )
    streams = description.upstream.streams if description.upstream else ()
    peers = dict.fromkeys((*invitation.peers, *sorted(found)))
    upstream = Upstream(
        hub=invitation.hub,
        url=invitation.url,
        how=how,
        peers=tuple(peer for peer in peers if peer != invitation.site),
        streams=streams,
    )
    description = description.but(upstream=upstream)
    return Joined(there, description, apply(there, description), before)


async def refresh(folder: SiteFolder, *, patience: float = PATIENCE) -> Joined:
    """Ask the hub which sites there are by now, and let their messages in.

    Raises:
        ConfigurationError: The site has joined none, or the hub does not let it in.
    """
    description = Description.read(folder.root)
    upstream = description.upstream
    if upstream is None:
        raise ConfigurationError(
            f"site {description.site} has joined no hub",
            where=str(folder.description),
            remedy="labmesh site join TOKEN",
        )
    try:
        found = await sites_at(Account.read(folder.hub), description.realm, patience=patience)
    except LabmeshError as error:
        raise in_words(error, upstream.url) from error
    peers = dict.fromkeys((*upstream.peers, *sorted(found)))
    fresh = tuple(peer for peer in peers if peer != description.site)
    description = description.but(upstream=upstream.model_copy(update={"peers": fresh}))
    return Joined(folder, description, apply(folder, description), before=True)


def _check_fits(invitation: Invitation, description: Description, folder: SiteFolder) -> None:
    if description.site != invitation.site or description.realm != invitation.realm:
        raise ConfigurationError(
            f"the invitation is for site {invitation.site} of realm {invitation.realm}, "
            f"and this is {description.site} of {description.realm}",
            where=str(folder.description),
            remedy="name another folder with --folder, or let the hub invite this site",
        )
    upstream = description.upstream
    if upstream is not None and upstream.hub != invitation.hub:
        raise ConfigurationError(
            f"site {description.site} has joined hub {upstream.hub} already",
            where=str(folder.description),
            remedy="take upstream out of the description first",
        )


def _write_account(invitation: Invitation, folder: SiteFolder) -> None:
    folder.hub_ca.write_text(invitation.ca, encoding="ascii")
    Account(
        url=invitation.url, username=invitation.site, password=invitation.password,
        ca=folder.hub_ca, site=invitation.site,
    ).write(folder.hub)  # fmt: skip


def _put_back(folder: SiteFolder, kept: dict[Path, bytes]) -> None:
    """Leave the files as they were before an invitation that did not work."""
    for file in (folder.hub, folder.hub_ca):
        if file in kept:
            write_private(file, kept[file])
        else:
            file.unlink(missing_ok=True)
