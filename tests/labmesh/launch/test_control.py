"""Control of a running launch through its socket."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from labmesh.launch import control
from labmesh.launch._state import RunState
from messages.errors import ConfigurationError
from tests.labmesh.launch.test_execution import program, write
from tests.support import Processes


async def ask(folder: Path, do: str, **request: Any) -> dict[str, Any]:
    return await asyncio.to_thread(control, folder, {"do": do, **request})


async def test_status_and_stop(processes: Processes, tmp_path: Path) -> None:
    # A socket's address is shorter than many a path.
    folder = tmp_path / ("long" * 30)
    file = write(
        tmp_path,
        program("one", "echo hello; exec sleep 100") + program("two", "true", ", after: one"),
    )
    running = await processes.labmesh("launch", file, "--data-dir", folder)
    await running.wait_line("two has exited")
    answer = await ask(folder, "status")
    assert answer["pid"] == running.pid
    assert answer["file"] == str(file)
    one, two = answer["processes"]
    assert (one["id"], one["label"], one["state"]) == ("lab/one", "one", "running")
    assert (one["last_line"], one["restarts"], one["exit_code"]) == ("hello", 0, None)
    assert (two["state"], two["exit_code"], two["pid"]) == ("exited", 0, None)
    assert two["after"] == {"lab/one": "started"}
    assert two["since"] >= one["since"] >= answer["since"]
    mode = (folder / "run" / "launch.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600

    shown = await processes.labmesh("launch", "status", "--data-dir", folder)
    assert await shown.wait() == 0
    assert any(line.split()[:2] == ["one", "running"] for line in shown.stdout)

    with pytest.raises(ConfigurationError, match="a launch cannot 'dance'; ask it to do"):
        await ask(folder, "dance")
    stopped = await processes.labmesh("launch", "stop", "--data-dir", folder, "--json")
    assert await stopped.wait() == 0
    assert json.loads(stopped.output) == {"pid": running.pid}
    claim = RunState(folder)
    await claim.claim()  # who waited for the end may launch again
    claim.release()
    assert await running.wait() == 0
    assert running.lines[-1] == "[launch] ended: labmesh launch stop (exit code 0)"
    assert not (folder / "run" / "launch.sock").exists()
    with pytest.raises(ConfigurationError, match="no launch runs with this data folder"):
        await ask(folder, "status")
