"""The chat's TCP port: garbage, overlong lines, clients that are slow, gone, many or guessing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.logistics import JobState
from nodes.transport import _chat
from nodes.transport._acts import ActError
from nodes.transport._book import Book
from nodes.transport._chat import ChatLimits
from nodes.transport._client import ChatClient, ChatError, ChatLostError
from nodes.transport._desk import Desk, Happening
from nodes.transport._dialogue import Dialogue
from nodes.transport._gate import Gate
from nodes.transport._lines import LONGEST, BadLineError, lines
from nodes.transport._people import People, Person
from tests.nodes.transport.conftest import PIN, Room
from tests.nodes.transport.jobs import ADA, Rules, new_job


async def said(
    reader: asyncio.StreamReader, *typed: str, writer: asyncio.StreamWriter
) -> list[str]:
    """Type lines as netcat would; return the last line of each answer."""
    answers = []
    for line in typed:
        writer.write(f"{line}\r\n".encode())
        while not (answer := (await reader.readline()).decode()).startswith(("ok ", "err ")):
            assert answer, "the connection ended"
        answers.append(answer.strip())
    return answers


async def test_a_transport_by_netcat(room: Room) -> None:
    job = room.desk.add(new_job())
    async with room.raw() as (reader, writer):
        assert (await reader.readline()).startswith(b"ok transport of kit/t")
        answers = await said(
            reader, "list", f"hello ada {PIN}", "list", "take 1", "vial-4", "vial-3",
            f"%DONE;{job.request};kit / autobass / rack 2", "show 1", "bye", writer=writer,
        )  # fmt: skip
    assert answers[0] == "err who are you? hello NAME PIN"
    assert answers[2] == "ok 1 job"
    assert answers[4].startswith("err vial-4 does not belong to job 1, which is vial-3; put it b")
    assert answers[5].startswith("ok job 1 is picked up: bring it to kit / autobass")
    assert answers[6] == "ok job 1 is delivered"
    found = room.book.find("1")
    assert (found.state, found.declared, found.wrong_codes) == (JobState.DELIVERED, False, 1)
    assert found.place is not None
    assert found.place.detail_2 == "rack 2"


async def test_finales_word_alone_is_enough_of_somebody_who_is_known(room: Room) -> None:
    job = room.desk.add(new_job())
    async with room.raw() as (reader, writer):
        await reader.readline()
        first = f"%DONE;{job.request}"
        refused, _, done = await said(reader, first, f"hello ada {PIN}", first, writer=writer)
    assert refused == "err who are you? hello NAME PIN"
    assert done == "ok job 1 is delivered"
    found = room.book.find("1")
    assert (found.carrier, found.declared, found.place) == ("ada", True, job.destination)


async def test_garbage_costs_an_answer_and_in_the_end_the_connection(room: Room) -> None:
    async with room.client() as ada:
        async with room.raw() as (reader, writer):
            await reader.readline()
            writer.write(b"\xff\xfe\n" + b"x" * 70_000 + b"\n" + b"\x00\x1b[2J\nlist\n")
            got = [await reader.readline() for _ in range(4)]
            assert got[0] == b"err that is not UTF-8\n"
            assert got[1] == f"err that line is longer than {LONGEST} bytes\n".encode()
            assert got[2] == b"err that has control characters in it\n"
            assert got[3].startswith(b"err who are you?")
            writer.write(b"\x01\n" * 30)
            assert (await reader.read()).count(b"control") == 20, "then it hangs up"
        async with room.raw() as (reader, writer):
            await reader.readline()
            writer.write(b"x" * 300_000)  # and no end of it
            assert b"longer than" in await reader.readline()
        assert (await ada.ask("me")).words.startswith("you are ada")
        for line in ("take", "take 99", "take x", "done ;;;", "problem 1", "carry 1", "give 1 cat",
                     "scan", "pick", "list everything", "show %%", "json maybe"):  # fmt: skip
            with pytest.raises(ChatError):
                await ada.ask(line)


async def test_half_a_command_is_none(room: Room) -> None:
    room.desk.take(room.desk.add(new_job()), ADA)
    async with room.raw() as (reader, writer):
        await said(reader, f"hello ada {PIN}", writer=writer)
        writer.write(b"problem 1; it bro")
        writer.write_eof()
        await reader.read()
    assert room.book.find("1").state is JobState.TAKEN


async def test_who_does_not_read_is_dropped_and_holds_up_nobody(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chat, "_BEHIND", 20_000)
    job = room.desk.add(new_job(*(f"s-{n}" for n in range(100)), instructions="x" * 300))
    async with room.raw() as (reader, writer), room.client("bob") as bob:
        await reader.readline()
        await said(reader, f"hello ada {PIN}", writer=writer)
        writer.write(b"json on\n")
        await reader.readline()
        for _ in range(20_000):
            room.chat.tell(Happening(job, "reminder", "kit/t", "carry it"))
            await asyncio.sleep(0)
            if room.chat.refused:
                break
        assert room.chat.refused == 1
        assert room.chat.present == ["bob"]
        assert (await bob.ask("me")).words.startswith("you are bob")


async def test_only_so_many_are_let_in_and_who_says_nothing_must_go(room: Room) -> None:
    room.limits = ChatLimits(max_clients=2, login_time=0.05)
    async with room.raw() as (silent, _), room.client() as ada:
        async with room.raw() as (third, _):
            assert await third.read() == b"err too many are here; come back later\n"
        assert (await silent.read()).count(b"\n") == 1, "greeted, and sent away"
        assert (await ada.ask("me")).words.startswith("you are ada"), "who is known may be silent"


async def test_many_talk_at_once_and_one_gets_it(room: Room) -> None:
    room.desk.add(new_job())
    async with asyncio.TaskGroup() as group:

        async def try_it(name: str) -> str:
            async with room.client(name) as client:
                try:
                    return (await client.ask("take 1")).words
                except ChatError as error:
                    return error.what

        tasks = [group.create_task(try_it(("ada", "bob")[n % 2])) for n in range(20)]
    words = [task.result() for task in tasks]
    winner = room.book.find("1").carrier
    assert sum("is yours" in each for each in words) == 10
    assert sum(f"is with {winner}" in each for each in words) == 10
    assert len(room.book.events(1)) == 2


async def test_people_hear_of_what_others_do(room: Room) -> None:
    notes: list[str | None] = []
    async with (
        ChatClient(*room.chat.address, on_note=lambda text, _: notes.append(text)) as bob,
        room.client() as ada,
    ):
        await bob.hello("bob", PIN)
        room.desk.add(new_job())
        await ada.ask("take 1")
        await bob.ask("me")
        room.people.remove("bob")
        with pytest.raises(ChatError, match="not among the people any more"):
            await bob.ask("take 1")
    assert notes[0] == "job 1: carry vial-3 from kit / asab / vial 3 to kit / autobass"
    assert notes[1] is not None
    assert notes[1].startswith("ada does job 1")


async def test_a_restart_is_said_and_the_client_knows(room: Room) -> None:
    async with room.client() as ada:
        await room.chat.close()
        with pytest.raises(ChatLostError):
            await ada.ask("list")
    with pytest.raises(ChatLostError, match="nobody listens"):
        async with room.client():
            pass


async def test_pins_are_not_guessed_and_never_shown(room: Room) -> None:
    async with ChatClient(*room.chat.address) as client:
        for _ in range(4):
            with pytest.raises(ChatError, match="no such name and PIN"):
                await client.hello("ada", "wrong-pin")
        with pytest.raises(ChatError, match="too many wrong PINs; try again in [12] s"):
            await client.hello("ada", PIN)
    stored = room.people.file.read_text()
    assert PIN not in stored + "".join(room.log)
    assert "wrong-pin" not in "".join(room.log)
    assert room.people.file.stat().st_mode & 0o077 == 0


def test_the_gate_closes_longer_each_time() -> None:
    time = 0.0
    gate = Gate(lambda: time)
    waits = []
    for _ in range(14):
        gate.wrong("ada")
        waits.append(gate.wait("ada"))
    assert waits[:5] == [0, 0, 0, 2, 4]
    assert waits[-1] == 300
    time = 301.0
    assert gate.wait("ada") == 0
    gate.wrong("ada")
    gate.right("ada")
    assert gate.wait("ada") == 0


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=60), max_size=12), st.integers(1, 7))
async def test_lines_are_the_same_however_they_come(pieces: list[bytes], step: int) -> None:
    """Any bytes, cut anywhere: as many lines as line ends, text or an error each."""
    stream = b"\n".join(pieces)
    reader = asyncio.StreamReader()
    for at in range(0, len(stream), step):
        reader.feed_data(stream[at : at + step])
    reader.feed_eof()
    found = [each async for each in lines(reader)]
    assert len(found) == stream.count(b"\n")
    for piece, line in zip(stream.split(b"\n"), found, strict=False):
        if isinstance(line, BadLineError):
            continue
        assert piece.decode().removesuffix("\r").strip() == line


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dialogue]:
    folder = tmp_path_factory.mktemp("dialogue")
    book = Book(folder / "transports.sqlite")
    desk = Desk(book, lambda: 1000, Rules(), lambda _: None, "kit/t")
    desk.add(new_job())
    yield Dialogue(desk, People(folder))
    book.close()


@settings(max_examples=150)
@given(st.text(max_size=80), st.sampled_from(["", "take ", "done ", "problem 1; ", "%DONE;"]))
def test_any_line_is_answered_or_refused_in_words(dialogue: Dialogue, text: str, verb: str) -> None:
    try:
        answer = dialogue.answer(Person("eve", ""), f"{verb}{text}".strip() or "me")
    except ActError as error:
        words = error.what
    else:
        words = json.dumps([answer.words, answer.values, answer.lines])
    assert words
