"""What a launch leaves in its data folder, and who else may use it meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import json
import subprocess
import sys
from pathlib import Path

import psutil

from labmesh.launch._state import RunState
from tests.labmesh.launch.test_execution import program, write
from tests.support import Processes

ARGUMENTS = (
    "  - arg: {name: campaign, default: run-$(now)}\n"
    "  - arg: {name: count, default: 1}\n"
    "  - arg: {name: budget, type: int, default: null}\n"
)


async def test_mesh_file_lives_as_long_as_the_launch(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, "  - mqtt_broker: embedded\n" + program("one", "echo up; sleep 600"))
    running = await processes.labmesh("launch", file)
    await running.wait_line("one. up")
    mesh_file = tmp_path / ".labmesh" / "run" / "mesh.json"
    mesh = json.loads(mesh_file.read_text())
    assert mesh["mqtt"].startswith("mqtt://127.0.0.1:")
    assert (mesh["realm"], mesh["site"], mesh["pid"]) == ("lab1", "lab", running.pid)
    assert mesh_file.stat().st_mode & 0o077 == 0
    running.interrupt()
    await running.wait()
    assert not mesh_file.exists()


async def test_a_second_launch_is_refused_and_kill_9_frees_the_folder(
    processes: Processes, tmp_path: Path
) -> None:
    file = write(tmp_path, program("one", "echo up; exec sleep 600"))
    first = await processes.labmesh("launch", file)
    await first.wait_line("one. up")
    second = await processes.labmesh("launch", file)
    assert await second.wait() == 2
    assert f"already running with this data folder (pid {first.pid})" in second.output
    elsewhere = await processes.labmesh("launch", file, "--data-dir", "other")
    await elsewhere.wait_line("one. up")
    first.kill()
    await first.wait()
    third = await processes.labmesh("launch", file)
    await third.wait_line("one. up")


async def test_a_folder_that_cannot_be_written_is_a_mistake_of_the_caller(
    processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    file = write(tmp_path, program("one", "echo up"))
    launch = await processes.labmesh("launch", file, "--data-dir", "file")
    assert await launch.wait() == 2
    (said,) = launch.lines
    assert "cannot write in the data folder: Not a directory; give --data-dir" in said


async def test_resume_takes_the_same_arguments(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        ARGUMENTS + "  - log: $(var campaign) $(var count) $(equals $(var budget) '')\n",
    )
    first = await processes.labmesh("launch", file, "count:=5")
    assert await first.wait() == 0
    (said,) = (line for line in first.lines if line.startswith("[launch] run-"))
    assert said.endswith(" 5 true")
    again = await processes.labmesh("launch", "--resume")
    assert await again.wait() == 0
    assert said in again.lines
    changed = await processes.labmesh("launch", "--resume", "count:=6")
    assert await changed.wait() == 0
    assert said.replace(" 5 ", " 6 ") in changed.lines


async def test_resume_without_a_launch_before(processes: Processes) -> None:
    running = await processes.labmesh("launch", "--resume")
    assert await running.wait() == 2
    assert "nothing was launched with this data folder" in running.output


async def test_after_kill_9_the_next_launch_waits_for_what_is_left(
    processes: Processes, tmp_path: Path
) -> None:
    script = (
        "trap 'sleep 1; echo over >>said; exit' TERM; echo began >>said; echo up;"
        " while :; do sleep 0.05; done"
    )
    file = write(tmp_path, program("slow", script))
    first = await processes.labmesh("launch", file)
    await first.wait_line("slow. up")
    first.kill()
    await first.wait()
    second = await processes.labmesh("launch", file)
    await second.wait_line("slow. up")
    assert (tmp_path / "said").read_text().split() == ["began", "over", "began"]


async def test_a_launch_that_nobody_has_buried_does_not_hold_the_folder(tmp_path: Path) -> None:
    """Its parent may be a program that does not look after its children, or a dead one."""
    state = RunState(tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:  # noqa: ASYNC220 - not awaited
        while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)
        file = tmp_path / "run" / "launch.lock"
        file.parent.mkdir()
        file.write_text(f"{dead.pid}\n")
        with file.open("a") as leftover:
            fcntl.flock(leftover, fcntl.LOCK_EX)
            claiming = asyncio.create_task(state.claim())
            await asyncio.wait([claiming], timeout=1.5)
            assert not claiming.done(), "waits for what the dead one has left"
        await claiming
        state.release()
