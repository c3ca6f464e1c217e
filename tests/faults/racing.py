"""A gang of instruments in one process: ``python -m tests.faults.racing MQTT DATA DIARY GANG N``.

Each has one slot, a short lease, and does not look up while it is at work.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from labmesh import Node, NodeParameters, Order, capability
from labmesh.log import log_to_stderr
from labmesh.node import NodeOptions
from labmesh.place import Place
from messages.ids import new_id
from messages.model import Model, Real, Text


class Blow(Model):
    """How long it takes, in seconds."""

    seconds: Real


class Struck(Model):
    """Who struck, and which blow of all it was."""

    by: Text
    act: Text


class HammerParameters(NodeParameters):
    """Where each act is noted before it is done."""

    diary: str


class Hammer(Node[HammerParameters]):
    """Strikes. What is struck twice is spoilt."""

    Parameters = HammerParameters

    @capability("blow", "hammer", worker="instrument", lease=1.5)
    async def strike(self, order: Order[Blow]) -> Struck:
        """Strike once."""
        act = str(new_id())
        with Path(self.parameters.diary).open("a", encoding="utf-8") as diary:
            diary.write(f"{order.request} {self.id} {act}\n")
        await asyncio.sleep(order.parameters.seconds)
        return Struck(by=str(self.id), act=act)


async def main(mqtt: str, data: str, diary: str, gang: str, count: str) -> None:
    """Run the gang until the process ends."""
    place = Place(mqtt=mqtt, site="kit")
    nodes = [
        Hammer(
            NodeOptions(
                place=place,
                name=f"{gang}-{number}",
                data_dir=Path(data),
                parameters={"diary": diary},
            )
        )
        for number in range(int(count))
    ]
    await asyncio.gather(*(node.run() for node in nodes))


if __name__ == "__main__":
    log_to_stderr()
    asyncio.run(main(*sys.argv[1:]))
