"""Starting, stopping and losing a real mosquitto."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
import textwrap
from itertools import chain, repeat
from pathlib import Path

import psutil
import pytest

from labmesh.mosquitto import BrokerConfig, MosquittoProcess, Program, _process, free_port
from messages.errors import ConfigurationError
from tests.labmesh.mosquitto._client import client
from tests.support import MqttBroker, Processes

pytestmark = pytest.mark.usefixtures("mosquitto_program")
CONFIG = BrokerConfig(port=0, sites=("kit",))


async def test_it_serves_on_a_free_port_until_it_is_stopped(tmp_path: Path) -> None:
    async with MosquittoProcess(CONFIG, tmp_path) as broker:
        assert broker.url == f"mqtt://127.0.0.1:{broker.port}"
        pid = broker.pid
        assert pid is not None
        with client(broker.port) as reader:
            assert reader.subscribe("lab1/#") == 1
        await broker.start()
        assert broker.pid == pid
    assert not broker.running
    assert broker.pid is None
    assert not psutil.pid_exists(pid)
    await broker.stop()


async def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    async with MosquittoProcess(CONFIG, tmp_path) as broker:
        listening = [
            connection.laddr
            for connection in psutil.Process(broker.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == [("127.0.0.1", broker.port)]


async def test_ctrl_c_in_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    async with MosquittoProcess(CONFIG, tmp_path) as broker:
        assert broker.pid is not None
        assert os.getsid(broker.pid) != os.getsid(0)


async def test_a_port_in_use_names_the_port_its_holder_and_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            await MosquittoProcess(BrokerConfig(port=port, sites=()), tmp_path).start()
    name = psutil.Process().name()
    assert str(caught.value) == (
        f"127.0.0.1:{port}: port {port} is in use by {name} (pid {os.getpid()}); "
        "stop that process or choose another port; port 0 takes a free one"
    )


async def test_a_port_lost_between_check_and_start_is_a_port_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other server answers MQTT, so that only mosquitto's own end tells the two apart."""
    monkeypatch.setattr(_process, "is_free", lambda _port: True)
    async with MosquittoProcess(CONFIG, tmp_path / "one") as one:
        other = MosquittoProcess(BrokerConfig(port=one.port, sites=()), tmp_path / "two")
        with pytest.raises(ConfigurationError, match=r"is in use by mosquitto \(pid \d+\)"):
            await other.start()
        assert not other.running


async def test_a_free_port_that_another_takes_first_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        choices = chain([taken.getsockname()[1]] * 2, (free_port() for _ in repeat(None)))
        monkeypatch.setattr(_process, "free_port", lambda: next(choices))
        async with MosquittoProcess(CONFIG, tmp_path) as broker:
            assert broker.port not in (0, taken.getsockname()[1])


async def test_many_at_once_get_ports_of_their_own(tmp_path: Path) -> None:
    brokers = [MosquittoProcess(CONFIG, tmp_path / str(index)) for index in range(6)]
    try:
        await asyncio.gather(*(broker.start() for broker in brokers))
        assert len({broker.port for broker in brokers}) == 6
    finally:
        await asyncio.gather(*(broker.stop() for broker in brokers))


async def test_a_configuration_it_refuses_is_quoted(tmp_path: Path) -> None:
    config = BrokerConfig(port=0, sites=(), user="no-such-account", memory_limit=-1)
    broker = MosquittoProcess(config, tmp_path)
    with pytest.raises(ConfigurationError, match=r"mosquitto refused to start: .*memory_limit"):
        await broker.start()
    assert not broker.running


async def test_one_that_never_answers_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(_process, "_START_SECONDS", 0.3)
    broker = MosquittoProcess(CONFIG, tmp_path, program=Program(sleeper, (), "0"))
    with pytest.raises(ConfigurationError, match="did not answer on port"):
        await broker.start()
    assert not broker.running


async def test_its_death_is_told_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with MosquittoProcess(CONFIG, tmp_path) as broker:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        line = await broker.wait_died()
        assert line == (
            f"the MQTT broker on port {broker.port} was killed by SIGKILL; "
            f"log: {tmp_path / 'mosquitto.log'}"
        )
        assert [record.getMessage() for record in caplog.records] == [line]
        port = broker.port
        await broker.start()
        assert broker.port == port


async def test_the_usual_limit_of_open_files_does_not_bound_its_clients(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    mosquitto = MosquittoProcess(BrokerConfig(port=0, sites=("kit",)), tmp_path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        await mosquitto.start()
        assert mosquitto.pid is not None
        limit, _ = resource.prlimit(mosquitto.pid, resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await mosquitto.stop()
    assert limit == min(hard, 65536)


async def test_a_stop_is_no_death(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with MosquittoProcess(CONFIG, tmp_path) as broker:
        waiting = asyncio.create_task(broker.wait_died(), name="wait-died")
        await asyncio.sleep(0)
    assert "exited with status 0; log: " in await waiting
    # A node of another test file may still be talking in this process.
    assert not [r for r in caplog.records if r.name.startswith("labmesh.mosquitto")]


async def test_one_that_hangs_is_killed(tmp_path: Path) -> None:
    async with MosquittoProcess(CONFIG, tmp_path) as broker:
        pid = broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await broker.stop(grace=0.2)
        assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel ends orphans")
async def test_a_parent_killed_leaves_no_mosquitto(tmp_path: Path, processes: Processes) -> None:
    script = """
        import asyncio, pathlib, sys
        from labmesh.mosquitto import BrokerConfig, MosquittoProcess

        async def main():
            config = BrokerConfig(port=0, sites=())
            async with MosquittoProcess(config, pathlib.Path(sys.argv[1])) as m:
                print("pid", m.pid, flush=True)
                await asyncio.sleep(60)

        asyncio.run(main())
    """
    parent = await processes.python("-c", textwrap.dedent(script), tmp_path / "mosquitto")
    pid = int((await parent.wait_line("pid ")).split()[1])
    assert pid in [process.pid for process in processes.alive()]
    parent.kill()
    assert await parent.wait() == -signal.SIGKILL
    await processes.assert_no_orphans()


def test_sessions_and_retained_values_survive_a_restart(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port, "asab") as asab:
        asab.publish("lab1/kit/asab/node/desc", b"1", retain=True)
    mqtt_broker.restart()
    with client(mqtt_broker.port) as reader:
        reader.subscribe("lab1/#")
        assert reader.receive() == ("lab1/kit/asab/node/desc", b"1")


def test_retained_values_survive_a_kill_once_saved(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port, "asab") as asab:
        asab.publish("lab1/kit/asab/node/desc", b"a-mark-to-look-for", retain=True)
        mqtt_broker.wait_saved(b"a-mark-to-look-for")
    mqtt_broker.kill()
    assert mqtt_broker.pid is None
    mqtt_broker.start()
    with client(mqtt_broker.port) as reader:
        reader.subscribe("lab1/#")
        assert reader.receive() == ("lab1/kit/asab/node/desc", b"a-mark-to-look-for")


def test_more_than_mosquittos_default_is_queued_for_an_absent_client(
    mqtt_broker: MqttBroker,
) -> None:
    with client(mqtt_broker.port, "intake", client_id="intake", session=60) as intake:
        intake.subscribe("lab1/kit/asab/#")
    with client(mqtt_broker.port, "asab") as asab:
        asab.publish_many("lab1/kit/asab/data/x", 3000)
    with client(mqtt_broker.port, "intake", client_id="intake", session=60) as intake:
        assert [intake.receive()[1] for _ in range(3000)] == [b"%d" % n for n in range(3000)]


def test_a_frozen_one_goes_on_after_the_thaw(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port, "asab") as asab:
        mqtt_broker.freeze()
        waiting = asab.paho.publish("lab1/kit/asab/data/x", b"1", qos=1)
        waiting.wait_for_publish(0.2)
        assert not waiting.is_published()
        mqtt_broker.thaw()
        waiting.wait_for_publish(10)
        assert waiting.is_published()
