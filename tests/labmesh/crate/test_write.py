"""Writing: the same bytes for the same record, whole or not at all, and nothing changed in vain."""

from __future__ import annotations

import asyncio
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labmesh.crate import CrateDescription, _folder, check_crate, write_crate
from messages.errors import ConfigurationError, LabmeshError
from tests.labmesh.crate._ledger import MemoryLedger

SAID = CrateDescription()


def contents(folder: Path) -> dict[str, bytes]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in files}


async def test_written_again_only_what_must_change_is_another_file(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    file = ledger.artifact_of(b"raw", "a.txt", "text/plain")
    ledger.result("acid", artifacts=[file, {**file, "name": "A.txt"}])
    target = tmp_path / "crate"
    await write_crate(ledger, "acid", target, SAID)
    inodes = {name: (target / name).stat().st_ino for name in contents(target)}
    done = await write_crate(ledger, "acid", target, SAID)
    assert not any(each.changed for each in done.files)
    assert inodes == {name: (target / name).stat().st_ino for name in contents(target)}

    ledger.result("acid")
    done = await write_crate(ledger, "acid", target, SAID)
    same = {each.path for each in done.files if not each.changed}
    assert {"capabilities.json", "requests.json", "samples.json"} <= same
    assert sum(name.startswith("data/") for name in same) == 2
    assert {"results.json", "ledger-000000.msgpack.gz"} <= {
        each.path for each in done.files if each.changed
    }
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def in_child(work: Callable[[], Any]) -> int:
    """Run ``work`` in a process of its own; return how it ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_killed_anywhere_the_crate_is_whole_or_as_it_was(
    ledger: MemoryLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "crates" / "acid"
    target.parent.mkdir()
    asyncio.run(write_crate(ledger, "acid", target, SAID))
    before = contents(target)
    old = shutil.copytree(target, tmp_path / "old")
    ledger.result("acid")
    asyncio.run(write_crate(ledger, "acid", tmp_path / "new", SAID))
    after = contents(tmp_path / "new")

    def dies_at(step: int, counter: Path, where: Path) -> Callable[[], None]:
        count = 0

        def counted(function: Any) -> Any:
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                nonlocal count
                count += 1
                if count == step:
                    os.kill(os.getpid(), 9)
                return function(*args, **kwargs)

            return wrapper

        def work() -> None:
            for name in ("_sync", "_exchange", "_link", "digest"):
                setattr(_folder, name, counted(getattr(_folder, name)))
            shutil.rmtree = counted(shutil.rmtree)
            Path.rename = counted(Path.rename)  # type: ignore[method-assign]
            for name in ("file", "write", "_put", "clear"):
                setattr(_folder.Workplace, name, counted(getattr(_folder.Workplace, name)))
            asyncio.run(write_crate(ledger, "acid", where, SAID))
            counter.write_text(str(count))

        return work

    counter = tmp_path / "steps"
    outcomes = []
    assert in_child(dies_at(0, counter, shutil.copytree(old, tmp_path / "counted"))) == 0
    steps = int(counter.read_text())
    for step in (*range(1, steps - 14, 6), *range(steps - 14, steps + 1)):
        assert in_child(dies_at(step, counter, target)) == -9, step
        found = contents(target)
        assert found in (before, after), step
        outcomes.append(found == after)
        if found == after:
            shutil.rmtree(target)
            shutil.copytree(old, target)
    assert not outcomes[0]
    assert outcomes[-1]
    assert len(outcomes) > 20
    asyncio.run(write_crate(ledger, "acid", target, SAID))
    assert contents(target) == after
    assert [each.name for each in target.parent.iterdir()] == ["acid"]


def test_without_an_exchange_of_folders_a_killed_writer_is_mended(
    ledger: MemoryLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "acid"
    asyncio.run(write_crate(ledger, "acid", target, SAID))
    before = contents(target)
    ledger.result("acid")

    def work() -> None:
        _folder._exchange = lambda *_: False
        rename = Path.rename

        def once(path: Path, other: Path) -> Path:
            if path.name.endswith(".part"):
                os.kill(os.getpid(), 9)
            return rename(path, other)

        Path.rename = once  # type: ignore[method-assign, assignment]
        asyncio.run(write_crate(ledger, "acid", target, SAID))

    assert in_child(work) == -9
    assert not target.exists()
    with _folder.workplace(target):
        assert contents(target) == before
    asyncio.run(write_crate(ledger, "acid", target, SAID))
    assert contents(target) != before


async def test_two_writers_of_one_crate_do_not_meet(ledger: MemoryLedger, tmp_path: Path) -> None:
    with (
        _folder.workplace(tmp_path / "crate"),
        pytest.raises(LabmeshError, match="another process is writing this crate"),
    ):
        await write_crate(ledger, "acid", tmp_path / "crate", SAID)


async def test_something_else_is_never_replaced(ledger: MemoryLedger, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("words")
    with pytest.raises(ConfigurationError, match="something else is there"):
        await write_crate(ledger, "acid", tmp_path / "mine", SAID)
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        await write_crate(ledger, "acid", tmp_path / "no" / "crate", SAID)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "words"


async def test_what_cannot_be_had_is_said(ledger: MemoryLedger, tmp_path: Path) -> None:
    gone = {"name": "raw.mpr", "sha256": "ab" * 32, "media_type": "x/y", "size": 3}
    ledger.result("acid", artifacts=[gone])
    done = await write_crate(ledger, "acid", tmp_path / "crate", SAID)
    assert done.missing == ("ab" * 32,)
    assert "it could not be had" in (tmp_path / "crate" / "results.json").read_text()
    assert check_crate(tmp_path / "crate", shapes=False) == ()


async def test_names_of_files_are_harmless(ledger: MemoryLedger, tmp_path: Path) -> None:
    bad = ledger.artifact_of(b"x", "../../etc/pass wd", "text/plain")
    ledger.result("acid", artifacts=[bad, {**bad, "name": "pass wd"}, {**bad, "name": "..."}])
    await write_crate(ledger, "acid", tmp_path / "crate", SAID)
    names = sorted(each.name for each in (tmp_path / "crate" / "data").rglob("*") if each.is_file())
    assert names == sorted(["pass_wd", f"{bad['sha256'][:8]}-pass_wd", bad["sha256"][:16]])
    assert check_crate(tmp_path / "crate", shapes=False) == ()


async def test_a_parquet_that_is_none_has_no_csv(ledger: MemoryLedger, tmp_path: Path) -> None:
    bad = ledger.artifact_of(b"PAR1 not", "t.parquet", "application/vnd.apache.parquet")
    ledger.result("acid", artifacts=[bad])
    await write_crate(ledger, "acid", tmp_path / "crate", SAID)
    assert not list((tmp_path / "crate").rglob("*.csv*"))
    assert check_crate(tmp_path / "crate", shapes=False) == ()


async def test_a_damaged_record_is_refused(ledger: MemoryLedger, tmp_path: Path) -> None:
    entry = ledger.journal[5]
    assert entry.body is not None
    entry.body["data"]["value"] = 0.6
    with pytest.raises(LabmeshError, match="entry 5 is not the one whose hash was recorded"):
        await write_crate(ledger, "acid", tmp_path / "crate", SAID)
    assert list(tmp_path.glob(".crate*")) == []
    assert not (tmp_path / "crate").exists()
