"""What docs/nodes.md shows runs, and does what the page says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent

import click
import pytest
import yaml

from labmesh.cli._root import root
from messages.errors import CallRefusedError
from messages.node import STATE_IDS, Level
from nodes.broker import BrokerNode
from nodes.container import Component, ContainerNode
from tests.docs.test_pages import ROOT, blocks
from tests.labmesh.cli.test_docs import invocations
from tests.ros2._life import Bench, bench  # noqa: F401 - a fixture

PAGE = "docs/nodes.md"
EXAMPLES = ROOT / "docs" / "examples"


def test_the_page_shows_the_file() -> None:
    source = (EXAMPLES / "press.py").read_text()
    plain = "\n".join(line.strip() for line in source.splitlines())
    for _, code in blocks(PAGE, "python"):
        assert "\n".join(line.strip() for line in dedent(code).strip().splitlines()) in plain


def test_the_page_names_commands_components_and_states_as_they_are() -> None:
    for _, text in blocks(PAGE, "sh"):
        for line in text.splitlines():
            for words in invocations(line):
                command: click.Command = root
                while isinstance(command, click.Group) and not words[0].startswith("-"):
                    found = command.get_command(click.Context(command), words.pop(0))
                    assert found is not None, line
                    command = found
                command.make_context("labmesh", words)
    [(_, text)] = blocks(PAGE, "yaml")
    [entry] = yaml.safe_load(text)
    for component in entry["node"]["param"]["components"]:
        Component(**component)
    page = (ROOT / PAGE).read_text()
    for name, number in STATE_IDS.items():
        assert name == "unknown" or f"{name} | {number}" in page


async def test_the_press(
    bench: Bench,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("LABMESH_MQTT", bench.place.mqtt)
    monkeypatch.setenv("LABMESH_SITE", "kit")
    import press  # type: ignore[import-not-found]

    components = [{"run": "press:Press", "name": "press", "param": {"hold": 0.7}}]
    box = ContainerNode(bench.options("pressbox", parameters={"components": components}))
    broker = BrokerNode(bench.options("broker"))
    async with bench.run(broker), bench.run(box):
        press_node = box._running_ones["press"]._node
        with pytest.raises(CallRefusedError, match="bends the die"):
            await bench.call(press_node.id, "param.set", {"values": {"force": 6000, "hold": 20}})
        async with asyncio.timeout(60):
            while "crimping" not in await bench.cli("capability", "list"):
                await asyncio.sleep(0.1)
        capsys.readouterr()
        await asyncio.wait_for(press.main(), 60)
        said = capsys.readouterr().out.splitlines()
        assert said[0] == "0% stroke 1"
        # As it happens: the cancel comes while the ram is down, between two strokes, or too late.
        refused = any(line.startswith("REJECTED not stopped: the ram is down") for line in said)
        ended = ["SUCCEEDED", "resolved"]
        assert said[-2:] == ended if refused else said[-2:] in (ended, ["CANCELED", "retracted"])
        assert press_node._diagnostics["ram"].level is Level.OK
