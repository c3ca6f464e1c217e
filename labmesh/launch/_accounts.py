"""Which account file is whose: one for all, or a folder with one a node."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from labmesh.launch._plan import Broker, ExecutableProcess, NodeProcess
from labmesh.security import Account

_LAUNCH: Final = "launch"
"""Whose account in a folder the launch itself takes, and what it runs that is no node."""


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
