"""Diagnostics: a level, words and values a component; late joiners see them, silence is STALE."""

from __future__ import annotations

import time

from messages.ids import NodeId
from messages.node import Diagnostic, Level
from tests.ros2._life import Bench, bench, soon  # noqa: F401 - a fixture
from tests.ros2.programs import TalkerNode

ME = NodeId("kit", "ailing")


async def test_diagnostics(bench: Bench) -> None:  # noqa: F811
    node = TalkerNode(bench.options("ailing"))
    heard = await bench.hear("kit/ailing/node/diag/pump", Diagnostic)
    async with bench.run(node):
        await bench.call(ME, "report", {})
        told = await soon(heard)
        assert (told.level, told.message, told.remedy) == (Level.WARN, "leaks", "tighten")
        assert (told.values, told.stale_after) == ({"flow": 1.5}, 0.2)

        # One who comes late sees it; one who reads late sees that nobody has repeated it.
        late = await bench.retained("ailing", "node", "diag", "pump", model=Diagnostic)
        assert late == told
        assert late.seen_at(late.reported + 10**8) == late
        stale = late.seen_at(late.reported + 10**9)
        assert stale.level is Level.STALE
        assert stale.message == "no word for 1 s; the last was warn: leaks"
        while time.time_ns() < told.reported + 2 * 10**8:
            await bench.call(ME, "node.ping", {})
        info = await bench.json("node", "info", "ailing")
        assert info["diagnostics"]["pump"]["level"] == "stale"
        assert info["diagnostics"]["messages"]["level"] == "ok"
        nodes = {each["node"]: each for each in await bench.json("node", "list")}
        assert nodes["kit/ailing"]["diagnostics"] == "stale"

        # Said again it is news again, although nothing has changed; without a limit it is not.
        await bench.call(ME, "report", {})
        assert (await soon(heard)).reported > told.reported
        node.diagnose("lid", Level.OK, "shut")
        first = node._diagnostics["lid"]
        node.diagnose("lid", Level.OK, "shut")
        assert node._diagnostics["lid"] is first
