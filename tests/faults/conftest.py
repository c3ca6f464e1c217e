"""A broker node as a process, whose disk, file and memory the tests spoil."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labmesh import LabClient, connect
from labmesh.listing import retained
from messages.ids import NodeId
from messages.node import Diagnostic
from tests.support import MqttBroker, Processes, Running

ROOT = Path(__file__).parents[2]
SMALL = 48 << 20
"""Bytes of a small disk."""


@dataclass(slots=True)
class Bench:
    """Where the broker node of one test runs.

    Attributes:
        mqtt: The MQTT broker.
        processes: Of this test.
        folder: The ledger's file is directly in it.
    """

    mqtt: MqttBroker
    processes: Processes
    folder: Path

    @property
    def file(self) -> Path:
        """The ledger."""
        return self.folder / "ledger.sqlite"

    async def start(self, program: str, name: str, *flags: str) -> Running:
        """Start a node process."""
        return await self.processes.start(
            sys.executable, "-m", "labmesh.node", program, "--site", "kit", "--name", name,
            "--mqtt", self.mqtt.url, "--data-dir", str(self.processes.cwd / "nodes"), *flags,
            name=name, env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    async def ledger(self, *, ready: bool = True) -> Running:
        """Start the broker node."""
        node = await self.start("broker", "broker", "--param", f"database_url={self.url}")
        if ready:
            await node.wait_line("taking messages")
        return node

    async def model(self) -> Running:
        """Start a worker."""
        return await self.start("tests.nodes.broker.model_node:DoublingNode", "model")

    @property
    def url(self) -> str:
        """The database's URL."""
        return f"sqlite:///{self.file}"

    @asynccontextmanager
    async def client(self, name: str = "opt") -> AsyncIterator[LabClient]:
        """Be a requester, as soon as there is a worker."""
        async with connect(mqtt=self.mqtt.url, site="kit", name=name, ledger="kit/broker") as lab:
            async with asyncio.timeout(20):
                while not (await lab.query("query.offers"))["offers"]:
                    await asyncio.sleep(0.05)
            yield lab

    async def until_diagnosed(self, lab: LabClient, words: str) -> Diagnostic:
        """Return what the broker node says of its database, once it holds ``words``."""
        mesh = lab._mesh
        topic = mesh.topics.of(NodeId("kit", "broker"), "node", "diag", "ledger")
        async with asyncio.timeout(20):
            while True:
                for _, diagnostic in await retained(mesh, topic, Diagnostic):
                    if words in diagnostic.message:
                        return diagnostic
                await asyncio.sleep(0.05)


@pytest.fixture
def bench(mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path) -> Bench:
    """A bench whose ledger is on the common disk."""
    return Bench(mqtt_broker, processes, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = f"size={SMALL},uid={os.geteuid()},gid={os.getegid()}"
    if mount("-t", "tmpfs", "-o", options, "tmpfs", str(folder)):
        pytest.fail("a full disk needs a small file system: run as root, or allow `sudo -n mount`")
    yield folder
    subprocess.run([*as_root(), "umount", "--lazy", str(folder)], check=True)


def as_root() -> list[str]:
    """Return what comes before a command that only root may run."""
    return ["sudo", "-n"] if os.geteuid() and shutil.which("sudo") else []


def mount(*arguments: str) -> int:
    """Mount something; return the exit status."""
    return subprocess.run(
        [*as_root(), "mount", *arguments], check=False, capture_output=True
    ).returncode


def numbers(file: Path, statement: str) -> list[Any]:
    """Return the first column of what a ledger answers."""
    with sqlite3.connect(file) as db:
        found = [row[0] for row in db.execute(statement)]
    db.close()
    return found
