"""Bridged MQTT brokers: what crosses, what does not, and what an interrupted link leaves behind."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from labmesh.mosquitto import Bridge, BrokerConfig
from messages.errors import ConfigurationError, NameInvalidError
from messages.topics import MAX_LEVELS, check_filter
from tests.labmesh.mosquitto._client import Client, client
from tests.support import MqttBroker

SITES = ("kit", "dtu", "hub")
PATIENCE = 30.0


def bridge(site: str, port: int, **more: object) -> Bridge:
    peers = tuple(other for other in SITES if other != site)
    return Bridge(site=site, host="127.0.0.1", port=port, peers=peers, **more)  # type: ignore[arg-type]


def until(client: Client, *wanted: tuple[str, bytes]) -> list[tuple[str, bytes]]:
    """Return what has come when all that is wanted has."""
    came: list[tuple[str, bytes]] = []
    end = time.monotonic() + PATIENCE
    while not set(wanted) <= set(came):
        assert time.monotonic() < end, f"{set(wanted) - set(came)} did not come; came: {came}"
        while not client.messages.empty():
            came.append(client.receive())
        time.sleep(0.02)
    return came


def without_pulse(came: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Leave out the signs of the hub's life."""
    return [message for message in came if not message[0].endswith("/bridge/hub/uptime")]


def test_two_sites_are_one_lab_and_a_hub_that_is_away_is_no_loss(tmp_path: Path) -> None:
    streams = ("kit/asab/temperature",)
    with (
        MqttBroker(tmp_path / "hub", sites=("hub",), bridged=("kit", "dtu")) as hub,
        MqttBroker(
            tmp_path / "kit", sites=("kit",), bridge=bridge("kit", hub.port, streams=streams)
        ) as kit,
        MqttBroker(
            tmp_path / "dtu", sites=("dtu",), bridge=bridge("dtu", hub.port, streams=streams)
        ) as dtu,
        client(kit.port, "asab") as asab,
        client(dtu.port, "opt") as opt,
        client(hub.port, "broker") as ledger,
    ):
        for each in (asab, opt, ledger):
            each.subscribe("lab1/#")
            until(each, ("lab1/kit/bridge/link", b"1"), ("lab1/dtu/bridge/link", b"1"))
        assert asab.subscribe("lab1/kit/bridge/hub/uptime") == 1
        assert asab.receive()[1].endswith(b" seconds")

        asab.publish("lab1/kit/asab/node/desc", b"1", retain=True)
        asab.publish("lab1/kit/asab/data/temperature", b"warm")
        asab.publish("lab1/kit/asab/data/noise", b"loud")
        asab.publish("lab1/kit/asab/event/probe-1", b"own affair")
        asab.publish("lab1/kit/asab/call/kit/pump/on", b"own affair")
        asab.publish("lab1/kit/asab/call/dtu/opt/ping", b"to dtu")
        asab.publish("lab1/kit/asab/estop/kit", b"own site", retain=True)
        asab.publish("lab1/kit/asab/estop/dtu/opt", b"stop opt", retain=True)
        asab.publish("lab1/kit/asab/result/hub/broker/q/m", b"to the hub")
        ledger.publish("lab1/hub/broker/journal/result/dtu/opt", b"journal")
        end = ("lab1/kit/asab/call/dtu/opt/last", b"")
        asab.publish(*end)
        told = {("lab1/kit/asab/node/desc", b"1"), ("lab1/kit/asab/data/temperature", b"warm")}
        for_dtu = {
            ("lab1/kit/asab/call/dtu/opt/ping", b"to dtu"),
            ("lab1/hub/broker/journal/result/dtu/opt", b"journal"),
            ("lab1/kit/asab/estop/dtu/opt", b"stop opt"),
            end,
        }
        for_hub = {("lab1/kit/asab/result/hub/broker/q/m", b"to the hub")}
        assert set(without_pulse(until(opt, *told, *for_dtu))) == told | for_dtu
        assert set(until(ledger, *told, *for_dtu, *for_hub)) == told | for_dtu | for_hub

        hub.kill()
        until(asab, ("lab1/kit/bridge/link", b"0"))
        until(opt, ("lab1/dtu/bridge/link", b"0"))
        asab.publish("lab1/kit/asab/node/desc", b"2", retain=True)
        asab.publish("lab1/kit/asab/estop", b"stop all", retain=True)
        for number in range(50):
            opt.publish("lab1/dtu/opt/request/hub/broker/q/m", b"%d" % number)
        # Attempts to connect that fail must not pile up what is retained.
        with socket.create_server(("127.0.0.1", hub.port)) as nobody:
            nobody.settimeout(PATIENCE)
            for _ in range(3):
                nobody.accept()[0].close()
        hub.start()
        with client(hub.port, "reader", client_id="reader") as reader:
            reader.subscribe("lab1/#")
            sent = [("lab1/dtu/opt/request/hub/broker/q/m", b"%d" % n) for n in range(50)]
            came = until(
                reader,
                *sent,
                ("lab1/kit/asab/node/desc", b"2"),
                ("lab1/kit/bridge/link", b"1"),
                ("lab1/dtu/bridge/link", b"1"),
            )
            assert [message for message in came if message in sent] == sent
        came = until(
            opt, ("lab1/kit/asab/node/desc", b"2"), ("lab1/kit/bridge/link", b"1"),
            ("lab1/kit/asab/estop", b"stop all"),
        )  # fmt: skip
        assert came.count(("lab1/kit/asab/node/desc", b"2")) <= 2
        # A hub with old values does not bring them back to the site they are of.
        came = until(asab, ("lab1/kit/bridge/link", b"1"))
        assert ("lab1/kit/asab/node/desc", b"1") not in came


def test_a_site_writes_below_its_own_prefix_at_the_hub(tmp_path: Path) -> None:
    with (
        MqttBroker(tmp_path / "hub", sites=("hub",), bridged=("kit",)) as hub,
        client(hub.port, "kit") as kit,
    ):
        assert kit.publish("lab1/kit/asab/result/hub/broker/q/m") in (0x00, 0x10)
        for topic in ("lab1/dtu/asab/data/x", "lab1/hub/broker/data/x", "lab1/hub/bridge/link"):
            assert kit.publish(topic) == 0x87, topic


def test_every_filter_is_a_sound_one() -> None:
    made = bridge("kit", 1883, streams=("kit/asab/+", "dtu/opt/regret"))
    filters = [pattern for pattern, _ in (*made.exports(), *made.imports())]
    assert len(set(filters)) == len(filters)
    for pattern in filters:
        assert check_filter(pattern).count("/") < MAX_LEVELS
        assert pattern.startswith(("lab1/kit/", "lab1/dtu/", "lab1/hub/"))


def test_tls_appears_where_it_is_asked_for() -> None:
    files = {"ca": Path("/a/ca.pem"), "cert": Path("/a/kit.pem"), "key": Path("/a/kit.key")}
    made = Bridge(site="kit", host="::1", port=8883, peers=("hub",), password="x y", **files)  # type: ignore[arg-type]  # noqa: S106
    config = BrokerConfig(port=1, sites=("kit",), bridge=made).render(Path("/data"))
    for line in (
        "address [::1]:8883",
        "remote_username kit",
        "remote_password x y",
        "bridge_cafile /a/ca.pem",
        "bridge_certfile /a/kit.pem",
        "bridge_keyfile /a/kit.key",
    ):
        assert line in config.splitlines()


def test_what_would_widen_a_bridge_is_refused() -> None:
    with pytest.raises(NameInvalidError, match="site"):
        Bridge(site="kit", host="h", port=1, peers=("+",))
    for peers in ((), ("kit",)):
        with pytest.raises(ConfigurationError, match="other sites"):
            Bridge(site="kit", host="h", port=1, peers=peers)
    for stream in ("asab/temperature", "+/asab/temperature"):
        with pytest.raises(ConfigurationError, match="site/node/stream"):
            Bridge(site="kit", host="h", port=1, peers=("hub",), streams=(stream,))
    with pytest.raises(ConfigurationError, match="not printable"):
        Bridge(site="kit", host="h", port=1, peers=("hub",), password="x\ntopic # both")  # noqa: S106
    with pytest.raises(ConfigurationError, match="its key"):
        Bridge(site="kit", host="h", port=1, peers=("hub",), cert=Path("/c"))
