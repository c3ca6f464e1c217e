"""Control of a running launch through its socket."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from labmesh.launch import LaunchError, control
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
    await running.wait_line("hello")
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


NODES = '''
from labmesh import Node, NodeParameters
from messages.errors import ConfigurationError

class Parameters(NodeParameters):
    word: str = "none"

class Open(Node[Parameters]):
    """Takes parameters while it runs, but no "bad" one."""
    Parameters = Parameters
    async def on_activate(self) -> None:
        self.log.info(f"began with {self.parameters.word}")
    async def on_parameters(self, before: Parameters, after: Parameters) -> None:
        if after.word == "bad":
            raise ConfigurationError("not while I run")
        self.log.info(f"now {after.word}")

class Closed(Node[Parameters]):
    """Uses its parameters once."""
    Parameters = Parameters
    async def on_activate(self) -> None:
        self.log.info(f"began with {self.parameters.word}")
'''


async def test_reload_and_restart(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "nodes_here.py").write_text(NODES)

    def lab(more: str, word: str = "one") -> Path:
        return write(
            tmp_path,
            f"  - arg: {{name: word, default: {word}}}\n"
            "  - mqtt_broker: embedded\n"
            "  - node: {run: 'nodes_here:Open', param: {word: $(var word)}}\n"
            "  - node: {run: 'nodes_here:Closed', param: {word: $(var word)}, after: open}\n"
            f"  - executable: {{name: campaign, cmd: [sh, -c, 'echo $(now); exec sleep 99']}}\n"
            f"{more}",
        )

    file = lab(program("old", "exec sleep 99", ", after: [open, closed]"))
    folder = tmp_path / ".labmesh"
    running = await processes.labmesh("launch", file)
    await running.wait_line("closed is active")
    await running.wait_line("started old")
    before = {p["label"]: p for p in (await ask(folder, "status"))["processes"]}

    lab("  - executable: {cmd: [no-such-program]}\n", word="two")
    with pytest.raises(LaunchError, match=r"test\.launch\.yaml:8:5: no program 'no-such-program'"):
        await ask(folder, "reload")

    # A node whose code has changed since is checked as it is now.
    (tmp_path / "nodes_here.py").write_text(
        NODES.replace('word: str = "none"', 'word: str = "none"\n    late: int = 0')
    )
    lab(
        "  - node: {run: 'nodes_here:Closed', name: third, param: {late: 1}}\n"
        + program("new", "echo hello; exec sleep 99", ", after: third"),
        word="two",
    )
    dry = await processes.labmesh("launch", "reload", "--dry-run")
    assert await dry.wait() == 0
    shown = [line.split() for line in dry.stdout[1:]]
    wanted = ["stop lab/old", "start lab/third", "start lab/new", "restart lab/closed",
              "set lab/open: word=two"]  # fmt: skip
    assert shown == [line.split() for line in wanted]
    assert (await ask(folder, "status"))["processes"][-1]["label"] == "old"

    mark = len(running.lines)
    assert (await ask(folder, "reload"))["applied"]
    await running.wait_line(r"\[open\].*now two")
    await running.wait_line(r"\[closed\].*began with two")
    await running.wait_line(r"\[new\] hello")
    after = {p["label"]: p for p in (await ask(folder, "status"))["processes"]}
    assert set(after) == {"open", "closed", "campaign", "third", "new"}
    assert after["open"]["pid"] == before["open"]["pid"]
    assert after["campaign"]["pid"] == before["campaign"]["pid"]  # the same $(now) as before
    assert after["closed"]["pid"] != before["closed"]["pid"]
    assert after["closed"]["restarts"] == 1
    with pytest.raises(ProcessLookupError):
        os.kill(before["old"]["pid"], 0)

    # What the node refuses to take while it runs, a restart brings about; arguments given once
    # are kept.
    mark = len(running.lines)
    answer = await ask(folder, "reload", arguments={"word": "bad"})
    assert set(answer["restart"]) == {"lab/open", "lab/closed"}
    assert "not while I run" in answer["warnings"][0]
    await running.wait_line(r"\[open\].*began with bad", after=mark)

    mark = len(running.lines)
    answer = await ask(folder, "restart", processes=["third"], with_dependants=True)
    assert answer == {"restarted": ["lab/third", "lab/new"]}
    await running.wait_line(r"started new", after=mark)
    said = running.lines[mark:]
    assert "[launch] restarting third, new" in said
    last = {p["label"]: p for p in (await ask(folder, "status"))["processes"]}
    assert last["new"]["pid"] != after["new"]["pid"]
    assert last["open"]["restarts"] == 1
    with pytest.raises(ConfigurationError, match="no process 'thrid' in this launch; did you mean"):
        await ask(folder, "restart", processes=["thrid"])

    running.kill()
    await processes.assert_no_orphans(timeout=20)


async def test_reload_in_the_middle_of_things(processes: Processes, tmp_path: Path) -> None:
    stubborn = program("stubborn", "trap '' INT TERM; while :; do sleep 0.1; done")
    one = program("one", "exec sleep 99", ", on_exit: shutdown")
    file = write(
        tmp_path,
        one
        + stubborn
        + program("never", "exec sleep 99")
        + program("waits", "echo waited", ", after: {never: exited}")
        + program("again", "echo first; exit 1", ", respawn: {delay: 25}")
        + "  - timer: {delay: 600, actions: [log: old]}\n",
    )
    running = await processes.labmesh("launch", file)
    await running.wait_line("starting again again in 25 s")
    folder = tmp_path / ".labmesh"

    async def states() -> dict[str, str]:
        answer = await ask(folder, "status")
        return {process["label"]: process["state"] for process in answer["processes"]}

    assert await states() == {
        "one": "running", "stubborn": "running", "never": "running",
        "waits": "waiting", "again": "respawning",
    }  # fmt: skip
    write(
        tmp_path,
        one
        + stubborn
        + program("waits", "echo waited", ", after: one")
        + program("again", "echo second; exec sleep 99")
        + "  - timer: {delay: 0.2, actions: [{log: new}, "
        "{executable: {name: timed, cmd: [echo, timed]}}]}\n",
    )
    answer = await ask(folder, "reload")
    assert (answer["stop"], answer["restart"]) == (["lab/never"], ["lab/again"])
    assert answer["adopt"] == ["lab/waits", "lab/timed"]
    for line in (r"\[waits\] waited", r"\[again\] second", r"\[launch\] new", r"\[timed\] timed"):
        await running.wait_line(line)

    # Ended on request, it does not end the launch; one that had ended starts.
    await ask(folder, "restart", processes=["one", "waits"])
    assert (await states())["one"] == "running"
    assert "[launch] old" not in running.lines

    # Whoever loses patience with a reload may still stop all.
    write(tmp_path, one)
    reload = asyncio.create_task(ask(folder, "reload"))
    async with asyncio.timeout(30):
        while (await states()).get("stubborn") != "stopping":
            await asyncio.sleep(0.05)
    for _ in range(3):
        await ask(folder, "stop")
    assert await running.wait() == 0
    await asyncio.gather(reload, return_exceptions=True)
    await processes.assert_no_orphans()
