from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nodes.cycler.harvester._book import Book, FileState, Known
from nodes.cycler.harvester._scan import Ready, look

SETTLE = 60.0


class Watch:
    """A folder, a book about it, and a wall clock that is turned by hand."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self.file = tmp_path / "raw", tmp_path / "book.sqlite"
        self.folder.mkdir()
        self.book, self.now = Book(self.file), 1000.0

    def look(self, later: float = SETTLE) -> list[Ready]:
        self.now += later
        ready, troubles = look(self.book, [self.folder], self.now, SETTLE)
        assert not troubles
        return ready

    def write(self, name: str, text: str = "a") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (self.now, self.now))
        return path

    def states(self) -> dict[str, FileState]:
        return {Path(p).name: known.state for p, known in self.book.files().items()}

    def imported(self, ready: Ready, result: str = "r1") -> None:
        self.book.held(ready.content, result)
        self.book.note(
            Known(f.path, f.group, f.size, f.modified, f.since, FileState.IMPORTED,
                  ready.content, result)
            for f in ready.files
        )  # fmt: skip

    def restart(self) -> None:
        self.book.close()
        self.book = Book(self.file)


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


def test_a_file_is_ready_when_it_has_come_to_rest(watch: Watch) -> None:
    path = watch.write("a.csv")
    assert watch.look() == []
    assert watch.states() == {"a.csv": FileState.UNSTABLE}
    watch.write("a.csv", "longer")  # it grows
    assert watch.look() == []
    assert watch.look(30) == []
    watch.restart()
    [ready] = watch.look(30)
    assert ready.parts == (path,)
    assert watch.states() == {"a.csv": FileState.STABLE}
    assert [each.content for each in watch.look()] == [ready.content]  # until somebody has it
    watch.imported(ready)
    watch.restart()
    assert watch.look() == []


def test_the_same_content_is_known_wherever_it_lies(watch: Watch) -> None:
    path = watch.write("a.csv")
    watch.look()
    [first] = watch.look()
    watch.imported(first, "r1")
    shutil.move(path, watch.folder / "b.csv")
    watch.write("deep/c.csv")
    watch.look()
    assert "a.csv" not in watch.states()
    found = watch.look()
    assert [each.content for each in found] == [first.content] * 2
    assert {watch.book.result_of(each.content) for each in found} == {"r1"}


def test_a_file_that_grew_after_it_was_read_is_read_again(watch: Watch) -> None:
    watch.write("a.csv", "one")
    watch.look()
    [first] = watch.look()
    watch.imported(first)
    watch.write("a.csv", "one two")
    assert watch.look() == []
    [second] = watch.look()
    assert second.content != first.content
    assert watch.book.result_of(second.content) == ""


def test_parts_of_one_test_are_one(watch: Watch) -> None:
    watch.write("t_Wb_1.csv", "1")
    watch.write("t_Wb_2.csv", "2")
    watch.look()
    watch.write("t_Wb_3.csv", "3")
    assert watch.look() == []  # the last part is still new
    [ready] = watch.look()
    assert [part.name for part in ready.parts] == ["t_Wb_1.csv", "t_Wb_2.csv", "t_Wb_3.csv"]
    watch.imported(ready)
    watch.write("t_Wb_4.csv", "4")
    watch.look()
    [again] = watch.look()
    assert len(again.parts) == 4
    assert again.content != ready.content


def test_what_is_no_cyclers_file_is_not_looked_at(watch: Watch) -> None:
    for name in ("readme.md", ".hidden.csv", "~$open.xlsx", ".git/a.csv"):
        watch.write(name)
    watch.look()
    assert watch.look() == []
    assert watch.states() == {}


def test_an_unreadable_file_is_tried_again_when_it_changes(watch: Watch) -> None:
    path = watch.write("a.csv", "?")
    watch.look()
    [ready] = watch.look()
    watch.book.note(
        Known(f.path, f.group, f.size, f.modified, f.since, FileState.UNREADABLE, words="unknown")
        for f in ready.files
    )
    assert watch.look() == []
    assert watch.book.files()[str(path)].words == "unknown"
    watch.write("a.csv", "better")
    watch.look()
    assert len(watch.look()) == 1


def test_a_folder_that_is_away_forgets_nothing(watch: Watch) -> None:
    watch.write("a.csv")
    watch.look()
    shutil.move(watch.folder, watch.folder.with_name("away"))
    _, troubles = look(watch.book, [watch.folder], watch.now, SETTLE)
    assert troubles == [f"{watch.folder} is not there"]
    assert watch.states() == {"a.csv": FileState.UNSTABLE}
