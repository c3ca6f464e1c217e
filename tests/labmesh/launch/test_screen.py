"""What is shown and what is written, when the reader or the disk goes away."""

from __future__ import annotations

import io
import logging
from pathlib import Path

from labmesh.launch._remarks import remarks_on
from labmesh.launch._screen import Screen
from messages.node import Milestone


class Gone(io.StringIO):
    """An output whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_goes_away_silences_the_screen_only(tmp_path: Path) -> None:
    screen = Screen(tmp_path, Gone())
    screen.line("one", "first")
    screen.line("one", "second")
    screen.close()
    assert (tmp_path / "one.log").read_text() == "first\nsecond\n"


def test_log_files_that_cannot_be_written_are_said_once(tmp_path: Path) -> None:
    out = io.StringIO()
    screen = Screen(tmp_path / "missing", out)
    screen.line("one", "first")
    screen.line("one", "second")
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("[launch] warning: no more log files: ")
    assert lines[1:] == ["[one] first", "[one] second"]


def test_nodes_of_several_sites_have_files_of_their_own(tmp_path: Path) -> None:
    screen = Screen(tmp_path, io.StringIO())
    screen.line("kit/asab", "x")
    screen.line("dtu/asab", "y")
    screen.close()
    assert {path.name for path in tmp_path.iterdir()} == {"kit.asab.log", "dtu.asab.log"}


def test_milestones_as_lines(tmp_path: Path) -> None:
    out = io.StringIO()
    screen = Screen(tmp_path, out)
    screen.milestone("job", Milestone(task="fit", done=1))
    screen.milestone("job", Milestone(task="fit", done=2, total=4, text="half"))
    screen.close()
    assert out.getvalue() == "[job] fit 1/?\n[job] fit 2/4 half\n"
    assert (tmp_path / "launch.log").read_text() == "job: fit 1/?\njob: fit 2/4 half\n"


def test_several_lines_of_the_launch_are_prefixed_each() -> None:
    out = io.StringIO()
    Screen(out=out).say("one\ntwo", "error")
    assert out.getvalue() == "[launch] error: one\n[launch] error: two\n"


def test_an_output_that_lacks_a_character_shows_the_rest() -> None:
    raw = io.BytesIO()
    screen = Screen(out=io.TextIOWrapper(raw, encoding="ascii"))
    screen.line("one", "0.9 \N{PLUS-MINUS SIGN} 0.1 S/m")
    screen.line("one", "next")
    assert raw.getvalue() == b"[one] 0.9 ? 0.1 S/m\n[one] next\n"


def test_a_full_disk_does_not_end_the_launch_at_its_close(tmp_path: Path) -> None:
    out = io.StringIO()
    screen = Screen(tmp_path, out)
    (tmp_path / "one.log").symlink_to("/dev/full")
    screen.line("one", "lost")
    screen.line("one", "shown")
    screen.close()
    assert "no more log files: [Errno 28]" in out.getvalue()
    assert out.getvalue().endswith("[one] shown\n")


def test_what_parts_of_the_launch_log_is_a_line_of_the_launch(tmp_path: Path) -> None:
    out = io.StringIO()
    screen = Screen(tmp_path, out)
    with remarks_on(screen):
        logging.getLogger("labmesh.transport").warning("connection lost")
        logging.getLogger("labmesh.transport").info("connected")
        logging.getLogger("labmesh.mosquitto._process").error("the launch says it itself")
    logging.getLogger("labmesh.transport").debug("later")
    screen.close()
    assert out.getvalue() == "[launch] warning: connection lost\n"
    assert (tmp_path / "launch.log").read_text() == "warning: connection lost\n"
