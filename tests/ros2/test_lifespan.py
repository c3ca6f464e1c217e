"""Lifespan: what is too old reaches nobody, at the MQTT broker and at the subscriber."""

from __future__ import annotations

from dataclasses import replace

from labmesh import LATCHED, Node, NodeParameters, publisher
from labmesh.clock import ManualClock
from tests.ros2.lab import Lab, Plain, Temperature, until


class Weather(Node[NodeParameters]):
    """Says what soon is of no use."""

    today = publisher("today", Temperature, qos=replace(LATCHED, lifespan=1.0))
    ever = publisher("ever", Temperature, qos=LATCHED)


async def test_the_mqtt_broker_forgets_what_is_too_old(lab: Lab) -> None:
    weather = await lab.start(Weather)
    await weather.today.publish(Temperature(kelvin=1))
    await weather.ever.publish(Temperature(kelvin=2))
    visitor = await lab.visitor()
    from labmesh.listing import retained

    topic = visitor.mesh.topics.of(weather.id, "data", "today")
    while await retained(visitor.mesh, topic, Temperature):  # it counts whole seconds
        pass
    topic = visitor.mesh.topics.of(weather.id, "data", "ever")
    assert await retained(visitor.mesh, topic, Temperature)


async def test_a_subscriber_drops_what_is_too_old_by_its_own_clock(lab: Lab) -> None:
    weather, listener = await lab.start(Weather), await lab.start(Plain)
    heard: list[float] = []

    def take(message: Temperature) -> None:
        heard.append(message.kelvin)

    offered = await listener.create_subscription(weather.id, "today", Temperature, take)
    asked = await listener.create_subscription(weather.id, "ever", Temperature, take, lifespan=5.0)
    await until(lambda: offered.offered is not None)
    assert offered.offered is not None
    assert offered.offered.lifespan == 1.0, "what the publisher says holds for everyone"
    # Published now, which by the listener's clock is an hour ago.
    listener._running.mesh.clock = ManualClock(weather.clock.now() + 3600 * 10**9)
    await weather.today.publish(Temperature(kelvin=1))
    await weather.ever.publish(Temperature(kelvin=2))
    assert listener._node_streams is not None
    too_old = listener._node_streams.troubles.counts["too_old"]
    await until(lambda: too_old[offered.where] == too_old[asked.where] == 1)
    assert heard == []
