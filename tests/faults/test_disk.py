"""The disk is full, the file read-only or damaged: said in words, survived where it can be."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from messages.errors import CallRefusedError
from messages.node import Level
from nodes.broker import open_ledger
from tests.faults.conftest import SMALL, Bench, mount, numbers
from tests.support import Running

REQUESTS = 1500


async def fill_and_free(
    bench: Bench, ledger: Running, fill: Callable[[], None], free: Callable[[], None]
) -> None:
    """Requests go on while the disk is full, and are all served when it is not any more."""
    await bench.model()
    async with bench.client() as lab:
        await lab.request("doubling", "sum", {"x": 1.0})
        fill()
        asked = [
            asyncio.create_task(lab.request("doubling", "sum", {"x": float(n)}), name=f"ask {n}")
            for n in range(REQUESTS)
        ]
        try:
            await ledger.wait_line("cannot write the ledger, trying again")
            diagnostic = await bench.until_diagnosed(lab, "cannot write the ledger")
            assert diagnostic.level is Level.ERROR
            assert "free disk space" in diagnostic.remedy
            # It goes on reading, and neither ends nor fills the log.
            await lab.query("ledger.stats")
            await asyncio.sleep(2)
            assert ledger.code is None
            assert ledger.output.count("cannot write the ledger, trying again") < 12
            assert "Traceback" not in ledger.output
            free()
            async with asyncio.timeout(60):
                results = await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()
        assert sorted(r.data["y"] for r in results) == [2.0 * n for n in range(REQUESTS)]
        await bench.until_diagnosed(lab, "the ledger is written")
    ledger.terminate()
    assert await ledger.wait() == 0
    with open_ledger(bench.file) as reader:
        assert reader.verify().sound
        assert reader.query("ledger.stats")["requests"] == {"resolved": REQUESTS + 1}


@pytest.mark.timeout(180)
async def test_a_full_disk_stops_nothing_for_good(bench: Bench, small_disk: Path) -> None:
    bench.folder = small_disk
    ledger = await bench.ledger()
    ballast = small_disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    await fill_and_free(bench, ledger, fill, ballast.unlink)


@pytest.mark.timeout(180)
async def test_a_file_that_may_not_grow_stops_nothing_for_good(bench: Bench) -> None:
    ledger = await bench.ledger()
    size = max(file.stat().st_size for file in bench.folder.glob("ledger.sqlite*"))
    endless = resource.prlimit(ledger.pid, resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.prlimit(ledger.pid, resource.RLIMIT_FSIZE, (size + 50_000, endless[1]))

    def free() -> None:
        resource.prlimit(ledger.pid, resource.RLIMIT_FSIZE, endless)

    await fill_and_free(bench, ledger, fill, free)


async def test_a_full_disk_at_the_start_is_said_in_words(bench: Bench, small_disk: Path) -> None:
    bench.folder = small_disk
    (small_disk / "ballast").write_bytes(bytes(SMALL - 8192))
    ledger = await bench.ledger(ready=False)
    assert await ledger.wait() == 2
    assert "cannot open the ledger: " in ledger.output
    assert "that the disk has room" in ledger.output
    assert "Traceback" not in ledger.output


async def test_a_read_only_disk_is_said_in_words(bench: Bench, small_disk: Path) -> None:
    bench.folder = small_disk
    ledger = await bench.ledger()
    ledger.terminate()
    assert await ledger.wait() == 0
    assert mount("-o", "remount,ro", str(small_disk)) == 0
    ledger = await bench.ledger(ready=False)
    assert await ledger.wait() == 2
    assert "cannot open the ledger" in ledger.output
    assert "check that the path exists and is writable" in ledger.output
    assert "Traceback" not in ledger.output
    with open_ledger(bench.file) as reader:
        assert reader.verify().sound


async def written(bench: Bench) -> None:
    """Leave a ledger of some hundred entries, its broker node stopped."""
    ledger, model = await bench.ledger(), await bench.model()
    async with bench.client() as lab:
        await asyncio.gather(*(lab.request("doubling", "sum", {"x": float(n)}) for n in range(100)))
    for node in (model, ledger):
        node.terminate()
        assert await node.wait() == 0
    # Whoever copies the one file of a ledger at rest has all of it.
    assert sorted(file.name for file in bench.folder.glob("ledger.sqlite*")) == ["ledger.sqlite"]


def spoil(file: Path, start: int, end: int) -> None:
    """Flip every bit of a range of a file, in place."""
    with file.open("r+b") as opened:
        opened.seek(start)
        flipped = bytes(byte ^ 0xFF for byte in opened.read(end - start))
        opened.seek(start)
        opened.write(flipped)


@pytest.mark.parametrize("pages", [(0, 1), (1, 10_000)], ids=["header", "all but the header"])
async def test_a_damaged_file_is_said_in_words_at_the_start(
    bench: Bench, pages: tuple[int, int]
) -> None:
    await written(bench)
    page = 4096
    spoil(bench.file, pages[0] * page, min(pages[1] * page, bench.file.stat().st_size))
    ledger = await bench.ledger(ready=False)
    assert await ledger.wait() == 2
    assert "the ledger is damaged" in ledger.output
    assert "put back the last good copy" in ledger.output
    assert "Traceback" not in ledger.output


async def test_one_changed_byte_of_a_body_is_found_by_verify(bench: Bench) -> None:
    await written(bench)
    content = bench.file.read_bytes()
    (body,) = numbers(bench.file, 'SELECT body FROM journal WHERE kind = "request" LIMIT 1')
    at = content.index(body)
    spoil(bench.file, at + 5, at + 6)
    with open_ledger(bench.file) as reader:
        verdict = reader.verify()
    assert not verdict.sound
    assert verdict.reason == "its body is not the one whose hash was recorded"


async def test_a_file_that_is_damaged_while_it_is_used_ends_the_node_in_words(
    bench: Bench,
) -> None:
    await written(bench)
    ledger = await bench.ledger()
    await bench.model()
    async with bench.client() as lab:
        spoil(bench.file, 4096, bench.file.stat().st_size)
        with pytest.raises(CallRefusedError, match="the ledger is damaged"):
            await lab.query("query.requests")
        submit = lab.submit("doubling", "sum", {"x": 1.0}, wait=True)
        asked = asyncio.create_task(submit, name="ask")
        assert await ledger.wait() == 2
        asked.cancel()
    assert "the ledger is damaged" in ledger.output
    assert ledger.output.count("Traceback") == 0
