"""Sites on this machine: their folders, their commands, their MQTT brokers as processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from labmesh.cli import main
from labmesh.mosquitto import Program, free_port
from labmesh.site import SiteFolder
from tests.support import Processes, Running


class Sites:
    """Commands of ``labmesh site`` in one folder, and MQTT brokers that they start."""

    def __init__(self, root: Path, processes: Processes, said: Callable[[], str]) -> None:
        self.root = root
        self._processes = processes
        self._said = said

    def folder(self, name: str) -> SiteFolder:
        return SiteFolder(self.root / f"{name}-site")

    def __call__(self, verb: str, *words: str | Path, site: str = "", code: int = 0) -> str:
        """Run a verb, in the folder of ``site`` where one is named; return what it said."""
        where = ["--folder", str(self.folder(site).root)] if site else []
        self._said()
        ended = main(["site", verb, *map(str, words), *where])
        said = self._said()
        assert ended == code, said
        return said

    async def off_loop(self, verb: str, *words: str | Path, site: str = "", code: int = 0) -> str:
        return await asyncio.to_thread(lambda: self(verb, *words, site=site, code=code))

    def make(self, name: str, *words: str | Path) -> SiteFolder:
        """Make a site on free ports."""
        ports = ("--port", str(free_port()), "--local-port", str(free_port()))
        self("init", name, "--host", "localhost", *ports, *words, site=name)
        return self.folder(name)

    async def start(self, name: str) -> Running:
        """Start its MQTT broker; return once it answers."""
        running = await self._processes.labmesh("site", "start", "--folder", self.folder(name).root)
        async with asyncio.timeout(60):
            while True:
                assert running.code is None, running.output
                try:
                    await self.off_loop("list", site=name)
                except AssertionError:
                    await asyncio.sleep(0.1)
                else:
                    return running


@pytest.fixture
def sites(
    mosquitto_program: Program,
    processes: Processes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Sites:
    """Sites below ``tmp_path``."""

    def said() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    return Sites(tmp_path, processes, said)
