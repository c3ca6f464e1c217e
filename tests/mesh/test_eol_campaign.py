"""From formulation to end of life, while every process of the lab is killed in turn."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from labmesh.client import visit
from labmesh.place import find_place
from messages.errors import LabmeshError
from messages.ids import NodeId
from nodes.broker import open_ledger
from tests.support import Processes, Running
from tests.support.person import caring

LAUNCH: Final = Path(__file__).parents[2] / "launch" / "eol_campaign.launch.yaml"
PAGE: Final = LAUNCH.parents[1] / "docs" / "eol_campaign.md"
PORTS: Final = ("robot_port", "monitor_port", "rail_port", "glovebox_port", "chamber_port")

DURING: Final = (
    ("formulate", "asab"),
    ("carry_vial", "transport"),
    ("assemble", "autobass"),
    ("assemble", "optimiser"),
    ("cycle", "cycler"),
    ("predict", "degradation"),
    # and in the second round
    ("formulate", "broker"),
    ("carry_vial", "courier"),
    ("assemble", "overlort"),
    ("cycle", "clock"),
    ("predict", "MQTT broker"),
)
"""In which step of the workflow whose process is killed."""


@dataclass
class Campaign:
    """A campaign of few, small batches in a folder of its own."""

    processes: Processes
    folder: Path
    rounds: int
    cells: int
    cycles: int
    killed: list[str] = field(default_factory=list)

    async def start(self) -> Running:
        """Launch it."""
        return await self.processes.labmesh(
            "launch", LAUNCH, f"rounds:={self.rounds}", f"cells:={self.cells}",
            f"cycles:={self.cycles}", "device_rate:=300", "campaign:=test", *free_ports(),
            f"folder:={self.folder / 'devices'}", "--data-dir", self.folder, name="launch",
        )  # fmt: skip

    async def kill(self, launch: Running, victims: Iterator[tuple[str, str]]) -> None:
        """Kill each victim when its step has begun."""
        seen, last = 0, ""
        for step, victim in victims:
            if step != last:
                pattern = rf"\[overlort\] eol \w+ \d+/\d+ {step}"
                await launch.wait_line(pattern, after=seen, timeout=200)
            last = step
            await asyncio.sleep(0.3)
            started = [
                int(match[1])
                for line in launch.lines
                if (match := re.search(rf"{victim} (?:at \S+ )?\(pid (\d+)\)", line))
            ]
            os.kill(started[-1], signal.SIGKILL)
            self.killed.append(victim)
            seen = len(launch.lines)

    @property
    def ledger(self) -> Any:
        """What the broker node has written."""
        return open_ledger(self.folder / "kit" / "broker")

    def requests(self) -> list[dict[str, Any]]:
        """Return all requests."""
        return list(self.ledger.query("query.requests", {"limit": 500})["requests"])

    def samples(self, kind: str) -> list[str]:
        """Return the samples of a kind."""
        found = self.ledger.query("query.samples", {"kind": kind, "limit": 500})["samples"]
        return [each["sample"] for each in found]

    def history(self, sample: str) -> list[tuple[str, str]]:
        """Return label and location of each of a sample's states."""
        states = self.ledger.query("query.sample", {"id": sample})["states"]
        return [(each["label"], each["location"]) for each in states]


def free_ports() -> list[str]:
    """Return an argument for each port that the simulators take."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    taken = [f"{name}:={each.getsockname()[1]}" for name, each in zip(PORTS, sockets, strict=True)]
    for each in sockets:
        each.close()
    return taken


async def strokes(folder: Path) -> int:
    """Return how often the crimper has closed."""
    async with visit(find_place(folder=folder), "eye") as visitor:
        seen = await visitor.caller.call(NodeId("kit", "sim-relays"), "sim.look", {})
        return int(seen["1"]["switched_on"])


async def crimped(folder: Path, most: list[int]) -> None:
    """Keep the greatest number of strokes that was seen, until cancelled."""
    while True:
        try:
            most.append(await strokes(folder))
        except (LabmeshError, TimeoutError):
            await asyncio.sleep(0.5)
        await asyncio.sleep(0.5)


@pytest.mark.timeout(400)
async def test_each_process_is_killed_in_turn_and_nothing_is_lost_or_done_twice(
    processes: Processes, tmp_path: Path
) -> None:
    campaign = Campaign(processes, tmp_path / "lab", rounds=2, cells=2, cycles=12)
    launch = await campaign.start()
    await launch.wait_line(r"\[launch\] optimiser is active", timeout=120)
    place = find_place(folder=campaign.folder)
    most: list[int] = []
    async with caring(place, ["asab", "autobass", "cycler"]) as person:
        counting = asyncio.create_task(crimped(campaign.folder, most))
        killing = asyncio.create_task(campaign.kill(launch, iter(DURING)))
        try:
            assert await launch.wait(300) == 0, person.words
        finally:
            killing.cancel()
            counting.cancel()
            print(*person.words, sep="\n")
    assert campaign.killed == [victim for _, victim in DURING]
    await processes.assert_no_orphans()

    check(campaign)
    block = re.search(r"^```console\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block
    for line in block[1].splitlines():
        words = line.removeprefix("$ labmesh ").split()
        done = await processes.run(
            Path(sys.executable).with_name("labmesh"), *words, "--data-dir", campaign.folder
        )
        assert done.code == 0, f"{line}: {done.stderr}"
    assert max(most) == campaign.rounds * campaign.cells, "each cell is crimped once"


def check(campaign: Campaign) -> None:
    """Assert that everything was done that was to be done, once, and that all of it is told."""
    rounds, cells = campaign.rounds, campaign.rounds * campaign.cells
    requests = campaign.requests()
    assert Counter(r["method"] for r in requests) == {
        "deposit": 1,
        "degradation_workflow": rounds,
        "service": rounds,
        "flow": rounds,
        "two_electrode": rounds,
        "transport_service": 2 * rounds,
        "autobass_assembly": rounds,
        "cycling": cells,
        "degradation_model": cells,
    }
    assert {r["status"] for r in requests} == {"resolved"}
    results = campaign.ledger.query("query.results", {"unsolicited": False, "limit": 500})
    answered = Counter(r["request"] for r in results["results"] if r["outcome"] == "resolved")
    assert set(answered.values()) == {1}
    assert len(campaign.samples("electrolyte")) == 2 * rounds, "a vial and a measured portion each"
    assert len(campaign.samples("coin_cell")) == cells
    for cell in campaign.samples("coin_cell"):
        labels = [label for label, _ in campaign.history(cell)]
        assert labels[:3] == ["assembled", "assembled", "formed"]
        assert labels[3:] in (["discharged"], ["charged"])
    summary = json.loads(
        (campaign.folder / "kit" / "optimiser" / "test" / "summary.json").read_text("utf-8")
    )
    assert summary["best"]
    assert campaign.ledger.verify().sound
