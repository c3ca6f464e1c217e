"""What an agent accepts, and from whom: in this process, nothing is launched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from labmesh.agent import AgentNode, Bundle
from labmesh.agent._site_launch import SiteLaunch
from labmesh.client import Visitor, visit
from labmesh.log import NodeLog
from labmesh.node import NodeOptions
from labmesh.place import Place
from messages.errors import CallRefusedError
from messages.ids import NodeId
from messages.node import State
from tests.support import MqttBroker

ME = NodeId("fzj", "agent")
HEAD = "labmesh_launch: 1\nsite: fzj\nlaunch:\n  - mqtt_broker: embedded\n"
CLOCK = HEAD + "  - node: {run: clock}\n"


@pytest.fixture
async def agent(shared_mqtt_broker: MqttBroker, tmp_path: Path) -> AsyncIterator[Visitor]:
    """An agent with its defaults, and an operator of its site."""
    place = Place(mqtt=shared_mqtt_broker.url, site="fzj")
    node = AgentNode(NodeOptions(place=place, name="agent", data_dir=tmp_path))
    running = asyncio.create_task(node.run())
    async with visit(place, "cli") as operator:
        async with asyncio.timeout(20):
            while node.state is not State.ACTIVE:
                await asyncio.sleep(0.01)
        yield operator
    node.finish()
    await running


async def ask(who: Visitor, service: str, **arguments: Any) -> dict[str, Any]:
    return await who.caller.call(ME, service, arguments, timeout=30)


async def check(who: Visitor, text: str, **files: str) -> str:
    """Return why a launch file is refused; empty when it is not."""
    content = {"lab.yaml": text, **{f"{name}.yaml": each for name, each in files.items()}}
    bundle = Bundle("lab.yaml", {name: each.encode() for name, each in content.items()})
    try:
        await ask(who, "agent.start", bundle=bundle.pack(), check=True)
    except CallRefusedError as error:
        return str(error)
    return ""


async def test_a_launch_file_is_code_and_runs_only_what_it_may(
    agent: Visitor, tmp_path: Path
) -> None:
    assert await check(agent, CLOCK) == ""
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    refused = {
        "  - executable: {cmd: touch here}\n": "lab.yaml:5:5: executable 'touch' is not allowed",
        "  - node: {run: 'os:system'}\n": "program 'os:system' is not allowed here",
        "  - node: {run: clock, env: {LD_PRELOAD: x.so}}\n": "variable LD_PRELOAD of 'clock'",
        "  - set_env: {name: PYTHONPATH, value: x}\n  - node: {run: clock}\n": "PYTHONPATH",
        "  - timer: {delay: 1, actions: [{executable: {cmd: ls}}]}\n": "'ls' is not allowed here",
        f"  - include: {secret}\n": "outside the folder of this launch",
        "  - include: ../../../secret.yaml\n": "outside the folder of this launch",
        f"  - node: {{run: clock, params_file: {secret}}}\n": "outside the folder of this launch",
        "  - node: {run: robot}\n": "program 'robot' is not allowed here; allowed: ",
        "  - node: {run: clock, param: {rat: 1}}\n": "has no parameter 'rat'; did you mean 'rate'",
        "  - node: {run: clock, site: dtu}\n": "nothing here is at site 'fzj'",
    }
    for action, words in refused.items():
        said = await check(agent, HEAD + action)
        assert words in said, f"{action}{said}"
        assert "hunter2" not in said
    # What another site runs is that site's business.
    assert await check(agent, CLOCK + "  - executable: {cmd: ls, name: x}\n") != ""
    assert (
        await check(agent, CLOCK + "  - group: {site: dtu, actions: [{executable: {cmd: ls}}]}\n")
        == ""
    )
    with pytest.raises(CallRefusedError, match="the bundle is damaged"):
        await ask(agent, "agent.start", bundle="nonsense")
    status = await ask(agent, "agent.status")
    assert (status["state"], status["processes"]) == ("stopped", [])


async def test_only_named_operators_are_obeyed(agent: Visitor) -> None:
    bundle = Bundle("lab.yaml", {"lab.yaml": CLOCK.encode()}).pack()
    async with visit(agent.place, "stranger") as stranger:
        for service, arguments in {
            "agent.start": {"bundle": bundle},
            "agent.reload": {"bundle": bundle},
            "agent.stop": {},
            "agent.restart": {},
            "agent.log": {},
        }.items():
            with pytest.raises(CallRefusedError, match="fzj/stranger is not among the operators"):
                await ask(stranger, service, **arguments)
        assert (await ask(stranger, "agent.status"))["state"] == "stopped"
    # Not even an operator widens over the mesh what an agent accepts.
    with pytest.raises(CallRefusedError, match="executables is read-only"):
        await ask(agent, "param.set", values={"executables": True})
    with pytest.raises(CallRefusedError, match="nothing was ever launched"):
        await ask(agent, "agent.restart")


def test_the_output_of_a_long_launch_is_bounded(tmp_path: Path) -> None:
    launch = SiteLaunch(
        "fzj", folder=tmp_path, data_dir=tmp_path, limits={}, accounts=None, log=NodeLog("x")
    )
    with launch.output_file.open("ab", buffering=0) as output:
        output.write(b"x" * (17 << 20) + b"\nthe end\n")
        launch._bound_output()
        assert launch.tail(1) == ["the end"]
        output.write(b"and on\n")
        assert launch.tail(2) == ["the end", "and on"]
        assert launch.output_file.stat().st_size < 1 << 20
