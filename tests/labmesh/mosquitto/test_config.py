"""The configuration's text, and that a real mosquitto takes it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from labmesh.mosquitto import BrokerConfig, Program
from messages.errors import NameInvalidError
from tests.labmesh.mosquitto._client import client
from tests.support import MqttBroker

GOLDEN = """\
listener 1884 127.0.0.1
set_tcp_nodelay true
allow_anonymous true
acl_file /data/mosquitto.acl
max_queued_messages 10000000
memory_limit 536870912
max_inflight_messages 1000
max_packet_size 1048576
max_keepalive 120
persistence true
persistence_location /data/
autosave_interval 1
persistent_client_expiration 14d
log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
sys_interval 5
"""


def test_the_configuration_reads_as_expected() -> None:
    config = BrokerConfig(port=1884, sites=("kit", "dtu"), user=None)
    lines = config.render(Path("/data")).splitlines(keepends=True)
    assert "".join(line for line in lines if line.strip() and line[0] != "#") == GOLDEN
    assert config.render_acl() == (
        "pattern read lab1/#\n"
        "pattern read $SYS/#\n"
        "pattern write lab1/kit/%u/#\n"
        "pattern write lab1/dtu/%u/#\n"
    )


def test_options_appear() -> None:
    config = BrokerConfig(
        port=1,
        sites=(),
        persistence=False,
        password_file=Path("/p/words"),
        log_file=Path("/l/og"),
        memory_limit=7,
        user="lab",
    )
    lines = config.render(Path("/data")).splitlines()
    for line in (
        "persistence false",
        "allow_anonymous false",
        "password_file /p/words",
        "log_dest file /l/og",
        "memory_limit 7",
        "user lab",
    ):
        assert line in lines
    assert not any(line.startswith(("persistence_location", "autosave")) for line in lines)


@pytest.mark.parametrize("name", ["+", "a/b", "Kit", ""])
def test_a_site_that_would_widen_the_rights_is_refused(name: str) -> None:
    with pytest.raises(NameInvalidError, match="site"):
        BrokerConfig(port=1, sites=(name,))
    with pytest.raises(NameInvalidError, match="realm"):
        BrokerConfig(port=1, sites=(), realm=name)


def test_the_limits_are_told_to_clients(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port, "asab") as asab:
        assert asab.properties.ReceiveMaximum == 1000
        assert asab.properties.MaximumPacketSize == 1 << 20


def test_accounts_are_asked_for_a_password(tmp_path: Path, mosquitto_program: Program) -> None:
    words = tmp_path / "words"
    words.write_text("asab:secret\n")
    words.chmod(0o600)
    hasher = mosquitto_program.path.parent.parent / "bin/mosquitto_passwd"
    subprocess.run([hasher, "-U", words], check=True, env=mosquitto_program.environment())
    with MqttBroker(tmp_path / "broker", password_file=words) as broker:
        with client(broker.port, "asab", "secret") as asab:
            assert asab.publish("lab1/kit/asab/data/x") == 0x10
        for user, password in (("asab", "wrong"), ("asab", None), (None, None)):
            refused = client(broker.port, user, password, patience=0.5)
            with pytest.raises(AssertionError, match="not connected"), refused:
                pass
