"""The options every verb shares, and what they lead to."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

import click

from labmesh.cli._output import Output
from labmesh.place import Place, data_dir, find_place

if TYPE_CHECKING:
    from labmesh.client import Visitor

P = ParamSpec("P")

VISITOR: Final = "cli"
"""The node name under which the command line takes part in a mesh, unless the account has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One invocation: where the mesh is, how to answer.

    Attributes:
        out: Where the answer goes.
        mqtt: ``--mqtt`` as given; likewise ``site``, ``realm``, ``ledger``, ``account``.
        folder: Folder of the mesh's files.
        patience: Wall seconds to wait for the MQTT broker, a node or the ledger.
        ledger_file: Read this file instead of asking the mesh.
    """

    out: Output
    mqtt: str | None
    site: str | None
    realm: str | None
    ledger: str | None
    account: Path | None
    folder: Path
    patience: float
    ledger_file: Path | None = None

    def place(self) -> Place:
        """Return where the mesh is.

        Raises:
            ConfigurationError: No mesh is known.
        """
        return find_place(
            mqtt=self.mqtt,
            site=self.site,
            realm=self.realm,
            ledger=self.ledger,
            account=self.account,
            folder=self.folder,
        )

    def visit(self) -> AbstractAsyncContextManager[Visitor]:
        """Take part in the mesh for as long as the block runs.

        Raises:
            ConfigurationError: No mesh is known.
            NotConnectedError: Its MQTT broker does not answer.
        """
        from labmesh.client import visit

        place = self.place()
        return visit(place, place.own_name(VISITOR), patience=self.patience)


_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
_MESH: Final = (
    click.option("--mqtt", metavar="URL", help="mqtts://host:port of the MQTT broker."),
    click.option(
        "--account", metavar="FILE", type=click.Path(path_type=Path),
        help="An account file: url, name and secrets.",
    ),
    click.option("--site", metavar="SITE", help="The site to join."),
    click.option("--realm", metavar="REALM", help="First level of every topic (lab1)."),
    click.option("--ledger", metavar="SITE/NODE", help="The broker node (SITE/broker)."),
    click.option(
        "--data-dir", metavar="DIR", type=click.Path(path_type=Path),
        help="Folder of the mesh's files (.labmesh).",
    ),
    click.option(
        "--patience", metavar="S", type=click.FloatRange(min=0, min_open=True), default=5.0,
        show_default=True, help="Seconds to wait for an answer.",
    ),
)  # fmt: skip
_LEDGER_FILE: Final = click.option(
    "--ledger-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Read this ledger file instead of asking the mesh.",
)


def mesh_command(
    function: Callable[Concatenate[Session, P], Awaitable[None]],
) -> Callable[..., None]:
    """Give an async command the shared options; it gets a `Session` first."""

    @functools.wraps(function)
    def command(
        *args: Any,
        as_json: bool,
        mqtt: str | None,
        account: Path | None,
        site: str | None,
        realm: str | None,
        ledger: str | None,
        data_dir: Path | None,
        patience: float,
        ledger_file: Path | None = None,
        **options: Any,
    ) -> None:
        session = Session(
            out=Output(as_json=as_json),
            mqtt=mqtt,
            site=site,
            realm=realm,
            ledger=ledger,
            account=account,
            folder=_folder(data_dir),
            patience=patience,
            ledger_file=ledger_file,
        )
        _quiet_logs()
        asyncio.run(_awaited(function(session, *args, **options)))

    for option in reversed((*_MESH, _JSON)):
        command = option(command)
    return command


def record_command(
    function: Callable[Concatenate[Session, P], Awaitable[None]],
) -> Callable[..., None]:
    """As `mesh_command`, for what a ledger file can answer too: adds ``--ledger-file``."""
    return _LEDGER_FILE(mesh_command(function))


def json_command(function: Callable[Concatenate[Output, P], None]) -> Callable[..., None]:
    """Give a command that needs no mesh ``--json``; it gets an `Output` first."""

    @functools.wraps(function)
    def command(*args: Any, as_json: bool, **options: Any) -> None:
        function(Output(as_json=as_json), *args, **options)

    return _JSON(command)


def _folder(given: Path | None) -> Path:
    return data_dir(given)


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _quiet_logs() -> None:
    """Only what an operator must know: that a connection is retried, the error itself will say."""
    import logging

    from labmesh.log import log_to_stderr

    context = click.get_current_context(silent=True)
    debug = context is not None and context.find_root().params.get("debug", False)
    log_to_stderr(logging.DEBUG if debug else logging.WARNING)
    if not debug:
        logging.getLogger("labmesh.transport").setLevel(logging.ERROR)
