"""Which account file is whose: one for all, or a folder with one a node."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from labmesh.launch._plan import Broker, ExecutableProcess, NodeProcess, Plan
from labmesh.launch._problem import Position
from labmesh.security import Account
from messages.errors import ConfigurationError

_LAUNCH: Final = "launch"
"""Whose account in a folder the launch itself takes, and what it runs that is no node."""

ACCOUNTS_VARIABLE: Final = "LABMESH_ACCOUNTS"


def site_accounts(given: Path | None = None) -> Path | None:
    """Return the folder of accounts: given, or LABMESH_ACCOUNTS, or None.

    Raises:
        ConfigurationError: It is no folder, or has no account for the launch itself.
    """
    named = given or os.environ.get(ACCOUNTS_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser().absolute()
    if not (folder / f"{_LAUNCH}.json").is_file():
        raise ConfigurationError(
            f"has no account {_LAUNCH}.json",
            where=str(folder),
            remedy=f"name the folder accounts of a site that `labmesh site init` made, "
            f"or unset {ACCOUNTS_VARIABLE}",
        )
    return folder


def at_accounts(plan: Plan, folder: Path) -> Plan:
    """Return the plan with the MQTT broker of a folder of accounts in place of its own.

    So that one launch file serves every site: whoever starts a part knows where its site's MQTT
    broker is, and as whom each node joins.

    Raises:
        ConfigurationError: The launch's own account is none, or others may read it.
    """
    url = Account.read(folder / f"{_LAUNCH}.json").url
    at = Position(str(folder))
    return replace(plan, brokers=(Broker(url=url, account=folder, position=at),))


def account_of(process: NodeProcess | ExecutableProcess, broker: Broker | None) -> Path | None:
    """Return the account file that a process is started with."""
    return _file(broker, process.name if isinstance(process, NodeProcess) else _LAUNCH)


def own_account(broker: Broker | None) -> str | None:
    """Return the launch's own account file as text."""
    file = _file(broker, _LAUNCH)
    return str(file) if file is not None else None


def access_of(url: str, broker: Broker | None) -> Account:
    """Return how the launch itself reaches an MQTT broker.

    Raises:
        ConfigurationError: The account file is none, or others may read it.
    """
    file = _file(broker, _LAUNCH)
    return replace(Account() if file is None else Account.read(file), url=url)


def _file(broker: Broker | None, name: str) -> Path | None:
    folder = broker.account if broker is not None else None
    return folder / f"{name}.json" if folder is not None and folder.is_dir() else folder
