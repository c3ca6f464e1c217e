"""Taking an account away, so that everybody sees that it is gone."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Final

from labmesh.security import (
    Account,
    Member,
    Role,
    new_password,
    remove_password,
    set_password,
    write_private,
)
from labmesh.site._apply import Changes, apply
from labmesh.site._connect import clear, connected
from labmesh.site._description import Description
from labmesh.site._folder import SiteFolder
from labmesh.site._mosquitto import reload, running
from messages.errors import ConfigurationError, LabmeshError
from messages.topics import link_topic

_SECONDS: Final = 15.0
_PERIOD: Final = 0.1


async def revoke(folder: SiteFolder, name: str) -> Changes:
    """Take the account of a node or a site away; its connection is cut.

    Raises:
        ConfigurationError: There is none, or the folder cannot be read.
    """
    description = Description.read(folder.root)
    known = {*description.accounts, *description.sites}
    if name not in known:
        again = " (it was revoked)" if name in description.revoked else ""
        raise ConfigurationError(
            f"no account {name!r}{again}",
            where=str(folder.description),
            remedy=f"there are {', '.join(sorted(known))}",
        )
    after = description.but(
        accounts={each: grant for each, grant in description.accounts.items() if each != name},
        sites=[each for each in description.sites if each != name],
        revoked=[*description.revoked, name],
    )
    remove_password(folder.passwords, name)
    if running(folder) is not None:
        await _clear(folder, after, name, is_site=name in description.sites)
    folder.invitation(name).unlink(missing_ok=True)
    changes = apply(folder, after)
    reload(folder)
    return changes


async def _clear(folder: SiteFolder, description: Description, name: str, *, is_site: bool) -> None:
    """Cut the connection, and take back what says that this one is there.

    mosquitto delivers no will of a client that it ends for want of an account (measured with
    2.0.11): the lab would take it for online for ever. So somebody with its rights, for a moment,
    clears that; when he is let in mosquitto has read its files again.
    """
    heir = Member(
        username=f"heir-{secrets.token_hex(6)}",
        site=name if is_site else description.site,
        roles=(Role.BRIDGE if is_site else Role.INSTRUMENT,),
        names=() if is_site else (name,),
    )
    account = Account(
        url=f"mqtts://localhost:{description.port}",
        username=heir.username,
        password=new_password(),
        ca=folder.ca,
        site=heir.site,
        name=None if is_site else name,
    )
    config = folder.broker_config(description)
    write_private(folder.acl, replace(config, members=(*config.members, heir)).render_acl())
    set_password(folder.passwords, heir.username, account.password or "")
    try:
        reload(folder)
        await _taken_over(account, folder)
        below = f"{description.realm}/{heir.site}/{'+' if is_site else name}"
        patterns = [f"{below}/node/#", f"{below}/offer/#"]
        if is_site:
            patterns.append(link_topic(description.realm, name))
        await clear(account, patterns, description.realm)
    finally:
        remove_password(folder.passwords, heir.username)


async def _taken_over(account: Account, folder: SiteFolder) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            while not await _let_in(account):  # noqa: ASYNC110 - another process reads its files
                await asyncio.sleep(_PERIOD)
    except TimeoutError:
        raise ConfigurationError(
            "the MQTT broker does not read its accounts again",
            where=str(folder.config),
            remedy="restart it: then nobody without an account is connected",
        ) from None


async def _let_in(account: Account) -> bool:
    try:
        async with connected(account, patience=2.0):
            return True
    except LabmeshError:
        return False
