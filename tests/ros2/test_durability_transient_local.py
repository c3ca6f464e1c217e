"""Durability: late joiners get the last message, also of a publisher that has gone."""

from __future__ import annotations

from labmesh import LATCHED, MessageInfo, Node, NodeParameters, QoS, publisher
from tests.labmesh.node.conftest import running
from tests.ros2.lab import Lab, Plain, Temperature, until
from tests.support import MqttBroker


class Door(Node[NodeParameters]):
    """Says at once how warm it is, to whoever comes."""

    setpoint = publisher("setpoint", Temperature, qos=LATCHED)
    reading = publisher("reading", Temperature)


async def test_a_late_joiner_gets_the_last_value_of_a_node_that_left(lab: Lab) -> None:
    door = Door(lab.options())
    async with running(door):
        for kelvin in (1, 2, 3):
            await door.setpoint.publish(Temperature(kelvin=kelvin))
            await door.reading.publish(Temperature(kelvin=kelvin))
    listener = await lab.start(Plain)
    heard: dict[str, list[tuple[float, bool]]] = {"any": [], "volatile": [], "reading": []}

    def into(name: str) -> object:
        def take(message: Temperature, info: MessageInfo) -> None:
            heard[name].append((message.kelvin, info.retained))

        return take

    volatile = QoS(durability="volatile")
    for name, stream, qos in (
        ("volatile", "setpoint", volatile), ("reading", "reading", None), ("any", "setpoint", None),
    ):  # fmt: skip
        await listener.create_subscription(door.id, stream, Temperature, into(name), qos=qos)  # type: ignore[arg-type]
    await until(lambda: heard["any"])
    assert heard == {"any": [(3.0, True)], "volatile": [], "reading": []}

    again = await lab.start(Door, door.id.node)
    await again.setpoint.publish(Temperature(kelvin=4))
    await until(lambda: heard["volatile"] == [(4.0, False)])
    await until(lambda: heard["any"][-1] == (4.0, False))


async def test_an_mqtt_broker_that_lost_it_has_it_again(lab: Lab, mqtt_broker: MqttBroker) -> None:
    lab.place = type(lab.place)(mqtt=mqtt_broker.url, site="kit")
    door, first = await lab.start(Door), await lab.start(Plain)
    heard: list[float] = []

    def take(message: Temperature) -> None:
        heard.append(message.kelvin)

    await first.create_subscription(door.id, "setpoint", Temperature, take)
    await door.setpoint.publish(Temperature(kelvin=7))
    await until(lambda: heard == [7.0])
    connections = door.transport.stats.connections
    mqtt_broker.stop()
    for file in (mqtt_broker._folder).glob("*.db"):
        file.unlink()
    mqtt_broker.start()
    await until(lambda: door.transport.stats.connections > connections)
    late = await lab.start(Plain)
    await late.create_subscription(door.id, "setpoint", Temperature, take)
    await until(lambda: len(heard) == 2)
    assert heard == [7.0, 7.0], "the first listener knows that it is no news"
