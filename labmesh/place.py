"""Where a mesh is: what a process must know to join it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from labmesh.security import Account
from messages.errors import ConfigurationError
from messages.ids import NodeId, check_name
from messages.topics import DEFAULT_REALM

DEFAULT_DATA_DIR: Final = ".labmesh"
"""Folder of a mesh's files below the current directory, unless LABMESH_DATA_DIR says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A mesh as seen from one site.

    Attributes:
        mqtt: ``mqtts://host:port`` of the MQTT broker, or ``mqtt://`` on one machine.
        site: The site one joins.
        realm: First level of every topic.
        ledger: The broker node.
        clock: The clock node of a simulated mesh, or None for wall time.
        account: Who one is at the MQTT broker; None where it asks for no more than a name.
    """

    mqtt: str
    site: str
    realm: str = DEFAULT_REALM
    ledger: NodeId | None = None
    clock: NodeId | None = None
    account: Account | None = None

    def __post_init__(self) -> None:
        check_name(self.site, "site")
        check_name(self.realm, "realm")

    @property
    def access(self) -> Account:
        """Return what `labmesh.transport.make_transport` needs to connect here."""
        return replace(self.account or Account(), url=self.mqtt)

    def own_name(self, otherwise: str) -> str:
        """Return the name under which to take part without being a node: the account's, if any."""
        return (self.account and self.account.name) or otherwise

    def need_ledger(self) -> NodeId:
        """Return the broker node.

        Raises:
            ConfigurationError: None is known.
        """
        return self.ledger or NodeId(self.site, "broker")


def data_dir(given: str | Path | None = None) -> Path:
    """Return the folder of the mesh's files: given, LABMESH_DATA_DIR, or ``.labmesh`` here."""
    return Path(given or os.environ.get("LABMESH_DATA_DIR") or DEFAULT_DATA_DIR).absolute()


def mesh_file(folder: Path) -> Path:
    """Return where a running launch leaves the whereabouts of its mesh."""
    return folder / "run" / "mesh.json"


def find_place(
    *,
    mqtt: str | None = None,
    site: str | None = None,
    realm: str | None = None,
    ledger: str | None = None,
    clock: str | None = None,
    account: str | Path | None = None,
    folder: Path | None = None,
) -> Place:
    """Find the mesh: by arguments, by LABMESH_* variables, by what a running launch left.

    ``account`` names an account file. Its url comes after a given ``mqtt`` and before the variable,
    its site after the variable.

    Raises:
        ConfigurationError: No MQTT broker or no site is known; says how to name them. Or the
            account file is none, or others may read it.
    """
    file = mesh_file(folder or data_dir())
    found: dict[str, str | None] = {}
    named = account or os.environ.get("LABMESH_ACCOUNT")
    own = Account.read(named) if named else None
    if not mqtt and not os.environ.get("LABMESH_MQTT") and not (own and own.url) and file.is_file():
        found = _read(file)
        if own is None and (left := found.get("account")):
            own = Account.read(left)

    def known(name: str, given: str | None) -> str | None:
        return given or os.environ.get(f"LABMESH_{name.upper()}") or found.get(name)

    url = mqtt or (own and own.url) or known("mqtt", None)
    at = known("site", site) or (own and own.site)
    if not url or not at:
        raise ConfigurationError(
            "the site is not named" if url else "no mesh is known: MQTT broker not named",
            remedy="add --site, or set LABMESH_SITE"
            if url
            else f"start one with `labmesh launch FILE` (it leaves {file}), or name it with "
            "--mqtt and --site, or LABMESH_MQTT and LABMESH_SITE, or an account file",
        )
    place = Place(mqtt=url, site=at, account=own)
    if name := known("realm", realm):
        place = replace(place, realm=name)
    if name := known("ledger", ledger):
        place = replace(place, ledger=NodeId.parse(name))
    if name := known("clock", clock):
        place = replace(place, clock=NodeId.parse(name))
    return place


def _read(file: Path) -> dict[str, str | None]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {key: str(value) for key, value in dict(content).items() if value is not None}
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"cannot be read: {error}",
            where=str(file),
            remedy="delete it, or name the mesh by flags",
        ) from error
