"""Launches of real nodes on a real MQTT broker: readiness, milestones, parameters, failures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from labmesh.transport import MqttOptions, MqttTransport
from messages.envelope import Header, encode
from messages.ids import new_id
from messages.node import Lifecycle, State
from messages.schema import schema_hash
from tests.labmesh.launch.test_execution import order, program, write
from tests.support import MqttBroker, Processes

LABMESH = Path(sys.executable).with_name("labmesh")

NODES = '''
from __future__ import annotations
import asyncio
from labmesh import Node, NodeParameters
from messages.errors import ConfigurationError

class Parameters(NodeParameters):
    seconds: float = 0.0
    text: str = ""

class Steady(Node[Parameters]):
    """Becomes active after some seconds and stays."""
    Parameters = Parameters
    async def on_activate(self) -> None:
        await asyncio.sleep(self.parameters.seconds)
        self.log.info("at work", said=self.parameters.text)

class Job(Node[Parameters]):
    """Tells its progress and is done."""
    Parameters = Parameters
    async def on_activate(self) -> None:
        self.spawn(self.work(), name="work")
    async def work(self) -> None:
        for done in range(4):
            await self.milestone("campaign", done, 3, f"step {done}")
        await asyncio.sleep(0.3)
        self.finish(int(self.parameters.seconds))

class Broken(Node[Parameters]):
    """Cannot be configured."""
    Parameters = Parameters
    async def on_configure(self) -> None:
        raise ConfigurationError("the pump is not there", remedy="plug it in")

class Crashing(Node[Parameters]):
    """Ends at once."""
    Parameters = Parameters
    async def on_configure(self) -> None:
        print("last words", flush=True)
        import os
        os._exit(9)
'''


@pytest.fixture(autouse=True)
def modules(tmp_path: Path) -> None:
    """The nodes of these tests, where ``module:Class`` finds them: in the working folder."""
    (tmp_path / "nodes_here.py").write_text(NODES)


def node(class_name: str, more: str = "", name: str = "") -> str:
    name = name or class_name.lower()
    return f"  - node: {{run: 'nodes_here:{class_name}', name: {name}{more}}}\n"


EMBEDDED = "  - mqtt_broker: embedded\n"


async def test_starts_when_what_it_needs_is_active(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        EMBEDDED
        + program("job", "echo began", ", after: steady, on_exit: shutdown")
        + node("Steady", ", param: {seconds: 0.5}"),
    )
    running = await processes.labmesh("launch", file)
    assert await running.wait() == 0
    order(
        running,
        "[launch] steady is active",
        "[job] began",
    )


async def test_parameters_arrive_with_their_types(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "/**: {ros__parameters: {seconds: 5}}\nsteady: {ros__parameters: {text: file}}\n"
    )
    text = "two: words # and 'quotes'"
    file = write(
        tmp_path,
        EMBEDDED
        + node(
            "Steady", f", params_file: p.yaml, param: {{seconds: 1e-3, text: {json.dumps(text)}}}"
        ),
    )
    running = await processes.labmesh("launch", file)
    await running.wait_line("steady. .*at work")
    assert text in running.output
    running.interrupt()
    assert await running.wait() == 130


async def test_milestones_are_plain_lines_without_a_terminal(
    processes: Processes, tmp_path: Path
) -> None:
    file = write(tmp_path, EMBEDDED + node("Job", ", on_exit: shutdown"))
    running = await processes.labmesh("launch", file)
    assert await running.wait() == 0
    order(running, *(f"[job] campaign {done}/3 step {done}" for done in range(4)))


async def test_milestones_are_bars_on_a_terminal(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, EMBEDDED + node("Job", ", on_exit: shutdown"))
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    running = await processes.start(
        sys.executable,
        "-c",
        script,
        Path(sys.executable).with_name("labmesh"),
        "launch",
        file,
        env={"TERM": "xterm", "COLUMNS": "100"},
    )
    assert await running.wait() == 0
    assert "3/3" in running.output
    assert "━" in running.output
    assert "\x1b[1m[launch] \x1b[0mstarted job" in running.output


async def test_no_color_is_honoured(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, program("one", "echo hello"))
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    running = await processes.start(
        sys.executable,
        "-c",
        script,
        Path(sys.executable).with_name("labmesh"),
        "launch",
        file,
        env={"TERM": "xterm", "NO_COLOR": "1"},
    )
    assert await running.wait() == 0
    assert "hello" in running.output
    assert "\x1b[3" not in running.output


async def test_exit_code_of_a_node_that_finished(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, EMBEDDED + node("Job", ", on_exit: shutdown, param: {seconds: 3}"))
    running = await processes.labmesh("launch", file)
    assert await running.wait() == 3


async def test_a_node_that_dies_before_it_is_ready(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        EMBEDDED
        + node("Steady", "")
        + node("Crashing", ", output: log")
        + program("work", "echo never", ", after: crashing"),
    )
    running = await processes.labmesh("launch", file)
    assert await running.wait() == 9
    await running.wait_line("error: crashing has exited before it was ready, with code 9")
    assert "[launch]     crashing| last words" in running.lines
    assert "[work] never" not in running.lines
    await processes.assert_no_orphans()


async def test_a_node_that_cannot_be_configured(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, EMBEDDED + node("Broken"))
    running = await processes.labmesh("launch", file)
    await running.wait_line("the pump is not there")
    running.interrupt()
    await running.wait()


async def test_events_of_nodes_and_transitions(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        EMBEDDED
        + node("Steady")
        + "  - on_state_transition: {node: steady, state: active, actions: ["
        "{log: it is up}, {transition: {node: steady, to: deactivate}}]}\n"
        "  - on_process_io: {process: steady, pattern: 'at w.rk', actions: [{log: it works}]}\n"
        "  - on_shutdown: {actions: [{log: good night}, "
        f"{{executable: {{name: bye, cmd: [{LABMESH}, lifecycle, get, steady]}}}}]}}\n",
    )
    running = await processes.labmesh("launch", file)
    await running.wait_line("steady is inactive")
    order(running, "[launch] it is up", "[launch] steady is inactive")
    await running.wait_line("it works")
    running.interrupt()
    assert await running.wait() == 130
    # The node is still there for what is done first.
    assert any(line.startswith("[bye] inactive") for line in running.lines), running.output
    order(running, "[launch] good night", "[launch] bye has exited")
    await processes.assert_no_orphans()


async def test_without_autostart_a_node_waits(processes: Processes, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        EMBEDDED
        + node("Steady", ", autostart: false")
        + program("job", "sleep 0.3", ", after: {steady: unconfigured}, on_exit: shutdown"),
    )
    running = await processes.labmesh("launch", file)
    assert await running.wait() == 0
    assert "[launch] steady is active" not in running.lines


async def test_a_retained_state_of_a_former_process_does_not_count(
    processes: Processes, mqtt_broker: MqttBroker, tmp_path: Path
) -> None:
    header = Header(
        type=Lifecycle.TYPE,
        schema=schema_hash(Lifecycle),
        id=new_id(),
        stamp=1,
        sender="lab/crashing",
        epoch=1,
        seq=1,
    )
    transport = MqttTransport(
        MqttOptions(url=mqtt_broker.url, client_id="former", username="crashing")
    )
    await transport.open()
    payload = encode(header, Lifecycle(state=State.ACTIVE))
    await transport.publish("lab1/lab/crashing/node/life", payload, retain=True)
    await transport.close()
    file = write(
        tmp_path,
        f"  - mqtt_broker: {{url: '{mqtt_broker.url}'}}\n"
        + node("Crashing")
        + program("work", "echo never", ", after: crashing"),
    )
    running = await processes.labmesh("launch", file)
    assert await running.wait() == 9
    assert "[work] never" not in running.lines


async def test_a_node_elsewhere_is_awaited_by_its_retained_state(
    processes: Processes, mqtt_broker: MqttBroker, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        f"  - mqtt_broker: {{url: '{mqtt_broker.url}'}}\n"
        "  - group: {site: kit, actions: [node: {run: 'nodes_here:Steady', name: far}]}\n"
        "  - group: {site: dtu, actions: [node: {run: 'nodes_here:Job', name: near, after: far,"
        " on_exit: shutdown}]}\n",
    )
    near = await processes.labmesh("launch", file, "--site", "dtu", "--data-dir", "dtu")
    far = await processes.labmesh("launch", file, "--site", "kit", "--data-dir", "kit")
    await far.wait_line("far is active")
    assert await near.wait() == 0
    assert "[near] campaign 3/3 step 3" in near.lines


async def test_the_embedded_mqtt_broker_is_started_again(
    processes: Processes, tmp_path: Path
) -> None:
    file = write(tmp_path, EMBEDDED + node("Steady"))
    running = await processes.labmesh("launch", file)
    await running.wait_line("steady is active")
    (mosquitto,) = (p for p in processes.alive() if "mosquitto" in p.name())
    mosquitto.kill()
    await running.wait_line("killed by SIGKILL.*starting it again")
    running.interrupt()
    assert await running.wait() == 130
    await processes.assert_no_orphans()


async def test_an_mqtt_broker_that_does_not_answer(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, "  - mqtt_broker: {url: 'mqtt://127.0.0.1:9'}\n" + node("Steady"))
    running = await processes.labmesh("launch", file)
    assert await running.wait() == 1
    assert "127.0.0.1:9" in running.output
    assert "Traceback" not in running.output


async def test_kill_9_lets_nodes_end_in_order(processes: Processes, tmp_path: Path) -> None:
    file = write(tmp_path, EMBEDDED + node("Steady"))
    running = await processes.labmesh("launch", file)
    await running.wait_line("steady is active")
    running.kill()
    await processes.assert_no_orphans(timeout=20)
