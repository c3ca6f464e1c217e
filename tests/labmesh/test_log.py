"""One record, one line; and one message on the mesh."""

from __future__ import annotations

import asyncio
import logging
import sys

import pytest

from labmesh.log import LineFormatter, MeshHandler, NodeLog, log_to_stderr, speaking
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


def test_in_a_container_each_line_says_whose_it_is_and_the_librarys_words_are_the_nodes() -> None:
    heard: list[LogRecord] = []
    node, other = NodeLog("kit/one", heard.append), NodeLog("kit/two", heard.append)
    library = logging.getLogger("labmesh.worker")
    handler = MeshHandler()
    library.addHandler(handler)

    async def work(log: NodeLog, label: str) -> str:
        with speaking(log, label=label):
            # A task that the node begins inherits it.
            return await asyncio.create_task(warn(label))

    async def warn(label: str) -> str:
        await asyncio.sleep(0)
        library.warning("order %s is void", label, extra={"values": {"attempt": 2}})
        library.info("nobody on the mesh")
        return line("pump on")

    async def both() -> list[str]:
        return [*await asyncio.gather(work(node, "one"), work(other, "two"))]

    try:
        assert asyncio.run(both()) == ["WARN  [one] pump on", "WARN  [two] pump on"]
        assert line("pump on") == "WARN  pump on"
        library.warning("nobody's")
    finally:
        library.removeHandler(handler)
    assert [(r.logger, r.text, r.level, r.values) for r in heard] == [
        ("labmesh.worker", "order one is void", "warn", {"attempt": 2}),
        ("labmesh.worker", "order two is void", "warn", {"attempt": 2}),
    ]
