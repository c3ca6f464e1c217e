"""How the command line reaches a transport node: its services, its chat, its folder."""

from __future__ import annotations

import asyncio
import getpass
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from labmesh.security import check_private
from messages.envelope import validate
from messages.errors import ConfigurationError
from messages.ids import NodeId
from messages.logistics import ChatAddress
from messages.model import JsonObject, Model
from nodes.transport._client import ChatClient
from nodes.transport._people import People

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from labmesh.client import Visitor
    from labmesh.place import Place

M = TypeVar("M", bound=Model)


class Reaching(Protocol):
    """What is needed of a `labmesh.cli.extend.Session`."""

    @property
    def folder(self) -> Path:
        """Folder of the mesh's files."""
        ...

    @property
    def site(self) -> str | None:
        """The site that was named."""
        ...

    @property
    def patience(self) -> float:
        """Wall seconds to wait."""
        ...

    def place(self) -> Place:
        """Where the mesh is."""
        ...

    def visit(self) -> AbstractAsyncContextManager[Visitor]:
        """Take part in it."""
        ...


async def asked(
    session: Reaching, node: str, service: str, arguments: JsonObject, model: type[M]
) -> M:
    """Return what a service of the transport node answers; errors as `labmesh.calls.Caller`."""
    async with session.visit() as visitor:
        name = _node(node, visitor.place.site)
        reply = await visitor.caller.call(name, service, arguments, timeout=session.patience)
    return validate(model, reply, where=service)


@asynccontextmanager
async def reached_chat(
    session: Reaching,
    *,
    node: str,
    person: str,
    pin: str,
    at: str | None,
    ca: Path | None,
    on_note: Callable[[str | None, dict[str, Any]], None] = lambda _text, _values: None,
) -> AsyncIterator[ChatClient]:
    """Connect to the chat as somebody.

    Raises:
        ConfigurationError: ``at`` is no address.
        ChatLostError: Nobody listens.
        ChatError: Not let in.
    """
    if at:
        host, _, port = at.rpartition(":")
        if not host or not port.isdigit():
            raise ConfigurationError(f"{at!r} is no HOST:PORT", where="--at")
        where = ChatAddress(host=host.strip("[]"), port=int(port), tls=ca is not None, people=())
    else:
        where = await asked(session, node, "transport.chat", {}, ChatAddress)
    tls = ssl.create_default_context(cafile=ca) if where.tls else None
    async with ChatClient(where.host, where.port, tls=tls, on_note=on_note) as chat:
        await chat.hello(person, pin)
        yield chat


async def who(person: str | None, pin_file: Path | None) -> tuple[str, str]:
    """Return who carries, and their PIN, for which they are asked where no file has it.

    Raises:
        ConfigurationError: Nobody is named, or the PIN cannot be read.
    """
    if not person:
        raise ConfigurationError(
            "who are you?", remedy="name yourself with --person, or LABMESH_TRANSPORT_PERSON"
        )
    if pin_file is not None:
        return person, pin_in(pin_file)
    return person, await asyncio.to_thread(_ask_pin, person)


def pin_in(file: Path) -> str:
    """Return the PIN that a file holds; a ConfigurationError where others may read it."""
    check_private(file, "the file with the PIN")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the PIN cannot be read: {error}", where=str(file)) from error


def people_of(session: Reaching, node: str) -> People:
    """Return the people of a transport node on this machine.

    Raises:
        ConfigurationError: No mesh is known, and no site is named; or the folder is not here.
    """
    name = _node(node, session.site or session.place().site)
    folder = session.folder / name.site / name.node
    return People(folder)


def _node(text: str, site: str) -> NodeId:
    return NodeId.parse(text) if "/" in text else NodeId(site, text)


def _ask_pin(person: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "there is no terminal to ask for the PIN", remedy="name a file with --pin-file"
        )
    return getpass.getpass(f"PIN of {person}: ")
