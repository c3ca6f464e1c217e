"""Whatever is done to the file: `verify` finds it and says at which entry; SQLite.

A statement is one way to change a file; `test_chain` tries those on both databases.
"""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.chain import hash_entry
from messages.errors import ConfigurationError
from nodes.broker import Verdict, open_ledger
from nodes.broker.store import _tables as t
from tests.nodes.broker.lab import Lab

Cells = tuple[Any, ...]
NAMES = tuple(column.name for column in t.JOURNAL.columns)
NUMBERS = ("stamp", "load_time")
BYTES = ("body", "body_hash", "prev_hash", "hash")
LOOSE = ", ".join(f'"{name}"' for name in NAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tampering")


@pytest.fixture(scope="module")
def sound(folder: Path) -> Path:
    """A small ledger in small pages, most of which hold the journal."""
    sound_file = folder / "sound.sqlite"
    lab = Lab(sound_file)
    lab.settle()
    lab.worker("kit/model", slots=20)
    for number in range(6):
        lab.request(x=float(number))
        lab.progress(lab.order(), "kit/model")
        step = {"sample": f"vial-{number}", "kind": "electrolyte", "state": 0, "label": "mixed"}
        lab.result(lab.order(), "kit/model", samples=(step,))
    lab.store.close()
    with sqlite3.connect(sound_file) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute("PRAGMA page_size=512")
        database.execute("VACUUM")
    database.close()
    return sound_file


@pytest.fixture(scope="module")
def loose(folder: Path, sound: Path) -> Path:
    """The same without anything by which the database itself would object."""
    file = folder / "loose.sqlite"
    shutil.copy(sound, file)
    with sqlite3.connect(file) as database:
        database.executescript(
            f"CREATE TABLE loose ({LOOSE}); INSERT INTO loose SELECT {LOOSE} FROM journal;"  # noqa: S608
            "DROP TABLE journal; ALTER TABLE loose RENAME TO journal;"
        )
    database.close()
    return file


def rows_of(file: Path) -> list[Cells]:
    database = sqlite3.connect(file)
    database.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        return list(database.execute(f'SELECT {LOOSE} FROM journal ORDER BY "offset"'))  # noqa: S608
    finally:
        database.close()


def verdict_after(file: Path, *statements: tuple[str, Cells]) -> Verdict:
    """What `verify` says of a copy to which that was done."""
    copy = file.with_name("tampered.sqlite")
    shutil.copy(file, copy)
    with sqlite3.connect(copy) as database:
        for statement, values in statements:
            database.execute(statement, values)
    database.close()
    with open_ledger(copy) as ledger:
        return ledger.verify()


@settings(max_examples=150)
@given(data=st.data())
def test_any_bit_of_the_file(sound: Path, data: st.DataObject) -> None:
    content = bytearray(sound.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    copy = sound.with_name("flipped.sqlite")
    copy.write_bytes(content)
    try:
        with open_ledger(copy) as ledger:
            verdict = ledger.verify()
    except ConfigurationError:
        return  # It is not even opened.
    before = rows_of(sound)
    try:
        after = rows_of(copy)
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return  # Nobody reads it to its end; a walk that did not either says where it ended.
    if verdict.sound:
        # The bit belonged to something else than an entry.
        assert after == before
    else:
        changed = [i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
        first = min([*changed, min(len(before), len(after))])
        assert verdict.bad == first, verdict


@settings(max_examples=60)
@given(data=st.data())
def test_a_value_of_another_type(loose: Path, data: st.DataObject) -> None:
    rows = rows_of(loose)
    offset = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(NAMES[1:]))
    value = rows[offset][NAMES.index(name)]
    # The same to the eye: text for a number, bytes for text, text for bytes; or nothing.
    cast = (
        data.draw(st.sampled_from(["TEXT", "REAL", "BLOB"])) if name in NUMBERS
        else "TEXT" if name in BYTES
        else "BLOB"
    )  # fmt: skip
    new = data.draw(st.sampled_from([f"CAST(? AS {cast})", "substr(NULL, ?)"]))
    change = f'UPDATE journal SET "{name}" = {new} WHERE "offset" = ?'  # noqa: S608
    verdict = verdict_after(loose, (change, (value, offset)))
    assert verdict.bad == offset, verdict


@settings(max_examples=60)
@given(data=st.data())
def test_entries_removed_swapped_doubled_and_put_in(loose: Path, data: st.DataObject) -> None:
    rows = rows_of(loose)
    last = len(rows) - 1
    first = data.draw(st.integers(0, last))
    second = data.draw(st.integers(0, last).filter(lambda other: other != first))
    what = data.draw(st.sampled_from(["remove", "swap", "double", "append", "before", "nowhere"]))
    move = 'UPDATE journal SET "offset" = ? WHERE "offset" = ?'
    put = f"INSERT INTO journal VALUES ({', '.join('?' * len(NAMES))})"  # noqa: S608
    match what:
        case "remove":
            verdict = verdict_after(loose, ('DELETE FROM journal WHERE "offset" = ?', (first,)))
            assert verdict.bad == first, verdict
        case "swap":
            verdict = verdict_after(
                loose, (move, (-7, first)), (move, (first, second)), (move, (second, -7))
            )
            assert verdict.bad == min(first, second), verdict
        case "double":
            verdict = verdict_after(loose, (put, rows[first]))
            assert verdict.bad == first + 1, verdict
        case "append":
            verdict = verdict_after(loose, (put, (last + 1, *rows[first][1:])))
            assert verdict.bad == last + 1, verdict
        case "before":
            verdict = verdict_after(loose, (put, (-1 - first, *rows[first][1:])))
            assert verdict.bad == 0, verdict
        case _:
            number = data.draw(st.sampled_from([None, "7", b"7", 0.5]))
            verdict = verdict_after(loose, (put, (number, *rows[first][1:])))
            assert not verdict.sound


def test_an_entry_forged_with_its_own_hash_breaks_the_next(loose: Path) -> None:
    row = dict(zip(NAMES, rows_of(loose)[6], strict=True))
    fields = {name: row[name] for name in NAMES if name not in ("body", "hash")}
    forged = hash_entry(**{**fields, "author": "kit/forger"})
    change = 'UPDATE journal SET author = ?, hash = ? WHERE "offset" = 6'
    verdict = verdict_after(loose, (change, ("kit/forger", forged)))
    assert (verdict.bad, verdict.reason) == (7, "it does not follow the entry before it")


def test_an_end_cut_off_is_missed(loose: Path) -> None:
    last = len(rows_of(loose)) - 1
    verdict = verdict_after(loose, ('DELETE FROM journal WHERE "offset" > ?', (last - 3,)))
    assert verdict.bad == last - 2
    assert f"the tables know entries up to {last}" in verdict.reason


def test_text_that_is_no_text_is_located(loose: Path) -> None:
    change = 'UPDATE journal SET author = CAST(? AS TEXT) WHERE "offset" = 4'
    verdict = verdict_after(loose, (change, (b"kit/\xff\xfe",)))
    assert verdict.bad == 4
    assert "never belonged there" in verdict.reason


def test_a_walk_can_be_ended_and_tells_how_far_it_is(sound: Path) -> None:
    told = list[tuple[int, int]]()

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        raise KeyboardInterrupt

    with open_ledger(sound) as ledger:
        count = ledger.verify().entries
        for walk in (ledger.verify, ledger.first_difference):
            with pytest.raises(KeyboardInterrupt):
                walk(stop)
        assert told == [(count, count)] * 2
        assert ledger.verify().sound


def test_tables_that_are_what_the_journal_says(lab: Lab) -> None:
    lab.worker("kit/model")
    lab.request()
    lab.progress(lab.order(), "kit/model")
    lab.result(lab.order(), "kit/model")
    with open_ledger(lab.url) as ledger:
        assert ledger.first_difference() == ""


FILLED = ("tenants", "quantities", "requests", "results", "link_quantity_request",
          "link_quantity_result", "status_log_request", "status_log_result", "samples",
          "sample_states", "offers", "orders")  # fmt: skip


@pytest.mark.parametrize("table", FILLED)
def test_a_table_that_is_not_is_named(sound: Path, table: str) -> None:
    columns = [column.name for column in t.PROJECTIONS[0].metadata.tables[table].columns]
    keys = {column.name for column in t.PROJECTIONS[0].metadata.tables[table].primary_key.columns}
    plain = next(name for name in reversed(columns) if name not in keys)
    copy = sound.with_name("differs.sqlite")
    for change, words in (
        (f'UPDATE {table} SET "{plain}" = 77 WHERE rowid = (SELECT MAX(rowid) FROM {table})',  # noqa: S608
         f"{plain} is "),
        (f"DELETE FROM {table} WHERE rowid = (SELECT MAX(rowid) FROM {table})",  # noqa: S608
         "is missing"),
    ):  # fmt: skip
        shutil.copy(sound, copy)
        with sqlite3.connect(copy) as database:
            database.execute(change)
        database.close()
        with open_ledger(copy) as ledger:
            assert ledger.verify().bad in (None, ledger.query("ledger.head")["offset"] + 1)
            found = ledger.first_difference()
        assert found.startswith(f"table {table}")
        assert words in found
