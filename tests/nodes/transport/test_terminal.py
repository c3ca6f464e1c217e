"""``labmesh transport`` as a person uses it: a terminal, one line at a time, and labels."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from labmesh.cli import main
from messages.logistics import JobState
from nodes.transport import _terminal
from nodes.transport._client import ChatClient, ChatLostError, Said
from tests.nodes.transport.conftest import PIN, Room
from tests.nodes.transport.jobs import new_job
from tests.support import Processes
from tests.support.terminal import Terminal

LABMESH = Path(sys.executable).with_name("labmesh")


@pytest.fixture
def pin_file(tmp_path: Path) -> Path:
    file = tmp_path / "pin"
    file.write_text(PIN)
    file.chmod(0o600)
    return file


@pytest.fixture
async def terminal() -> AsyncIterator[Terminal]:
    made = Terminal(columns=160)
    yield made
    made.close()


async def test_a_person_at_a_terminal(room: Room, terminal: Terminal, processes: Processes) -> None:
    """PIN, list, take, a scanner's keys, a node that restarts in between, done, Ctrl-D."""
    room.desk.add(new_job("s-1", "s-2"))
    host, port = room.chat.address
    client = await terminal.run(
        processes, LABMESH, "transport", "chat", "--person", "ada", "--at", f"{host}:{port}"
    )

    async def shows(*parts: str) -> None:
        await terminal.until(
            lambda lines: all(any(p in line for line in lines) for p in parts), timeout=8
        )

    await shows("PIN of ada:")
    terminal.type(f"{PIN}\n")
    await shows("job 1 open: s-1, s-2: kit / asab / vial 3 -> kit / autobass", ">")
    terminal.type("take 1\ns-9\ns-1\n")
    await shows("no: s-9 does not belong to job 1, which is s-1, s-2", "still wants s-2")
    room.desk.add(new_job("s-5"))
    await shows("* job 2: carry s-5 from kit / asab / vial 3")
    await room.chat.close()
    await shows("trying again")
    await room.chat.open(host, port, None)
    await shows("you are ada; your jobs: 1")
    terminal.type("s-2\nkit / autobass\nhelp\n")
    await shows("job 1 is picked up", "job 1 is delivered", "problem JOB; REASON[; PLACE]")
    terminal.type("\x04")
    assert await client.wait() == 0
    assert PIN not in terminal.raw, "a PIN is not echoed"
    assert room.book.find("1").state is JobState.DELIVERED


async def test_a_line_whose_answer_is_lost_is_said_again() -> None:
    class Gone:
        async def ask(self, line: str) -> Said:
            raise ChatLostError("the chat has ended")

    typed: asyncio.Queue[str | None] = asyncio.Queue()
    typed.put_nowait("done 1")
    left = await _terminal._converse(
        cast("ChatClient", Gone()), _terminal._Screen(prompt=False), typed
    )
    assert left == "done 1"


class Typed:
    """Runs ``labmesh transport`` in this process, as ada."""

    def __init__(self, room: Room, pin_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        host, port = room.chat.address
        self._who = ["--person", "ada", "--pin-file", str(pin_file), "--at", f"{host}:{port}"]
        self._capsys = capsys

    async def __call__(self, *words: str, code: int = 0, who: bool = True) -> str:
        self._capsys.readouterr()
        line = ["transport", *words, *(self._who if who else [])]
        assert await asyncio.to_thread(main, line) == code
        captured = self._capsys.readouterr()
        return captured.err if code else captured.out


@pytest.fixture
def typed(room: Room, pin_file: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(room, pin_file, capsys)


async def test_one_line_at_a_time(room: Room, typed: Typed, pin_file: Path) -> None:
    for sample in ("s-1", "s-2", "s-3", "s-4"):
        room.desk.add(new_job(sample))
    assert "job 1 is yours: carry s-1" in await typed("take", "1")
    assert "s-2 does not belong to job 1" in await typed("pick", "1", "s-2", code=1)
    assert json.loads(await typed("pick", "1", "s-1", "--json"))["state"] == "carried"
    assert "delivered at kit / shelf" in await typed("done", "1", "--place", "kit / shelf")
    await typed("pick", "2", "s-2")
    assert "job 2 is returned" in await typed("return", "2", "--reason", "the door is locked")
    await typed("take", "3")
    assert "job 3 is open again" in await typed("drop", "3")
    assert "job 3 is impossible: it is frozen" in await typed("problem", "3", "it is frozen")
    await typed("pick", "4", "s-4")
    assert "yours until bob takes it" in await typed("give", "4", "bob")
    assert "where are the samples now?" in await typed("problem", "4", "it fell", code=1)
    assert "job 4 is lost" in await typed("problem", "4", "it fell", "--lost")
    assert "no semicolon" in await typed("return", "4", "--reason", "a; b", code=1)
    pin_file.chmod(0o644)
    assert "chmod 600" in await typed("take", "1", code=2)
    assert "who are you?" in await typed("take", "1", code=2, who=False)


async def test_people_are_made_on_the_nodes_machine(
    room: Room, typed: Typed, tmp_path: Path
) -> None:
    where = ["--site", "kit", "--data-dir", str(tmp_path / "data")]
    made = json.loads(await typed("person", "add", "cleo", "--json", *where, who=False))
    assert made["file"] == str(tmp_path / "data" / "kit" / "transport" / "people.json")
    assert made["pin"] not in Path(made["file"]).read_text()
    assert "cleo  a person" in await typed("person", "list", *where, who=False)
    why = await typed("person", "add", "simulated-cleo", *where, code=2, who=False)
    assert "names that begin with simulated- are of programs" in why
    assert "may carry no more" in await typed("person", "remove", "cleo", *where, who=False)
    assert "nobody is called" in await typed("person", "remove", "cleo", *where, code=2, who=False)


async def test_labels(typed: Typed, tmp_path: Path) -> None:
    shown = await typed("label", "cell-17", who=False)
    assert shown.splitlines()[-1] == "cell-17"
    assert len(shown.splitlines()) > 10
    file = tmp_path / "cell-17.svg"
    assert str(file) in await typed("label", "cell-17", "-o", str(file), who=False)
    assert file.read_text().startswith("<?xml")
    why = await typed("label", "cell-17", "-o", str(tmp_path / "x.gif"), code=2, who=False)
    assert "names no kind of image" in why
