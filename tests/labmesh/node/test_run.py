"""A node as a process: its exit codes, its one line of words, its signals."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from labmesh.node import find_node
from messages.errors import ConfigurationError
from tests.support import MqttBroker, Processes, Running

ROOT = Path(__file__).parents[3]
FAULTY = "tests.labmesh.node.faulty:FaultyNode"
NOWHERE = "mqtt://127.0.0.1:1"


@pytest.fixture
def start(processes: Processes, tmp_path: Path) -> Any:
    async def start(url: str, *flags: str, program: str = FAULTY, fault: str = "") -> Running:
        return await processes.start(
            sys.executable, "-m", "labmesh.node", program, "--site", "kit", "--name", "faulty",
            "--mqtt", url, "--data-dir", str(tmp_path / "data"), *flags,
            env={"PYTHONPATH": str(ROOT), "LABMESH_FAULT": fault},
        )  # fmt: skip

    return start


def says(node: Running) -> str:
    """Return the one line that a failure leaves."""
    assert "Traceback" not in node.output
    [line] = [line for line in node.stderr if line.startswith("labmesh: ")]
    return line


async def test_exit_codes_and_words(start: Any, shared_mqtt_broker: MqttBroker) -> None:
    url = shared_mqtt_broker.url
    file = ROOT / "tests" / "labmesh" / "node" / "faulty.py"
    cases: list[tuple[list[Any], dict[str, str], int, str]] = [
        ([url], {"fault": "crash"}, 1, f"{file}:\\d+: ZeroDivisionError: by nothing"),
        ([url], {"fault": "refuse"}, 1, "socket 3: no power; plug it in"),
        ([url], {"fault": "finish"}, 7, ""),
        ([NOWHERE, "--patience", "0.3"], {}, 1, "127.0.0.1:1"),
        ([url, "--param", "speed=3"], {}, 2, "parameter speed is unknown"),
        ([url, "--data-dir", "/dev/null/x"], {}, 2, "/dev/null/x.*cannot be made"),
        ([url], {"program": "faulti"}, 2, "no node is called 'faulti'"),
        (["nonsense://x"], {}, 2, "nonsense"),
    ]
    nodes = []
    for number, (flags, options, *_) in enumerate(cases):
        nodes.append(await start(*flags, "--name", f"faulty-{number}", **options))
    for node, (_, _, code, words) in zip(nodes, cases, strict=True):
        assert await node.wait() == code, node.output
        if words:
            assert re.search(words, says(node)), node.output


async def test_a_name_that_is_taken_and_a_folder_that_is_taken(
    start: Any, shared_mqtt_broker: MqttBroker, mqtt_broker: MqttBroker
) -> None:
    first = await start(shared_mqtt_broker.url)
    await first.wait_line("activated")
    second = await start(shared_mqtt_broker.url)
    third = await start(mqtt_broker.url)  # another mesh, the same folder
    assert await second.wait() == 3
    assert "kit/faulty is online since" in says(second)
    assert await third.wait() == 3
    assert "another process that is alive has the node's file" in says(third)
    first.interrupt()
    assert await first.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_the_mqtt_broker_is_absent_ends_it_promptly_and_quietly(
    start: Any, number: signal.Signals
) -> None:
    node = await start(NOWHERE, "--patience", "60")
    await node.wait_line("nothing listens")
    node.signal(number)
    assert await node.wait(5) == 0
    assert "Traceback" not in node.output
    assert not [line for line in node.stderr if line.startswith("labmesh: ")]


async def test_a_signal_during_a_slow_hook_breaks_it_off(
    start: Any, shared_mqtt_broker: MqttBroker
) -> None:
    node = await start(shared_mqtt_broker.url, fault="slow")
    await node.wait_line("configuring")
    node.terminate()
    assert await node.wait(10) == 0
    assert "activated" not in node.output
    assert "Traceback" not in node.output


async def test_a_second_signal_ends_it_at_once_whatever_it_does(
    start: Any, shared_mqtt_broker: MqttBroker
) -> None:
    node = await start(shared_mqtt_broker.url, fault="stubborn")
    await node.wait_line("activated")
    node.interrupt()
    await node.wait_line("refusing to stop")
    node.interrupt()
    assert await node.wait(5) == 1
    assert "stopped at once by a second signal" in says(node)


async def test_a_frozen_mqtt_broker_does_not_hold_up_the_way_out(
    start: Any, mqtt_broker: MqttBroker
) -> None:
    node = await start(mqtt_broker.url)
    await node.wait_line("activated")
    mqtt_broker.freeze()
    try:
        node.terminate()
        assert await node.wait(14) == 0
    finally:
        mqtt_broker.thaw()


async def test_a_killed_process_is_replaced_and_the_epoch_counts_on(
    start: Any, mqtt_broker: MqttBroker
) -> None:
    """The MQTT broker died with it, so nobody published its will: it still seems online."""
    node = await start(mqtt_broker.url)
    await node.wait_line("activated")
    mqtt_broker.stop()
    node.kill()
    await node.wait()
    mqtt_broker.start()
    again = await start(mqtt_broker.url)
    await again.wait_line("activated")
    again.terminate()
    assert await again.wait() == 0


def test_a_module_that_does_not_import_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "bad_syntax_node.py").write_text("x = 1\nclass (:\n")
    (tmp_path / "bad_import_node.py").write_text("import json\n1 / 0\n")
    with pytest.raises(ConfigurationError, match=r"bad_syntax_node.py:2: .*SyntaxError"):
        find_node("bad_syntax_node:X")
    with pytest.raises(ConfigurationError, match=r"bad_import_node.py:2: .*ZeroDivisionError"):
        find_node("bad_import_node:X")
    with pytest.raises(ConfigurationError, match="is not a labmesh.Node"):
        find_node("json:JSONDecoder")
