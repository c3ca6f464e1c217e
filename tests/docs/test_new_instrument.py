"""docs/new_instrument.md and docs/wires.md: what they show runs, and does what the pages say."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import pytest
import yaml

from labmesh.cli._root import root
from labmesh.launch import load_plan
from labmesh.node import find_node
from labmesh.sim import COMMON_FAULTS
from labmesh.wire._address import OPTIONS, WireAddress
from tests.docs.test_pages import ROOT, blocks, shell
from tests.labmesh.cli.test_docs import invocations
from tests.support import Processes

PAGES = ("docs/new_instrument.md", "docs/wires.md", "docs/cycler_wires.md")
EXAMPLES = ROOT / "docs" / "examples"

sys.path.insert(0, str(EXAMPLES))
import heater_test  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(str(EXAMPLES))


def test_the_page_shows_the_files() -> None:
    files = "\n".join((EXAMPLES / name).read_text() for name in ("heater.py", "heater_test.py"))
    for _, code in blocks(PAGES[0], "python"):
        assert code in files, code


@pytest.mark.parametrize(
    "test", [pytest.param(t, id=n) for n, t in vars(heater_test).items() if n.startswith("test_")]
)
async def test_the_pages_tests(test: Callable[[], Awaitable[None]]) -> None:
    await test()


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_links_are_real(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    for kind in ("sh", "console"):
        for _, text in blocks(page, kind):
            for line in text.splitlines():
                for words in invocations(line.removeprefix("$ ")):
                    command: click.Command = root
                    while isinstance(command, click.Group) and not words[0].startswith("-"):
                        found = command.get_command(click.Context(command), words.pop(0))
                        assert found is not None, line
                        command = found
                    if "--help" not in words:
                        command.make_context("labmesh", words)
    for _, text in blocks(page, "yaml"):
        for entry in yaml.safe_load(text):
            node = entry["node"]
            find_node(node["run"]).Parameters.model_validate(node["param"])
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / "docs" / target).exists(), target


def test_the_tables_are_complete() -> None:
    page = (ROOT / PAGES[1]).read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(\w[^` ]+://[^`]+)`", page, re.MULTILINE)
    assert [WireAddress.parse(address).scheme for address in shown] == list(OPTIONS)
    row = {address.partition(":")[0]: line for line in page.splitlines()
           for address in shown if address in line}  # fmt: skip
    for scheme in ("serial", "folder", "modbus+tcp"):
        assert all(f"`{option}`" in row[scheme] for option in OPTIONS[scheme])
    assert all(f"| `{kind}` |" in page for kind in COMMON_FAULTS)


async def test_the_heater_launched(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in EXAMPLES.glob("heater*"):
        (tmp_path / file.name).symlink_to(file)
    load_plan(tmp_path / "heater.launch.yaml")
    launch = await processes.labmesh("launch", "heater.launch.yaml", "sim_rate:=600")
    await launch.wait_line("heater is active")
    ask = "labmesh request send temperature syringe_heater --wait --set temperature="
    broken = "labmesh service call heater-sim sim.fault '{kind: sensor}'"
    code, out, err = await shell(processes, f"{ask}320; {broken}; {ask}330")
    assert re.search(r"temperature: 3(19\.[5-9]|20)", out), out + err
    assert "sensor open, heater off (9)" in err
    assert code == 1
    assert '"text": "S=56.85\\r"' in (tmp_path / "heater-today.wire").read_text()
    launch.interrupt()
    assert await launch.wait() == 130
    assert not (tmp_path / "heater.pty").is_symlink()
