"""A ledger carried from place to place is the same ledger, or the carrying fails and says so."""

from __future__ import annotations

import gzip
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from messages.errors import ConfigurationError, LabmeshError
from nodes.broker import _transfer, open_ledger, transfer
from nodes.broker._transfer_place import summarise
from nodes.broker._transfer_stream import DamagedError, Summary
from nodes.broker.store import SqlStore, sqlite_url
from tests.nodes.broker.lab import Lab, content, execute, journal
from tests.nodes.broker.test_store import random_history
from tests.support import PostgresServer

ROOT = Path(__file__).parents[3]


def silent(_done: int, _total: int) -> None:
    pass


class Interrupted(BaseException):
    """As Ctrl-C."""


def interrupt_after(calls: int) -> Callable[[int, int], None]:
    left = iter(range(calls))

    def tell(_done: int, _total: int) -> None:
        if next(left, None) is None:
            raise Interrupted

    return tell


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ledgers are to be carried in many steps as well."""
    monkeypatch.setattr(_transfer, "_STEP", 7)
    monkeypatch.setattr(_transfer, "_PAGES", 4)


@pytest.fixture
def full(lab: Lab) -> Lab:
    random_history(lab, 11, 60)
    lab.apply(forwarded=lab.ledger.head.offset - 2)
    return lab


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    lab = Lab(folder / "ledger.sqlite")
    lab.settle()
    random_history(lab, 5, 25)
    lab.store.close()
    transfer.export(lab.url, folder / "a.ledger", force=False, tell=silent)
    transfer.export(lab.url, folder / "a.ledger.gz", force=False, tell=silent)
    return folder


def forwarded(url: str) -> int:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql('SELECT "offset" FROM forwarded').scalar_one())


def assert_same(url: str, lab: Lab) -> None:
    assert journal(url) == journal(lab.url)
    assert content(url) == content(lab.url)
    assert forwarded(url) == forwarded(lab.url) == lab.ledger.head.offset - 2
    with open_ledger(url) as reader:
        assert reader.verify().sound
        assert reader.query("ledger.head") == lab.read("ledger.head")


def test_round_trip_through_every_form(full: Lab, tmp_path: Path, postgres: PostgresServer) -> None:
    stream, first, second = (tmp_path / name for name in ("a.ledger.gz", "b.sqlite", "c.sqlite"))
    database, other = postgres.schema(), postgres.schema()
    heads = {
        transfer.export(full.url, stream, force=False, tell=silent).head,
        transfer.import_ledger(stream, database, tell=silent).head,
        transfer.backup(database, first, force=False, tell=silent).head,
        transfer.restore(first, other, tell=silent).head,
        transfer.restore(first, str(second), tell=silent).head,
        transfer.import_ledger(stream, str(tmp_path / "d.sqlite"), tell=silent).head,
    }
    assert heads == {full.ledger.head.hash}
    for url in (database, sqlite_url(first), other, sqlite_url(second)):
        assert_same(url, full)
    assert_same(sqlite_url(tmp_path / "d.sqlite"), full)
    # A writer takes it up where it was.
    again = Lab(database)
    assert {r.id for r in again.ledger.books.live.values()} == set(full.ledger.books.live)
    again.worker("kit/new")
    assert again.request(quantity="q").accepted
    again.check()
    again.store.close()


def test_a_backup_is_of_one_moment_and_hinders_no_writer(
    full: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = journal(full.url)
    written = 0

    def summarised_then_written(connection: Connection) -> Summary:
        summary = summarise(connection)
        full.worker(f"kit/w{full.ledger.head.offset}")
        return summary

    monkeypatch.setattr(_transfer, "summarise", summarised_then_written)

    def write(_done: int, _total: int) -> None:
        nonlocal written
        if written < 5:
            full.worker(f"kit/w{full.ledger.head.offset}")
            written += 1

    done = transfer.backup(full.url, tmp_path / "b.sqlite", force=False, tell=write)
    assert written == 5
    assert full.ledger.head.offset >= len(before) + 4
    assert journal(sqlite_url(tmp_path / "b.sqlite")) == before
    assert done.entries == len(before)
    assert content(sqlite_url(tmp_path / "b.sqlite")) != content(full.url)
    written = 0
    done = transfer.export(full.url, tmp_path / "e.ledger", force=False, tell=write)
    assert written == 5
    assert done.entries < full.ledger.head.offset + 1
    assert [file.name for file in tmp_path.glob("*.part*")] == []


@pytest.mark.parametrize("calls", [0, 1, 4])
def test_what_is_interrupted_leaves_nothing_behind(
    full: Lab, tmp_path: Path, postgres: PostgresServer, calls: int
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    stop = interrupt_after
    with pytest.raises(Interrupted):
        transfer.backup(full.url, folder / "b.sqlite", force=False, tell=stop(calls))
    with pytest.raises(Interrupted):
        transfer.export(full.url, folder / "e.ledger", force=False, tell=stop(calls))
    assert list(folder.iterdir()) == []
    transfer.backup(full.url, tmp_path / "b.sqlite", force=False, tell=silent)
    with pytest.raises(Interrupted):
        transfer.restore(tmp_path / "b.sqlite", str(folder / "r.sqlite"), tell=stop(calls))
    assert list(folder.iterdir()) == []
    database = postgres.schema()
    with pytest.raises(Interrupted):
        transfer.restore(tmp_path / "b.sqlite", database, tell=stop(calls))
    assert journal(database) == []
    transfer.restore(tmp_path / "b.sqlite", database, tell=silent)
    assert_same(database, full)


def test_an_import_goes_on_where_it_was_interrupted(
    full: Lab, new_database: Callable[[], str], tmp_path: Path
) -> None:
    stream = tmp_path / "e.ledger"
    transfer.export(full.url, stream, force=False, tell=silent)
    to = new_database()
    found = 0
    for calls in (0, 1, 2):
        with pytest.raises(Interrupted):
            transfer.import_ledger(stream, to, tell=interrupt_after(calls))
        found += 7 * (calls + 1)
        assert journal(to) == journal(full.url)[:found]
    done = transfer.import_ledger(stream, to, tell=silent)
    assert done.found == found
    assert_same(to, full)
    assert transfer.import_ledger(stream, to, tell=silent).found == done.entries
    assert_same(to, full)


@pytest.mark.parametrize("name", ["a.ledger", "a.ledger.gz"])
@pytest.mark.parametrize("kind", ["cut", "flipped", "doubled"])
def test_of_a_damaged_file_the_sound_beginning_is_kept(
    exported: Path, tmp_path: Path, name: str, kind: str
) -> None:
    whole = journal(sqlite_url(exported / "ledger.sqlite"))
    packed = (exported / name).read_bytes()
    dice = random.Random(f"{name} {kind}")
    refused = 0
    for number in range(12):
        at = dice.randrange(len(packed))
        if kind == "cut":
            damaged = packed[:at]
        elif kind == "doubled":
            damaged = packed[: at + 40] + packed[at:]
        else:
            flipped = packed[at] ^ (1 << dice.randrange(8))
            damaged = packed[:at] + bytes([flipped]) + packed[at + 1 :]
        file, to = tmp_path / f"{number}-{name}", tmp_path / f"{number}.sqlite"
        file.write_bytes(damaged)
        error = failure(file, to)
        refused += error is not None
        kept = journal(sqlite_url(to)) if to.exists() else []
        assert kept == whole[: len(kept)], at
        if isinstance(error, DamagedError):
            assert len(kept) <= error.offset <= len(whole), (at, error)
            assert name == "a.ledger.gz" or len(kept) == error.offset
            assert f"{len(kept)} entries that" in error.remedy
        elif error is None:
            assert kept == whole
        else:
            assert "export" in str(error) or "format" in str(error)
            assert not to.exists()
        transfer.import_ledger(exported / name, str(to), tell=silent)
        assert journal(sqlite_url(to)) == whole
        to.unlink()
    assert refused >= 9


def failure(file: Path, to: Path) -> LabmeshError | None:
    try:
        transfer.import_ledger(file, str(to), tell=silent)
    except (DamagedError, ConfigurationError) as error:
        return error
    return None


def test_a_damaged_ledger_is_neither_backed_up_nor_exported(
    full: Lab, tmp_path: Path, postgres: PostgresServer
) -> None:
    if full.url.startswith("sqlite"):
        execute(full.url, "DROP TRIGGER journal_update")
        master = full.url
    else:
        execute(full.url, "ALTER TABLE journal DISABLE TRIGGER USER")
        master = postgres.superuser_url(full.url)
    last = full.ledger.head.offset
    execute(master, f"UPDATE journal SET author = 'kit/eve' WHERE \"offset\" = {last}")  # noqa: S608
    for carry in (transfer.backup, transfer.export):
        with pytest.raises(DamagedError, match=f"entry {last} is not sound") as caught:
            carry(full.url, tmp_path / "made", force=False, tell=silent)
        assert caught.value.offset == last
        assert not (tmp_path / "made").exists()
    execute(master, f"UPDATE journal SET author = 'kit/broker' WHERE \"offset\" = {last}")  # noqa: S608
    full.check = lambda: None  # type: ignore[method-assign]


def test_nothing_is_overwritten(exported: Path, tmp_path: Path, postgres: PostgresServer) -> None:
    ledger, stream = exported / "ledger.sqlite", exported / "a.ledger"
    there = tmp_path / "there.sqlite"
    there.write_bytes(b"precious")
    in_use = tmp_path / "in_use.sqlite"
    Path(f"{in_use}-wal").write_bytes(b"entries")
    full, foreign = postgres.schema(), postgres.schema()
    transfer.restore(ledger, full, tell=silent)
    execute(foreign, "CREATE TABLE precious (a INTEGER)")
    for target, words in (
        (there, "there is a file of this name"),
        (in_use, "a ledger in use, or one that was not closed: in_use.sqlite-wal"),
        (tmp_path, "this is a folder"),
        (tmp_path / "no" / "b.sqlite", "there is no such folder"),
    ):
        for carry in (transfer.backup, transfer.export):
            with pytest.raises(ConfigurationError, match=words):
                carry(str(ledger), target, force=False, tell=silent)
        with pytest.raises(ConfigurationError, match=words):
            transfer.restore(ledger, str(target), tell=silent)
    with pytest.raises(ConfigurationError, match="there is a ledger already"):
        transfer.restore(ledger, full, tell=silent)
    for carry_in, source in ((transfer.restore, ledger), (transfer.import_ledger, stream)):
        with pytest.raises(ConfigurationError, match="something else is in this database"):
            carry_in(source, foreign, tell=silent)
    with pytest.raises(ConfigurationError, match="a ledger in use"):
        transfer.backup(str(ledger), in_use, force=True, tell=silent)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        transfer.import_ledger(stream, str(there), tell=silent)
    assert there.read_bytes() == b"precious"
    transfer.backup(str(ledger), there, force=True, tell=silent)
    assert journal(sqlite_url(there)) == journal(sqlite_url(ledger))


def test_another_history_is_never_mixed_in(exported: Path, full: Lab, tmp_path: Path) -> None:
    before = journal(full.url)
    full.store.close()  # An import is a writer, and there is one at a time.
    with pytest.raises(ConfigurationError, match=f"its entry {len(before) - 1} is not that"):
        transfer.import_ledger(exported / "a.ledger", full.url, tell=silent)
    assert journal(full.url) == before
    full.open()
    for file, words in (
        (exported / "ledger.sqlite", "no exported ledger"),
        (tmp_path / "nowhere", "there is no such file"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            transfer.import_ledger(file, str(tmp_path / "new.sqlite"), tell=silent)
    later = gzip.decompress((exported / "a.ledger.gz").read_bytes())
    (tmp_path / "b").write_bytes(later.replace(b"labmesh.ledger.1", b"labmesh.ledger.2", 1))
    with pytest.raises(ConfigurationError, match=r"does not read the format labmesh.ledger.2"):
        transfer.import_ledger(tmp_path / "b", str(tmp_path / "new.sqlite"), tell=silent)
    assert not (tmp_path / "new.sqlite").exists()


def test_the_same_ledger_gives_the_same_file(exported: Path, tmp_path: Path) -> None:
    """But for the time of the export, which stands in its first value."""
    plain = (exported / "a.ledger").read_bytes()
    zipped = gzip.decompress((exported / "a.ledger.gz").read_bytes())
    assert len(plain) == len(zipped)
    assert sum(a != b for a, b in zip(plain, zipped, strict=True)) <= 8


def test_a_backup_of_an_earlier_version_is_what_one_makes_before_an_update(
    tmp_path: Path,
) -> None:
    data = ROOT / "tests" / "data" / "ledger" / "version_1.sqlite"
    old = Path(shutil.copy(data, tmp_path))
    done = transfer.backup(str(old), tmp_path / "b.sqlite", force=False, tell=silent)
    assert done.entries == 56
    for made in (tmp_path / "b.sqlite", old):
        SqlStore(sqlite_url(made)).close()
    assert content(sqlite_url(tmp_path / "b.sqlite")) == content(sqlite_url(old))


def test_what_cannot_be_written_is_an_error_in_words(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise KeyError("quantity")

    monkeypatch.setattr(SqlStore, "add", refuse)
    with pytest.raises(LabmeshError, match="entries 0 to 6 cannot be written"):
        transfer.import_ledger(exported / "a.ledger", str(tmp_path / "n.sqlite"), tell=silent)


def test_the_program_of_the_page_reads_an_export(exported: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(import gzip.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(programs) == 1
    (tmp_path / "read.py").write_text(programs[0])
    done = subprocess.run(
        [sys.executable, tmp_path / "read.py", exported / "a.ledger.gz"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == len(journal(sqlite_url(exported / "ledger.sqlite")))
