"""Whether a site's MQTT broker does what its description says: started for a moment, and asked."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from labmesh.mosquitto import MosquittoProcess, free_port
from labmesh.security import Account
from labmesh.site._connect import connected, may_publish
from labmesh.site._description import Description
from labmesh.site._folder import SiteFolder
from messages.errors import LabmeshError


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one account.

    Attributes:
        account: Its name.
        roles: In words.
        trouble: What is wrong; empty when nothing is.
    """

    account: str
    roles: str
    trouble: str = ""


async def check_site(folder: SiteFolder, description: Description) -> list[Finding]:
    """Start the MQTT broker on free ports, and try every account.

    Each shall be let in over TLS, publish below its own prefix, and nowhere else. Whoever has no
    account, or another's name, shall stay out. Nothing of a running one is touched, no bridge is
    built.

    Raises:
        LabmeshError: mosquitto does not start with this configuration.
    """
    config = folder.broker_config(description)
    port = free_port()
    config = replace(
        config, port=0, bridge=None, persistence=False,
        listeners=tuple(replace(each, port=port, address="127.0.0.1") for each in config.listeners),
    )  # fmt: skip
    found = []
    with tempfile.TemporaryDirectory(prefix="labmesh-check-") as scratch:
        async with MosquittoProcess(config, Path(scratch)):
            url = f"mqtts://localhost:{port}"
            for name, grant in description.accounts.items():
                account = replace(Account.read(folder.account(name)), url=url)
                trouble = await _try(account, description, name)
                found.append(Finding(name, ", ".join(grant.roles), trouble))
            found.append(Finding("(nobody)", "no account", await _strangers(folder, url)))
    return found


async def _try(account: Account, description: Description, name: str) -> str:
    realm, site = description.realm, description.site
    try:
        async with connected(account) as transport:
            if not await may_publish(transport, f"{realm}/{site}/{name}/event/check"):
                return "may not publish below its own prefix"
            for other in (f"{site}/{name}-x", f"{site}-x/{name}"):
                if await may_publish(transport, f"{realm}/{other}/event/check"):
                    return f"may publish below {realm}/{other}"
    except LabmeshError as error:
        return f"is not let in: {error}"
    return ""


async def _strangers(folder: SiteFolder, url: str) -> str:
    strangers = {
        "without an account": Account(url=url, ca=folder.ca),
        "with a wrong password": Account(
            url=url,
            ca=folder.ca,
            username="cli",
            password="wrong",  # noqa: S106 - it is meant to be
        ),
    }
    for who, account in strangers.items():
        try:
            async with connected(account, patience=5.0):
                return f"{who} one is let in"
        except LabmeshError:
            continue
    return ""
