"""Launch: composable nodes, events, and control of what runs, as `ros2 launch` users try it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from labmesh.launch import control
from tests.ros2.programs import TALKER
from tests.support import Processes

ROOT = Path(__file__).parents[2]
FILE = """\
from labmesh.launch.actions import *

def launch(context):
    words = context.arg("words", default="hello")
    talker = "{talker}"
    return [
        mqtt_broker(embedded=True),
        set_parameter("times", 2),
        node("container", name="box"),
        [node(talker, name=name, in_="box", param={{"words": words}}) for name in ("one", "two")],
        node(talker, name="alone", after=["one", "two"], respawn=True, respawn_delay=0),
        on_state_transition("one", "active", log("one is up")),
        executable(["{labmesh}", "service", "call", "two", "talk", "--json"],
                   name="probe", after="alone"),
    ]
"""


async def test_launch(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "lab.launch.py"
    labmesh = Path(sys.executable).with_name("labmesh")
    file.write_text(FILE.format(talker=TALKER, labmesh=labmesh))
    running = await processes.labmesh("launch", file, env={"PYTHONPATH": str(ROOT)})
    await running.wait_line(r"\[probe\].*hello hello", timeout=60)
    assert "[launch] one is up" in running.lines

    async def status() -> dict[str, Any]:
        request = {"do": "status"}
        answer = await asyncio.to_thread(control, tmp_path / ".labmesh", request)
        return {process["label"]: process for process in answer["processes"]}

    before = await status()
    assert (before["one"]["kind"], before["one"]["state"]) == ("component", "active")
    assert before["one"]["pid"] == before["box"]["pid"] != before["alone"]["pid"]

    # ros2 launch has none of this: another word for who talks alone, and the box begins anew.
    mark = len(running.lines)
    done = await processes.run(labmesh, "launch", "reload", "words:=bye", "--json", timeout=60)
    assert json.loads(done.stdout)["restart"] == ["lab/box"]
    await running.wait_line("two is active", after=mark)
    after = await status()
    assert after["two"]["restarts"] == 1
    assert after["alone"]["pid"] == before["alone"]["pid"]
    running.interrupt()
    assert await running.wait() == 130
    await processes.assert_no_orphans()
