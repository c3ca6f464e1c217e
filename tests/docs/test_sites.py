"""What docs/sites.md shows is what happens: a hub, a site, agents, one launch over both."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import sys
from pathlib import Path

import click
import pytest

from labmesh.cli._root import root
from labmesh.mosquitto import Program, free_port
from tests.docs.test_pages import ROOT, blocks
from tests.support import Processes, Running

PAGE = "docs/sites.md"
HOSTS = re.compile(r"\b\w+\.example\.org\b")
LASTING = {
    r"labmesh site start": r"mosquitto|Warning|Connecting bridge|^$",
    r"labmesh agent --account": "INFO +active",
}
"""Commands that run until they are stopped, and what shows that they do."""


class Machines:
    """The machines of the page, all of them this one."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self._exports = f'PATH="{Path(sys.executable).parent}:$PATH"'
        self.running: list[Running] = []

    async def type(self, line: str) -> str:
        line = HOSTS.sub("localhost", line)
        if line.startswith("export "):
            self._exports += f"; {line}"
            return ""
        if "site init" in line:
            line += f" --port {free_port()} --local-port {free_port()}"
        if "site join" in line:
            token = self._folder / "kit-site/invitations/dtu.token"
            shutil.copy(token, self._folder)  # it was sent
        script = f"{self._exports}; {line}"
        for beginning, ready in LASTING.items():
            if line.startswith(beginning):
                process = await self._processes.start(
                    "bash", "-c", f"{self._exports}; exec {line}", name=line
                )
                await process.wait_line(ready, timeout=60)
                self.running.append(process)
                return ""
        done = await self._processes.run("bash", "-euo", "pipefail", "-c", script, timeout=150)
        assert done.code == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_pages_commands_work_in_their_order(
    mosquitto_program: Program, processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    [(_, launch_file)] = blocks(PAGE, "yaml")
    (tmp_path / "lab.yaml").write_text(launch_file)
    machines = Machines(processes, tmp_path)
    said: dict[str, str] = {}
    for _, block in blocks(PAGE, "console"):
        for line in block.splitlines():
            command = line.removeprefix("$ ")
            if command.startswith("labmesh site status"):
                await until_linked(machines, command)
            elif command.startswith("labmesh agent list"):
                await until_seen(machines, command)
            said[command] = await machines.type(command)
    assert "kit/broker is active" in said["labmesh launch lab.yaml --on-agents"]
    assert "dtu/asab is active" in said["labmesh launch lab.yaml --on-agents"]
    assert "dtu is stopped" in said["labmesh agent stop"]
    assert "viscosity" in next(text for line, text in said.items() if "request send" in line)
    assert len(machines.running) == 4


def test_every_command_of_the_page_is_spelt_as_the_program_takes_it() -> None:
    """The slow test runs them."""
    seen = 0
    for _, block in blocks(PAGE, "console"):
        for line in block.splitlines():
            if line.startswith("$ labmesh "):
                parse(root, shlex.split(HOSTS.sub("localhost", line))[2:])
                seen += 1
    assert seen > 20


def parse(command: click.Command, words: list[str], name: str = "labmesh") -> None:
    context = command.make_context(name, list(words), resilient_parsing=False)
    if isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        _, inner, words = command.resolve_command(context, rest)
        assert inner is not None
        parse(inner, words, inner.name or "")


async def until_linked(machines: Machines, command: str) -> None:
    """The link takes its time; a person would look again."""
    async with asyncio.timeout(60):
        while " up" not in await machines.type(command):
            await asyncio.sleep(0.2)


async def until_seen(machines: Machines, command: str) -> None:
    async with asyncio.timeout(60):
        while (await machines.type(command)).count("online") < 2:
            await asyncio.sleep(0.2)


def test_links_lead_somewhere() -> None:
    file = ROOT / PAGE
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize("word", ["systemctl --user", "loginctl enable-linger", "--all-or-nothing"])
def test_what_is_not_run_is_spelt_as_the_program_does(word: str) -> None:
    assert word in (ROOT / PAGE).read_text(encoding="utf-8")
