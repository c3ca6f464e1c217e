"""Which account file is whose: one for all, or a folder with one a node."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from labmesh.launch._plan import Broker, ExecutableProcess, NodeProcess, Plan
from labmesh.launch._problem import Position, Problems
from labmesh.security import Account
from messages.errors import ConfigurationError

_LAUNCH: Final = "launch"
"""Whose account in a folder the launch itself takes, and what it runs that is no node."""

ACCOUNTS_VARIABLE: Final = "LABMESH_ACCOUNTS"


def site_accounts(given: Path | None = None) -> Path | None:
    """Return the folder of accounts, or the one file for all: given, LABMESH_ACCOUNTS, or None.

    Raises:
        ConfigurationError: It is not there, or has no account for the launch itself.
    """
    named = given or os.environ.get(ACCOUNTS_VARIABLE)
    if not named:
        return None
    path = Path(named).expanduser().absolute()
    if not (path / f"{_LAUNCH}.json" if path.is_dir() else path).is_file():
        raise ConfigurationError(
            f"has no account {_LAUNCH}.json" if path.is_dir() else "is not there",
            where=str(path),
            remedy=f"name the folder accounts of a site that `labmesh site init` made, "
            f"or unset {ACCOUNTS_VARIABLE}",
        )
    return path


def at_accounts(plan: Plan, path: Path) -> Plan:
    """Return the plan with the MQTT broker of accounts in place of its own.

    So that one launch file serves every site: whoever starts a part knows where its site's MQTT
    broker is, and as whom each node joins.

    Raises:
        ConfigurationError: The launch's own account is none, or others may read it.
    """
    url = Account.read(path / f"{_LAUNCH}.json" if path.is_dir() else path).url
    return replace(plan, brokers=(Broker(url=url, account=path, position=Position(str(path))),))


def check_accounts(plan: Plan, folder: Path, problems: Problems) -> None:
    """Report the nodes that have no account in a folder of accounts."""
    if not folder.is_dir():
        return
    for node in plan.nodes():
        if not (folder / f"{node.name}.json").is_file():
            problems.add(
                node.position,
                f"node {node.id!r} has no account in {folder}",
                f"make one: labmesh site add-node {node.name} --role instrument",
            )


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
