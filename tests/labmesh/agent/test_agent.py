"""Agents as operators and lab machines meet them: real agents, real launches, one MQTT broker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from labmesh.client import Visitor, visit
from labmesh.place import Place
from messages.ids import NodeId
from tests.support import MqttBroker, Processes, Running

LAB = """\
labmesh_launch: 1
site: kit
launch:
  - arg: {name: rate, default: 5}
  - mqtt_broker: {url: %s}
  - include: parts/clock.yaml
  - node: {run: clock, name: far, site: dtu, params_file: far.yaml}
"""
PART = "labmesh_launch: 1\nlaunch:\n  - node: {run: clock, param: {rate: 3}}\n"


class Labs:
    """Two lab machines and an operator at kit."""

    def __init__(
        self, mqtt: MqttBroker, processes: Processes, folder: Path, operator: Visitor
    ) -> None:
        self._mqtt = mqtt
        self._operator = operator
        self._processes = processes
        self.folder = folder

    @property
    def url(self) -> str:
        return self._mqtt.url

    async def agent(self, site: str, *flags: str) -> Running:
        agent = await self._processes.labmesh(
            "agent", "--site", site, "--mqtt", self._mqtt.url, "--operator", "kit/cli",
            "--data-dir", str(self.folder / site), *flags,
        )  # fmt: skip
        await agent.wait_line("INFO +active", timeout=60)
        return agent

    async def cli(self, *words: str, code: int = 0, site: str = "kit") -> str:
        done = await self._processes.run(
            Path(sys.executable).with_name("labmesh"),
            *words,
            env={"LABMESH_MQTT": self._mqtt.url, "LABMESH_SITE": site},
            timeout=120,
        )
        assert done.code == code, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    async def status(self, site: str) -> dict[str, Any]:
        return await self.ask(site, "agent.status")

    async def ask(self, site: str, service: str, **arguments: Any) -> dict[str, Any]:
        return await self._operator.caller.call(
            NodeId(site, "agent"), service, arguments, timeout=30
        )

    async def until(self, site: str, state: str, *, other_than: int = 0) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                status = await self.status(site)
                up = all(p["state"] == "active" for p in status["processes"])
                if status["state"] == state and status["pid"] != other_than and up:
                    return status
                await asyncio.sleep(0.1)


def write(folder: Path, url: str, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "parts").mkdir(exist_ok=True)
    (folder / "parts/clock.yaml").write_text(PART)
    (folder / "far.yaml").write_text("rate: 7\n")
    (folder / "lab.yaml").write_text(LAB % url)
    return folder / "lab.yaml"


@pytest.mark.timeout(300)
async def test_an_operator_launches_watches_and_stops_at_every_site(
    mqtt_broker: MqttBroker, processes: Processes, tmp_path: Path
) -> None:
    async with visit(Place(mqtt=mqtt_broker.url, site="kit"), "cli") as operator:
        await follow(Labs(mqtt_broker, processes, tmp_path, operator))


async def follow(labs: Labs) -> None:
    file = write(labs.folder / "files", labs.url)
    await labs.agent("kit")
    far = await labs.agent("dtu")

    sound = await labs.cli("launch", str(file), "--on-agents", "--check")
    assert sound == "sound at: dtu, kit"
    assert (await labs.status("dtu"))["state"] == "stopped"
    text = await labs.cli("launch", str(file), "rate:=2", "--on-agents")
    assert "kit/clock is active" in text
    assert "dtu/far is active" in text
    before = await labs.status("dtu")
    assert [p["id"] for p in before["processes"]] == ["dtu/far"], "only the site's own part"
    assert before["operator"] == "kit/cli"

    # Killed, the agent leaves the launch alone; the next one finds it.
    far.kill()
    await far.wait()
    os.kill(before["pid"], 0)
    far = await labs.agent("dtu")
    again = await labs.cli("agent", "start", str(file), "rate:=2")
    assert "dtu/far" in again
    assert (await labs.status("dtu"))["pid"] == before["pid"], "the same twice is once"

    # Killed, the launch is started again.
    os.kill(before["pid"], signal.SIGKILL)
    after = await labs.until("dtu", "running", other_than=before["pid"])
    assert "started far" in await labs.cli("agent", "log", "dtu")

    # One process anew, another file: the launch goes on.
    await labs.ask("dtu", "agent.restart", process="dtu/far")
    restarted = await labs.until("dtu", "running")
    assert restarted["processes"][0]["restarts"] == 1
    (labs.folder / "files/far.yaml").write_text("rate: 9\n")
    said = await labs.cli("agent", "reload", str(file), "rate:=2")
    assert "kit reloaded: nothing changed" in said
    assert "dtu reloaded: set: dtu/far" in said
    assert (await labs.until("dtu", "running"))["pid"] == after["pid"]

    # Asked to end, the agent ends it, and the next one begins it again.
    far.terminate()
    assert await far.wait() == 0
    said = await labs.cli("launch", str(file), "--on-agents", "--all-or-nothing", code=1)
    assert "labmesh: dtu cannot be reached: its agent ended" in said
    assert "nothing runs" in said
    far = await labs.agent("dtu")
    await labs.until("dtu", "running", other_than=after["pid"])
    stopped = await labs.cli("agent", "stop")
    assert set(stopped.splitlines()) == {"dtu is stopped", "kit is stopped"}
    assert (await labs.status("dtu"))["state"] == "stopped"
