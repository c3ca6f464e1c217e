"""/rosout: every node's log on the mesh, its level set while it runs."""

from __future__ import annotations

import logging

import pytest

from labmesh.transport import Delivery
from messages.envelope import decode
from messages.errors import CallRefusedError
from messages.ids import NodeId
from messages.node import LOG_LEVELS, LogRecord
from tests.ros2._life import Bench, bench, soon, until  # noqa: F401 - a fixture
from tests.ros2.programs import TalkerNode

ME = NodeId("kit", "chatty")


async def test_rosout(bench: Bench) -> None:  # noqa: F811
    assert list(LOG_LEVELS.values()) == [10, 20, 30, 40, 50]  # rcl_interfaces/msg/Log
    node = TalkerNode(bench.options("chatty"))
    heard = await bench.hear("kit/chatty/log/+", LogRecord)
    qos: dict[str, int] = {}

    def note(delivery: Delivery) -> None:
        qos[decode(delivery.payload).body["level"]] = delivery.qos

    await bench.visitor.mesh.transport.subscribe("lab1/kit/chatty/log/#", note)

    async def levels() -> list[str]:
        """The levels at which a service that logs at all of them is heard."""
        await bench.call(ME, "warn", {"words": "beware"})
        found: list[str] = []
        while not found or found[-1] != "fatal":
            found.append((await soon(heard, lambda record: record.text == "beware")).level)
        return found

    async with bench.run(node):
        assert await levels() == ["info", "warn", "fatal"]
        await until(lambda: {"info", "warn", "fatal"} <= set(qos))
        assert (qos["info"], qos["warn"], qos["fatal"]) == (0, 1, 1)
        answer = await bench.call(ME, "log.set_level", {"level": "debug", "scope": "mesh"})
        assert answer["mesh"] == "debug"
        assert await levels() == ["debug", "info", "warn", "fatal"]
        await bench.call(ME, "log.set_level", {"level": "error"})
        assert await levels() == ["fatal"]
        answer = await bench.call(
            ME, "log.set_level", {"level": "debug", "scope": "screen", "logger": "labmesh.worker"}
        )
        assert answer == {
            "screen": "error", "mesh": "error", "loggers": {"labmesh.worker": "debug"},
        }  # fmt: skip
        assert await bench.call(ME, "log.get_level", {}) == answer
        with pytest.raises(CallRefusedError, match="no logger 'labmesh.wroker'"):
            await bench.call(ME, "log.set_level", {"level": "info", "logger": "labmesh.wroker"})
        with pytest.raises(CallRefusedError, match="log.set_level.level"):
            await bench.call(ME, "log.set_level", {"level": "loud"})
    for name in ("labmesh.worker", node.log.logger):
        logging.getLogger(name).setLevel(logging.NOTSET)
