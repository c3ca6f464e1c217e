"""A chat on a real port, and a lab of real processes with somebody who carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nodes.transport import _people
from nodes.transport._book import Book
from nodes.transport._chat import Chat, ChatLimits
from nodes.transport._client import ChatClient
from nodes.transport._desk import Desk, Happening
from nodes.transport._dialogue import Dialogue
from nodes.transport._people import People
from tests.nodes.transport.jobs import Rules

PIN = "k7mp-2222-wxyz"


class Room:
    """A chat on a free port, its desk, and how many may come in."""

    def __init__(self, folder: Path) -> None:
        self.book = Book(folder / "transports.sqlite")
        self.people = People(folder)
        self.people.add("ada", PIN)
        self.people.add("bob", PIN)
        self.limits = ChatLimits(max_clients=100, login_time=30)
        self.log: list[str] = []
        self.desk = Desk(self.book, lambda: 1000, Rules(), self._tell, "kit/t")
        dialogue = Dialogue(self.desk, self.people)
        self.chat = Chat(dialogue, self.people, lambda: self.limits, "kit/t", self.log.append)

    def _tell(self, happening: Happening) -> None:
        self.chat.tell(happening)

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(*self.chat.address)
        try:
            yield reader, writer
        finally:
            writer.close()

    @asynccontextmanager
    async def client(self, name: str = "ada") -> AsyncIterator[ChatClient]:
        async with ChatClient(*self.chat.address) as client:
            await client.hello(name, PIN)
            yield client


@pytest.fixture
async def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr(_people, "_ITERATIONS", 100)
    made = Room(tmp_path)
    await made.chat.open("127.0.0.1", 0, None)
    yield made
    await made.chat.close()
    made.book.close()
