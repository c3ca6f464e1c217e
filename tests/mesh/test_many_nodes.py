"""Many nodes at once: all come, all are listed, all come back."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from labmesh.cli._survey import AT_A_GLANCE, survey
from messages.errors import NotConnectedError
from tests.mesh.conftest import Lab

NODES = 40
PROGRAM = """
import asyncio, sys
from pathlib import Path
from benchmarks.many_nodes import crowd
mqtt, folder, first = sys.argv[1:]
asyncio.run(crowd(mqtt, Path(folder), int(first), {count}, site="kit"))
"""


async def until_all_are_online(lab: Lab) -> None:
    online = 0
    async with asyncio.timeout(60):
        while online < NODES:
            try:
                seen = await survey(lab.visitor.mesh, parts=AT_A_GLANCE, patience=5)
            except NotConnectedError:
                continue  # the MQTT broker is just coming back
            online = sum(
                node.state == "online" and node.lifecycle == "active"
                for node in seen.values()
                if node.id.node.startswith("crowd")
            )
            await asyncio.sleep(0.1)


async def test_a_crowd_comes_at_once_and_comes_back_when_the_mqtt_broker_was_killed(
    lab: Lab,
) -> None:
    for first in (0, NODES // 2):
        await lab.processes.start(
            sys.executable, "-c", PROGRAM.format(count=NODES // 2), lab.place.mqtt, lab.folder,
            str(first), name=f"crowd{first}", env={"PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
    await until_all_are_online(lab)
    async with asyncio.timeout(60):
        while (await lab.client.query("ledger.stats"))["offers"] < NODES:
            await asyncio.sleep(0.1)
    workers = await ask_everybody(lab)
    assert len(workers) > NODES // 2
    lab.mqtt.kill()
    lab.mqtt.start()
    await until_all_are_online(lab)
    assert len(await ask_everybody(lab)) > NODES // 2


async def ask_everybody(lab: Lab) -> set[str]:
    """Ask as many questions as there are nodes; return who answered."""
    asked = (lab.client.request("noop", "crowd", {"number": n}, wait=True) for n in range(NODES))
    async with asyncio.timeout(60):
        return {result.author for result in await asyncio.gather(*asked)}
