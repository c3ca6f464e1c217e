"""One record, one line; and one message on the mesh."""

from __future__ import annotations

import logging
import sys

import pytest

from labmesh.log import LineFormatter, NodeLog, log_to_stderr
from messages.node import LogRecord


def line(text: str, **values: object) -> str:
    record = logging.LogRecord("labmesh", logging.WARNING, "", 0, text, (), None)
    record.values = values
    return LineFormatter().format(record).partition(" ")[2]


def test_a_line_has_level_text_and_values() -> None:
    assert line("pump on", flow=0.1234567891, what="a b", empty="") == (
        "WARN  pump on flow=0.123457 what='a b' empty=''"
    )


def test_whatever_it_repeats_a_record_stays_one_line() -> None:
    text = line("name 'X'\n  X\n  ^\n", answer="a\nb", bell="\a")
    assert "\n" not in text
    assert r"name 'X'\n  X\n  ^" in text
    assert r"answer='a\nb'" in text


def test_a_traceback_follows_its_line() -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    assert "failed\nTraceback" in LineFormatter().format(record)


def test_the_mesh_gets_info_and_above_as_plain_values() -> None:
    heard: list[LogRecord] = []
    node = NodeLog("kit/me", heard.append)
    node.debug("nobody")
    node.info("x" * 9000, number=1.5, flag=True, path=[1, 2])
    node.warn("w")
    node.error("e")
    assert [r.level for r in heard] == ["info", "warn", "error"]
    assert heard[0].values == {"number": 1.5, "flag": True, "path": "[1, 2]"}
    assert len(heard[0].text) == 8000
    node.sink = None
    node.info("alone")
    assert len(heard) == 3


def test_stderr_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger("labmesh")
    before, propagate, level = list(root.handlers), root.propagate, root.level
    root.handlers.clear()
    try:
        log_to_stderr()
        log_to_stderr()
        NodeLog("kit/me").info("once", n=1)
    finally:
        root.handlers[:], root.propagate = before, propagate
        root.setLevel(level)
    assert capsys.readouterr().err.count("once n=1") == 1
