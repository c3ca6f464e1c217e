"""Artifacts without a network: folder, names, and transfers from holders that misbehave."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labmesh.artifacts import (
    ArtifactFolder,
    ArtifactServer,
    Pace,
    Pieces,
    WrongContentError,
    digest_of,
    download,
    file_name,
)
from labmesh.calls import Caller
from labmesh.transport import MemoryHub
from messages.artifact import PIECE, check_sha256
from messages.envelope import Header
from messages.errors import ArtifactError, CallTimeoutError
from messages.ids import NodeId
from messages.model import JsonObject
from tests.labmesh.memory import ME, seat

HOLDER = NodeId("kit", "holder")
CONTENT = b"".join(hashlib.sha256(bytes([n])).digest() * 2048 for n in range(20)) + b"end"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
_hubs = count()


# --- the folder


@pytest.fixture
def folder(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path / "artifacts")


def test_the_same_content_is_stored_once_under_its_hash(
    folder: ArtifactFolder, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    first, second = folder.add(tmp_path / "a"), folder.add(CONTENT)
    assert first.sha256 == second.sha256 == SHA256 == digest_of(folder.file(SHA256))
    assert [each.sha256 for each in folder] == [SHA256]
    assert folder.size(SHA256) == len(CONTENT)
    assert folder.sound(SHA256)
    assert not os.access(folder.file(SHA256), os.W_OK) or os.geteuid() == 0
    assert not list((folder.path / "new").iterdir())
    (tmp_path / "a").write_bytes(b"the original may change")
    assert folder.sound(SHA256)


def test_what_is_no_file_or_too_large_is_refused_and_leaves_nothing(
    folder: ArtifactFolder, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="there is no such file"):
        folder.add(tmp_path / "nothing")
    with pytest.raises(ArtifactError, match="no regular file"):
        folder.add(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArtifactError, match="no regular file"):
        folder.add(tmp_path / "pipe")
    with pytest.raises(ArtifactError, match="an artifact of 5 bytes; this node takes at most 4"):
        folder.add(b"12345", limit=4)
    assert list(folder) == []


@pytest.mark.parametrize(
    "address", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 63 + "/", "a" * 64 + "\n"]
)
def test_no_address_leads_out_of_the_folder(folder: ArtifactFolder, address: str) -> None:
    for use in (folder.file, folder.partial, folder.size, folder.sound, check_sha256):
        with pytest.raises(ArtifactError, match="is no sha256"):
            use(address)


def test_a_copy_that_was_put_there_again_is_not_forgotten(folder: ArtifactFolder) -> None:
    stored = folder.add(CONTENT)
    os.utime(folder.file(SHA256), (1, 1))
    folder.add(CONTENT)
    assert not folder.remove(SHA256, unless_since=stored.since - 1000)
    assert folder.remove(SHA256, unless_since=stored.since + 1000)
    assert not folder.remove(SHA256, unless_since=stored.since + 1000)
    assert folder.size(SHA256) is None


@given(st.text())
def test_any_name_becomes_a_harmless_one(name: str) -> None:
    safe = file_name(name, SHA256)
    assert safe == Path(safe).name
    assert safe not in ("", ".", "..")
    assert not set(safe) & set("/\\\0:*?\"<>|'`$;&\n\x1b")
    assert len(safe.encode()) <= 120
    assert file_name(safe, SHA256) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("spectrum.csv", "spectrum.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a.txt", "a.txt"),
        ("..", SHA256[:16]),
        ("con.txt", SHA256[:16]),
        ("\x1b[2J.csv", "__2J.csv"),
        ("Messung über 80 °C.csv", "Messung über 80 _C.csv"),
        ("x" * 300 + ".mpr", "x" * 116 + ".mpr"),
    ],
)
def test_names_stay_readable(name: str, safe: str) -> None:
    assert file_name(name, SHA256) == safe


# --- the transfer


class Holder(ArtifactServer):
    """A holder whose answers a test may spoil."""

    spoil: Callable[[int, JsonObject], JsonObject | None] = staticmethod(lambda _offset, v: v)
    asked: list[int]

    async def _give(self, sha256: str, arguments: JsonObject, header: Header) -> JsonObject:
        self.asked.append(arguments["offset"])
        value = await super()._give(sha256, arguments, header)
        spoilt = self.spoil(arguments["offset"], value)
        if spoilt is None:
            await asyncio.Event().wait()
        return spoilt or {}


class Bench:
    """A holder of CONTENT and a reader."""

    def __init__(self, holder: Holder, caller: Caller, thread: ThreadPoolExecutor) -> None:
        self.holder = holder
        self._caller = caller
        self._thread = thread

    async def fetch(self, to: Path, *, sha256: str = SHA256, size: int = len(CONTENT)) -> int:
        pieces = Pieces(self._caller, HOLDER, sha256, size, pace=Pace(), patience=0.3)
        return await download(pieces, sha256, size, to, thread=self._thread)


@asynccontextmanager
async def bench_of(folder: ArtifactFolder) -> AsyncIterator[Bench]:
    hub = MemoryHub.named(f"artifacts-{next(_hubs)}")
    async with AsyncExitStack() as stack:
        theirs = await stack.enter_async_context(seat(hub, HOLDER))
        ours = await stack.enter_async_context(seat(hub, ME))
        thread = stack.enter_context(ThreadPoolExecutor(1))
        holder = Holder(theirs, folder, thread, Pace())
        holder.asked = []
        await holder.open()
        caller = Caller(ours, kind="fetch")
        await caller.open()
        yield Bench(holder, caller, thread)


@pytest.fixture
async def bench(folder: ArtifactFolder) -> AsyncIterator[Bench]:
    folder.add(CONTENT)
    async with bench_of(folder) as made:
        yield made


async def test_a_file_arrives_piece_by_piece(bench: Bench, tmp_path: Path) -> None:
    to = tmp_path / "new" / "copy"
    assert await bench.fetch(to) == 0
    assert to.read_bytes() == CONTENT
    assert bench.holder.asked == list(range(0, len(CONTENT), PIECE))


async def test_an_empty_artifact_is_one(
    bench: Bench, folder: ArtifactFolder, tmp_path: Path
) -> None:
    empty = folder.add(b"")
    await bench.fetch(tmp_path / "copy", sha256=empty.sha256, size=0)
    assert (tmp_path / "copy").read_bytes() == b""


async def test_it_goes_on_where_an_earlier_attempt_ended(bench: Bench, tmp_path: Path) -> None:
    to = tmp_path / "copy"
    to.write_bytes(CONTENT[:100_000])
    assert await bench.fetch(to) == 100_000
    assert to.read_bytes() == CONTENT
    assert min(bench.holder.asked) == 100_000


@pytest.mark.parametrize("before", [b"x" * 100_000, CONTENT + b"more"], ids=["spoilt", "too long"])
async def test_what_was_there_counts_only_if_the_whole_fits(
    bench: Bench, tmp_path: Path, before: bytes
) -> None:
    to = tmp_path / "copy"
    to.write_bytes(before)
    assert await bench.fetch(to) == 0
    assert to.read_bytes() == CONTENT


async def test_a_piece_that_does_not_come_is_asked_for_again(bench: Bench, tmp_path: Path) -> None:
    lost = {0, PIECE, 5 * PIECE}

    def lose(offset: int, value: JsonObject) -> JsonObject | None:
        if offset in lost:
            lost.remove(offset)
            return None
        return value

    bench.holder.spoil = lose
    pieces = Pieces(bench._caller, HOLDER, SHA256, len(CONTENT), pace=Pace(), patience=1.0)
    await download(pieces, SHA256, len(CONTENT), tmp_path / "copy", thread=bench._thread)
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert not lost


async def test_silence_ends_the_patience_and_keeps_what_came(bench: Bench, tmp_path: Path) -> None:
    bench.holder.spoil = lambda offset, value: value if offset < 4 * PIECE else None
    to = tmp_path / "copy"
    with pytest.raises(CallTimeoutError, match="kit/holder did not answer"):
        await bench.fetch(to)
    assert to.read_bytes() == CONTENT[: 4 * PIECE]


async def test_wrong_content_is_refused_with_both_hashes(bench: Bench, tmp_path: Path) -> None:
    def lie(offset: int, value: JsonObject) -> JsonObject:
        return {**value, "data": bytes(len(value["data"]))} if offset == PIECE else value

    bench.holder.spoil = lie
    wrong = CONTENT[:PIECE] + bytes(PIECE) + CONTENT[2 * PIECE :]
    found = hashlib.sha256(wrong).hexdigest()
    with pytest.raises(WrongContentError, match=f"sha256 {found}, its name is {SHA256}"):
        await bench.fetch(tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": b"short"}, "gave 5 bytes where 65536 were asked for"),
        ({"size": 7}, "has 7 bytes of it, the result says"),
    ],
)
async def test_a_piece_that_is_none_ends_the_transfer(
    bench: Bench, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    bench.holder.spoil = lambda _offset, value: {**value, **change}
    with pytest.raises(ArtifactError, match=words):
        await bench.fetch(tmp_path / "copy")


async def test_what_the_holder_does_not_have_it_says(bench: Bench, tmp_path: Path) -> None:
    for sha256 in ("0" * 64, "no-hash"):
        with pytest.raises(ArtifactError, match=f"kit/holder does not have artifact {sha256}"):
            await bench.fetch(tmp_path / "copy", sha256=sha256)


async def test_a_holder_gives_no_more_than_a_piece(bench: Bench) -> None:
    arguments = {"offset": 0, "length": PIECE + 1}
    with pytest.raises(Exception, match=r"arguments\.length"):
        await bench._caller.call(HOLDER, SHA256, arguments)


async def test_a_pace_bounds_what_many_take() -> None:
    pace, loop = Pace(1_000_000.0), asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.gather(*(pace.take(10_000) for _ in range(11)))
    assert loop.time() - begun >= 0.1
