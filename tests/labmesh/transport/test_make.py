from __future__ import annotations

import asyncio

import pytest

import labmesh.transport
from labmesh.transport import (
    Delivery,
    MemoryHub,
    MemoryTransport,
    MqttAddress,
    MqttTransport,
    Transport,
    make_transport,
)
from messages.errors import ConfigurationError, NotConnectedError


def test_the_url_chooses() -> None:
    mqtt = make_transport("mqtts://u:p@h:1", client_id="c", username="v", window=3)
    assert isinstance(mqtt, MqttTransport)
    assert mqtt.options.address == MqttAddress("h", 1, "u", "p", tls=True)
    own = make_transport("mqtt://localhost", client_id="c", username="v")
    assert isinstance(own, MqttTransport)
    assert own.options.address == MqttAddress("localhost", 1883, "v")
    assert "p@h" not in repr(mqtt.options.address)
    memory = make_transport("memory://make", client_id="c", keepalive=5)
    assert isinstance(memory, MemoryTransport)
    assert memory.hub is MemoryHub.named("make") is not MemoryHub.named("other")


@pytest.mark.parametrize("url", ["mqtts://h", "memory://h"])
def test_unknown_options_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="windw"):
        make_transport(url, client_id="c", windw=3)


def test_addresses() -> None:
    assert str(MqttAddress.parse("mqtt://h")) == "h:1883"
    assert str(MqttAddress.parse("mqtts://h")) == "h:8883"
    assert str(MqttAddress.parse("mqtt://[::1]:7")) == "[::1]:7"
    assert MqttAddress.parse("mqtt://a%40b:c%3A@h").username == "a@b"
    with pytest.raises(ConfigurationError) as failure:
        MqttAddress.parse("mqtt://u:hush@h:x")
    assert "hush" not in str(failure.value)


def test_exported_names() -> None:
    assert labmesh.transport.__all__ == [
        "CONTENT_TYPE",
        "BrokerLimits",
        "Delivery",
        "Handler",
        "MemoryHub",
        "MemoryTransport",
        "MqttAddress",
        "MqttOptions",
        "MqttTransport",
        "Outbound",
        "Subscription",
        "Transport",
        "TransportStats",
        "Will",
        "make_transport",
    ]


async def test_a_hub_shows_and_stops() -> None:
    hub = MemoryHub()
    a: Transport = MemoryTransport(hub, client_id="a")
    got: list[Delivery] = []
    await a.subscribe("x", got.append)
    await a.open()
    await a.publish("x", b"1", retain=True)
    assert hub.retained == {"x": b"1"}
    assert hub.clients == ["a"]
    hub.stop()
    assert not a.connected
    waiting = asyncio.create_task(a.publish("x", b"2"))
    late = MemoryTransport(hub, client_id="late")
    with pytest.raises(NotConnectedError, match="memory hub within"):
        await late.open(timeout=0.02)
    hub.start()
    await waiting
    await a.close()
    assert hub.clients == []
    with pytest.raises(KeyError):
        hub.drop("a")
